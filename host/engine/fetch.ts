import { setMaxListeners } from 'node:events'
import { type Admit, Failure, type Fetched } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import type { BlockFolder } from './blocks.ts'
import { assertSupported, IDENTITY } from './hashes.ts'
import { canLink, linksOf } from './links.ts'
import { Frontier } from './walk.ts'

/** Gets a block that isn't here from somewhere, admits and stores it durably, and gives its bytes. */
export type Want = (cid: CID, options: { signal: AbortSignal; admit: Admit }) => Promise<Uint8Array>

export interface FetchOptions {
  folder: BlockFolder
  want: Want
  /** Told of each block that came from elsewhere, before it is yielded. */
  arrived(cid: CID): void
  admit: Admit
  signal: AbortSignal
  /** Blocks looked for at a time. */
  width: number
  maxBlocks: number
}

/**
 * Brings every block below `root` into the folder, parents before children, and yields each in the order in which they come. The ones
 * that are here cost a look: leaves aren't read. A block here that is damaged is fetched again. When the caller stops, or a block
 * fails, the rest is aborted, and all have ended before this ends.
 */
export async function* fetchDag(
  root: CID,
  { folder, want, arrived, admit, signal, width, maxBlocks }: FetchOptions,
): AsyncGenerator<Fetched> {
  const frontier = new Frontier(maxBlocks)
  frontier.push(expand([root]))
  const stop = new AbortController()
  const ending = AbortSignal.any([signal, stop.signal])
  setMaxListeners(0, ending)

  const visit = async (cid: CID): Promise<Visit> => {
    ending.throwIfAborted()
    if (!canLink(cid)) {
      const size = await folder.size(cid)
      if (size !== undefined) {
        await admit(size)
        return { cid, size, links: [] }
      }
    }
    let bytes = await folder.read(cid).catch(damaged)
    if (bytes !== undefined) await admit(bytes.length)
    else {
      bytes = await want(cid, { signal: ending, admit })
      arrived(cid)
    }
    return { cid, size: bytes.length, links: expand(linksOf(cid, bytes)) }
  }

  const running = new Set<Promise<void>>()
  const done: Visit[] = []
  let failed: { reason: unknown } | undefined
  let wake = (): void => {}
  const start = (cid: CID): void => {
    const task = visit(cid)
      .then(
        (visited) => void done.push(visited),
        (reason: unknown) => {
          failed ??= { reason }
        },
      )
      .then(() => {
        running.delete(task)
        wake()
      })
    running.add(task)
  }

  try {
    for (;;) {
      signal.throwIfAborted()
      if (failed) throw failed.reason
      while (running.size + done.length < width) {
        const cid = frontier.pop()
        if (cid === undefined) break
        start(cid)
      }
      const visited = done.shift()
      if (visited !== undefined) {
        frontier.push(visited.links)
        yield { cid: visited.cid, size: visited.size, pending: frontier.pending + running.size + done.length }
      } else if (running.size === 0) return
      else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    stop.abort()
    await Promise.all(running)
  }
}

/** Identity CIDs replaced by the links in their bytes: they are no blocks to bring, so they don't count as pending either. */
const expand = (links: CID[]): CID[] => {
  if (!links.some((cid) => cid.multihash.code === IDENTITY)) return links
  return links.flatMap((cid) => {
    if (cid.multihash.code !== IDENTITY) return [cid]
    assertSupported(cid)
    return expand(linksOf(cid, cid.multihash.digest))
  })
}

interface Visit {
  cid: CID
  size: number
  links: CID[]
}

const damaged = (reason: unknown): undefined => {
  if (!(reason instanceof Failure && reason.name === 'BadHash')) throw reason
}
