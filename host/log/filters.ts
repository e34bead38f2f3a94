import { setTimeout as sleep } from 'node:timers/promises'
import { type DID, Failure } from '@symbiosis/protocol'
import {
  decodeEntry,
  type Entry,
  emptyRoot,
  encodeFilterHead,
  FilterBuilder,
  type LoggedFilter,
  rootAt,
  shardProofs,
} from '@symbiosis/protocol/revocation'
import { Pace } from '../pace.ts'
import type { Store } from '../store/store.ts'
import { type KeptFilter, type KeptShard, readFilters, readShard, removeFilters, writeFilter, writeShards } from './filter-records.ts'
import { hashReader, readEntries } from './records.ts'
import type { RevocationLog } from './revocation-log.ts'

/** When filters of what is revoked are made, and how many are kept. */
export interface FiltersOptions {
  /** Seconds after which a filter is made anew, also where nothing was revoked: it says until when that is so. 0 for none ever. */
  filterEvery: number
  /** Entries that one is made after before that time, or an eighth of the log where that is more: making one reads all of them. */
  filterAfter: number
  /** Filters that are kept: whoever fetches one has the time until so many more are made. */
  filtersKept: number
}

/** How often filters are made, unless told. */
export const FILTERS_OPTIONS: FiltersOptions = { filterEvery: 3600, filterAfter: 1000, filtersKept: 2 }

/** Milliseconds that who asks waits for a newer filter where there is an older one. */
const PATIENCE = 2000
/** Shards, of 80 kB each, that one transaction writes. */
const SHARDS_AT_ONCE = 2

interface Parts {
  readonly host: DID
  readonly store: Store
  readonly log: RevocationLog
  readonly options: FiltersOptions
  /** Unix seconds. */
  now(): number
}

/**
 * Makes compact filters of the host's log, for those who will be out of reach. A filter is there when its entry is in the log, and its shards are
 * written before that: what a crash leaves of one that came to nothing goes when a later one is made.
 */
export class Filters {
  readonly #parts: Parts
  readonly #since: number
  readonly #closing = new AbortController()
  #making: Promise<void> | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.#since = parts.now()
  }

  /** Makes a filter if there should be a newer one. */
  async keepUp(): Promise<void> {
    if (await this.#isDue((await this.#kept()).at(-1))) await this.#makeOnce()
  }

  /**
   * The latest filter, and that the log has it. The first who asks has one made, also of an empty log: that nothing was revoked is worth to know.
   * @throws Failure NotFound where none are made
   */
  async latest(): Promise<LoggedFilter> {
    const { log, options } = this.#parts
    const before = (await this.#kept()).at(-1)
    const isFirst = !before && options.filterEvery > 0
    if (isFirst || (await this.#isDue(before))) {
      const making = this.#makeOnce()
      // An older one soon is better than a newer one in minutes.
      await (before ? Promise.race([making, sleep(PATIENCE, undefined, { ref: false })]) : making)
    }
    const filter = (await this.#kept()).at(-1)
    if (!filter)
      throw new Failure('NotFound', 'This host has made no filter of its log.', { hint: 'Ask for what the log says: log/entries.' })
    return { ...(await log.logged(filter.index)), head: filter.head }
  }

  /** @throws Failure NotFound for another filter's size, or a shard that it hasn't */
  async shard(size: number, shard: number): Promise<KeptShard> {
    const { store, host } = this.#parts
    const isKept = (await this.#kept()).some((each) => each.size === size)
    const found = isKept ? await readShard(store, host, size, shard) : undefined
    if (found) return found
    const field = isKept ? 'shard' : 'size'
    throw new Failure('NotFound', `There is no such filter, or no such shard of it: ${size}, ${shard}.`, {
      field,
      hint: 'Ask for the latest filter: log/filter.',
    })
  }

  /** Gives up the filter that is being made. */
  close(): void {
    this.#closing.abort()
  }

  #kept(): Promise<KeptFilter[]> {
    return readFilters(this.#parts.store, this.#parts.host)
  }

  async #isDue(last: KeptFilter | undefined): Promise<boolean> {
    const { log, now, options } = this.#parts
    const { filterEvery, filterAfter } = options
    if (filterEvery === 0) return false
    // Of a clock that was set back, too: else there were none until it is where it has been.
    if (Math.abs(now() - (last?.now ?? this.#since)) >= filterEvery) return true
    const size = await log.size()
    const fresh = size - (last ? last.index + 1 : 0)
    return fresh >= Math.max(filterAfter, size / 8)
  }

  #makeOnce(): Promise<void> {
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined
    })
    // Who has stopped waiting for it doesn't hear of its failure; the next who asks begins anew.
    this.#making.catch(() => {})
    return this.#making
  }

  async #make(): Promise<void> {
    const { host, store, log, options } = this.#parts
    const now = this.#parts.now()
    const size = await log.size()
    const builder = new FilterBuilder({ size, now, log: size === 0 ? emptyRoot() : await rootAt(size, hashReader(store, host, size)) })
    const pace = new Pace(this.#closing.signal)
    for await (const bytes of readEntries(store, host, 0, size)) {
      builder.add(known(bytes))
      if (pace.isOver) await pace.rest()
    }
    const { bits, root, head, shards } = await pace.through(builder.finish())
    const proofOf = await pace.through(shardProofs(shards))
    for (let first = 0; first < shards.length; first += SHARDS_AT_ONCE) {
      const some = shards.slice(first, first + SHARDS_AT_ONCE).map(async (bytes, at) => ({ bytes, proof: await proofOf(first + at) }))
      const written = await Promise.all(some)
      await store.write((tx) => writeShards(tx, host, size, first, written))
      await pace.rest()
    }
    await store.write(async (tx) => {
      const index = await log.append(tx, [{ entry: { kind: 'filter', size, now, bits, root } }])
      await writeFilter(tx, host, { size, index, now, head: encodeFilterHead(head) })
    })
    log.tell()
    const kept = (await this.#kept()).slice(-options.filtersKept).map((each) => each.size)
    await removeFilters(store, host, (each) => !kept.includes(each))
  }
}

/** Of a kind that is not known here where undefined. */
const known = (bytes: Uint8Array): Entry | undefined => {
  try {
    return decodeEntry(bytes)
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.name === 'Unsupported') return undefined
    throw thrown
  }
}
