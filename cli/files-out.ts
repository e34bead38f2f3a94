import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Failure } from '@symbiosis/protocol'
import { exporter, type UnixFSDirectory, type UnixFSEntry } from 'ipfs-unixfs-exporter'
import type { CID } from 'multiformats/cid'

interface Reading {
  /** Where blocks are read. */
  read(cid: CID): Promise<Uint8Array>
  signal: AbortSignal
}

/** How deep folders may lie in each other: a path has an end on every system. */
const MAX_DEPTH = 256

/** Writes what a UnixFS DAG holds, a file or a folder, to a path where nothing is. */
export const writeFiles = async (root: CID, target: string, reading: Reading): Promise<void> => writeEntry(root, target, reading, 0)

/** Writes a file's bytes to a stream, which stays open. */
export const writeStream = async (root: CID, to: Writable, reading: Reading): Promise<void> => {
  const entry = await entryAt(root, reading)
  if (!('content' in entry))
    throw new Failure('Unsupported', 'It is a folder, and a stream holds one file.', { link: String(root), hint: 'Name a folder: -o PATH' })
  await pipeline(contentOf(entry, reading), to, { end: false, signal: reading.signal })
}

const writeEntry = async (cid: CID, target: string, reading: Reading, depth: number): Promise<void> => {
  reading.signal.throwIfAborted()
  if (depth > MAX_DEPTH)
    throw new Failure('TooLarge', `Folders lie more than ${MAX_DEPTH} deep in each other.`, { link: String(cid), limit: MAX_DEPTH })
  const entry = await entryAt(cid, reading)
  if (entry.type === 'directory') {
    await mkdir(target)
    for await (const [name, child] of childrenOf(entry, reading)) await writeEntry(child, join(target, name), reading, depth + 1)
    return
  }
  if ('content' in entry) await pipeline(contentOf(entry, reading), createWriteStream(target, { flags: 'wx' }), { signal: reading.signal })
}

const entryAt = async (cid: CID, { read, signal }: Reading): Promise<UnixFSEntry> => {
  // Asked for by its CID alone, an entry has the CID for its name: no name of a folder's making is walked.
  const get = async function* (link: CID) {
    yield await read(link)
  }
  const entry = await exporter(cid as never, { get } as never, { signal }).catch((cause: unknown) => {
    if (cause instanceof Failure) throw cause
    signal.throwIfAborted()
    throw new Failure('Unsupported', `What ${cid} holds is no file or folder.`, { link: String(cid) }, { cause })
  })
  const kind = 'unixfs' in entry ? entry.unixfs.type : entry.type
  const known = ['file', 'raw', 'identity', 'directory', 'hamt-sharded-directory'].includes(kind)
  // A symbolic link could lead what follows out of the folder.
  if (!known || entry.type === 'object')
    throw new Failure('Unsupported', `${cid} is a ${kind}, and neither a file nor a folder.`, { link: String(cid) })
  return entry
}

async function* childrenOf(folder: UnixFSDirectory, { signal }: Reading): AsyncGenerator<[string, CID]> {
  const names = new Set<string>()
  for await (const { name, cid } of folder.entries({ signal })) {
    mustBeName(name, folder)
    if (names.has(name)) throw new Failure('Malformed', `A folder has two entries called "${name}".`, { link: String(folder.cid) })
    names.add(name)
    yield [name, cid as unknown as CID]
  }
}

/** A name that stays within its folder, here and on other systems. */
const mustBeName = (name: string, folder: UnixFSDirectory): void => {
  const separator = process.platform === 'win32' ? /[/\\:\0]/ : /[/\0]/
  if (name !== '' && name !== '.' && name !== '..' && !separator.test(name)) return
  throw new Failure('Malformed', `A folder has an entry called ${JSON.stringify(name.slice(0, 80))}, which leads out of it.`, {
    link: String(folder.cid),
    hint: 'Whoever made this meant no good. Nothing of it was written.',
  })
}

/** The reader of UnixFS goes as far ahead as a node has children, a thousand blocks and more: it is asked for so much at a time. */
const WINDOW = 8 * 1024 * 1024

const contentOf = (entry: Extract<UnixFSEntry, { content: unknown }>, reading: Reading): Readable =>
  Readable.from(windows(entry, reading), { objectMode: false })

async function* windows(entry: Extract<UnixFSEntry, { content: unknown }>, { signal }: Reading): AsyncGenerator<Uint8Array> {
  const size = Number('unixfs' in entry ? entry.unixfs.fileSize() : entry.size)
  for (let offset = 0; offset < size; offset += WINDOW) {
    const length = Math.min(WINDOW, size - offset)
    let came = 0
    try {
      for await (const chunk of entry.content({ offset, length, signal, blockReadConcurrency: 1 })) {
        came += chunk.length
        yield chunk
      }
    } catch (cause) {
      // A disk that fails has an errno; what is left is what the reader says of the blocks.
      if (cause instanceof Failure || signal.aborted || (cause as NodeJS.ErrnoException).errno) throw cause
      throw new Failure('Malformed', 'A file is not what it says it is.', { link: String(entry.cid) }, { cause })
    }
    if (came !== length) throw new Failure('Malformed', 'A file is not as long as it says.', { link: String(entry.cid) })
  }
}
