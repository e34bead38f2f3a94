import { setImmediate } from 'node:timers/promises'
import { type Block, Failure, isAbort, type Kept } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import { orAbort } from './abort.ts'
import { type BlockFolder, type BlockKey, blockKey } from './blocks.ts'
import { IDENTITY } from './hashes.ts'
import { canLink, linksOf } from './links.ts'
import { Frontier } from './walk.ts'

/** What a collection did: blocks that stayed, blocks that went, and the bytes of those. */
export interface Collected {
  kept: number
  removed: number
  bytes: number
}

/** Blocks looked at in one go: the other work of the process waits as long. */
const SLICE = 64

/**
 * Mark and sweep over a folder, beside imports, fetches and walks.
 *
 * Invariant: no block goes that belongs to a DAG that is kept, held or being recorded. Why it holds, in the order of a collection:
 *
 * 1. It starts within one tick: from then on the folder notes each key that is asked for, read or put; the roots held are noted.
 * 2. It waits for the stores that run at that time. So a batch is either recorded before the keep-list is read, or put after the start,
 *    and noted.
 * 3. It marks what the noted roots and the keep-list reach. What arrives meanwhile (a fetched block, a stored one, a new held
 *    root) may adopt blocks that nobody asked for yet: nothing is removed while an arrival isn't marked.
 * 4. It checks and removes a block within one tick, and only if it is neither marked nor noted.
 *
 * A kept block that the disk has damaged ends the collection with `BadHash`: its links, and so what to keep, are unknown.
 */
export class Collector {
  readonly #folder: BlockFolder
  readonly #stores = new Set<Promise<unknown>>()
  readonly #held = new Map<symbol, CID>()
  #arrivals: CID[] | undefined
  #current: Promise<Collected> | undefined

  constructor(folder: BlockFolder) {
    this.#folder = folder
  }

  /** Puts blocks, then awaits `record`; a collection sees both or neither. */
  async store(blocks: readonly Block[], record: () => Promise<void>): Promise<void> {
    const running = this.#store(blocks, record)
    const settled = running.catch(() => {})
    this.#stores.add(settled)
    try {
      await running
    } finally {
      this.#stores.delete(settled)
    }
  }

  async #store(blocks: readonly Block[], record: () => Promise<void>): Promise<void> {
    await this.#folder.putAll(blocks)
    for (const { cid } of blocks) this.arrived(cid)
    await record()
  }

  /** Keeps all that is here below `root` until the returned function is called. */
  hold(root: CID): () => void {
    const id = Symbol()
    this.#held.set(id, root)
    this.arrived(root)
    return () => this.#held.delete(id)
  }

  /** Tells a running collection of a block that is here now, and with it of all below. */
  arrived(cid: CID): void {
    if (canLink(cid)) this.#arrivals?.push(cid)
  }

  /**
   * Removes what `keep` doesn't reach. A call that comes while one runs joins it. `keep` has to list one state: what moves from one table
   * to another while it reads must not escape it, so read both in one transaction.
   */
  async collect(keep: () => AsyncIterable<Kept>, signal?: AbortSignal): Promise<Collected> {
    while (this.#current !== undefined) {
      try {
        return await orAbort(this.#current, signal)
      } catch (reason) {
        // Aborted by whoever started it, not by this caller: this one still wants it done.
        if (!isAbort(reason) || signal?.aborted) throw reason
      }
    }
    signal?.throwIfAborted()
    this.#current = this.#collect(keep, signal).finally(() => {
      this.#current = undefined
    })
    return await this.#current
  }

  async #collect(keep: () => AsyncIterable<Kept>, signal: AbortSignal | undefined): Promise<Collected> {
    const noted = this.#folder.watch()
    this.#arrivals = [...this.#held.values()]
    try {
      await orAbort(Promise.all(this.#stores), signal)
      const marks = new Marks(this.#folder, signal)
      for await (const { cid, deep } of keep()) await (deep ? marks.deep(cid) : marks.flat(cid))
      return await this.#sweep(marks, noted, this.#arrivals, signal)
    } finally {
      this.#arrivals = undefined
      this.#folder.unwatch()
    }
  }

  async #sweep(marks: Marks, noted: ReadonlySet<BlockKey>, arrivals: CID[], signal: AbortSignal | undefined): Promise<Collected> {
    const collected: Collected = { kept: 0, removed: 0, bytes: 0 }
    for await (const keys of this.#folder.keys()) {
      for (let at = 0; at < keys.length; at += SLICE) {
        await setImmediate()
        signal?.throwIfAborted()
        for (let cid = arrivals.pop(); cid !== undefined; cid = arrivals.pop()) await marks.deep(cid)
        // No await from here to the end of the slice: what was checked stays true.
        for (const key of keys.slice(at, at + SLICE)) {
          const stays = marks.has(key) || noted.has(key)
          const size = stays ? undefined : this.#folder.removeNow(key)
          if (size === undefined) collected.kept++
          else {
            collected.removed++
            collected.bytes += size
          }
        }
      }
    }
    return collected
  }
}

/** What is to stay. */
class Marks {
  readonly #folder: BlockFolder
  readonly #signal: AbortSignal | undefined
  readonly #keys = new Set<BlockKey>()
  readonly #frontier = new Frontier(Number.POSITIVE_INFINITY)

  constructor(folder: BlockFolder, signal: AbortSignal | undefined) {
    this.#folder = folder
    this.#signal = signal
  }

  has(key: BlockKey): boolean {
    return this.#keys.has(key)
  }

  flat(cid: CID): void {
    if (cid.multihash.code !== IDENTITY) this.#keys.add(blockKey(cid))
  }

  /** A DAG may be incomplete, being fetched still: it is marked as far as it is here. */
  async deep(root: CID): Promise<void> {
    this.#frontier.push([root])
    for (let cid = this.#frontier.pop(); cid !== undefined; cid = this.#frontier.pop()) {
      this.#signal?.throwIfAborted()
      this.flat(cid)
      if (!canLink(cid)) continue
      const links = await this.#links(cid)
      // Should it arrive later in this collection, it has to be visited again.
      if (links === undefined) this.#frontier.forget(cid)
      else this.#frontier.push(links)
    }
  }

  /** Links that can't be read keep nothing, as nobody can follow them; undefined where the block isn't here. */
  async #links(cid: CID): Promise<CID[] | undefined> {
    try {
      const bytes = await this.#folder.read(cid)
      return bytes && linksOf(cid, bytes)
    } catch (reason) {
      if (reason instanceof Failure && (reason.name === 'Unsupported' || reason.name === 'Malformed')) return []
      throw reason
    }
  }
}
