import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Block, Failure } from '@symbiosis/protocol'
import { type ImportCandidate, importer } from 'ipfs-unixfs-importer'
import type { CID } from 'multiformats/cid'

/** A file or folder, as it stands on the disk. */
export interface Found {
  /** Bytes of all files. */
  readonly bytes: number
  /** What is neither file nor folder, and is left out. */
  readonly skipped: readonly string[]
}

interface Entry {
  readonly path: string
  readonly file: string
  readonly bytes: number
  readonly kind: 'file' | 'folder' | 'other'
}

/** What stands below a path, in an order that is the same each time. */
export const survey = async (path: string): Promise<Found> => {
  const root = await stat(path)
  if (root.isFile()) return { bytes: root.size, skipped: [] }
  if (!root.isDirectory()) throw new Failure('Unsupported', `${path} is neither a file nor a folder.`)
  let bytes = 0
  const skipped: string[] = []
  for await (const entry of walk(path, '')) {
    bytes += entry.bytes
    if (entry.kind === 'other') skipped.push(entry.path)
  }
  return { bytes, skipped }
}

/**
 * The blocks of a file or folder as UnixFS (CIDv1, raw leaves, 1 MiB), each once and always in the same order; the root comes last and is what
 * is returned. Memory holds a block, and a hash for each that went by.
 */
export async function* blocksOf(path: string, signal: AbortSignal, onRead: (bytes: number) => void = () => {}): AsyncGenerator<Block, CID> {
  const isFile = (await stat(path)).isFile()
  const handover = new Handover()
  const seen = new Set<string>()
  const store = {
    put: async (cid: CID, bytes: Uint8Array): Promise<CID> => {
      const name = String(cid)
      if (!seen.has(name)) await handover.give({ cid, bytes })
      seen.add(name)
      return cid
    },
  }
  // One after the other, everywhere: only then is the order the same each time.
  const options = { profile: 'unixfs-v1-2025', fileImportConcurrency: 1, blockWriteConcurrency: 1, wrapWithDirectory: !isFile } as const
  const importing = (async () => {
    let root: CID | undefined
    for await (const { cid } of importer(candidates(path, isFile, signal, onRead), store as never, { ...options })) root = cid
    if (!root) throw new Failure('InvalidInput', `There is nothing at ${path}.`)
    return root
  })()
  importing.then(
    () => handover.end(),
    (reason: unknown) => handover.end(reason),
  )
  try {
    for (let block = await handover.take(); block; block = await handover.take()) yield block
  } finally {
    handover.stop()
    await importing.catch(() => {})
  }
  return importing
}

/**
 * The same blocks once more; a file that changed between the two readings must not become half of each.
 * @throws Failure InvalidInput at the end, where the root is another one
 */
export async function* blocksAgain(path: string, root: CID, signal: AbortSignal): AsyncGenerator<Block> {
  const again = yield* blocksOf(path, signal)
  if (again.equals(root)) return
  throw new Failure('InvalidInput', `${path} changed while it was being added.`, { field: 'path', hint: 'Add it again.' })
}

async function* candidates(
  path: string,
  isFile: boolean,
  signal: AbortSignal,
  onRead: (bytes: number) => void,
): AsyncGenerator<ImportCandidate> {
  if (isFile) {
    yield { path: 'file', content: read(path, signal, onRead) }
    return
  }
  let empty = true
  for await (const { path: name, file, kind } of walk(path, '')) {
    signal.throwIfAborted()
    empty = false
    if (kind === 'file') yield { path: name, content: read(file, signal, onRead) }
    if (kind === 'folder') yield { path: name }
  }
  if (empty) yield { path: '' }
}

async function* read(file: string, signal: AbortSignal, onRead: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024, signal })) {
    onRead((chunk as Buffer).length)
    yield chunk as Uint8Array
  }
}

async function* walk(folder: string, prefix: string): AsyncGenerator<Entry> {
  const entries = await readdir(folder, { withFileTypes: true })
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = prefix + entry.name
    const file = join(folder, entry.name)
    if (entry.isDirectory()) {
      yield { path, file, bytes: 0, kind: 'folder' }
      yield* walk(file, `${path}/`)
    } else if (entry.isFile()) yield { path, file, bytes: (await stat(file)).size, kind: 'file' }
    else yield { path, file, bytes: 0, kind: 'other' }
  }
}

/** Passes blocks from who pushes to who pulls, one at a time. */
class Handover {
  #offered: { block: Block; taken: () => void } | undefined
  #over: { reason?: unknown } | undefined
  #stopped = false
  #wake = () => {}

  /** Resolves when the block was taken. */
  give(block: Block): Promise<void> {
    if (this.#stopped) return Promise.reject(new DOMException('Nobody takes the blocks any more.', 'AbortError'))
    return new Promise((taken, refused) => {
      this.#offered = {
        block,
        taken: () => (this.#stopped ? refused(new DOMException('Nobody takes the blocks any more.', 'AbortError')) : taken()),
      }
      this.#wake()
    })
  }

  end(reason?: unknown): void {
    this.#over = { reason }
    this.#wake()
  }

  stop(): void {
    this.#stopped = true
    this.#offered?.taken()
  }

  async take(): Promise<Block | undefined> {
    while (!this.#offered && !this.#over)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    const offered = this.#offered
    this.#offered = undefined
    if (offered) {
      offered.taken()
      return offered.block
    }
    if (this.#over?.reason) throw this.#over.reason
    return undefined
  }
}
