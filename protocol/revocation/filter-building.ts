import type { CID } from 'multiformats/cid'
import { finish, type Steps } from '../checks.ts'
import { CLOCK_SKEW } from '../clock.ts'
import { Failure } from '../failure.ts'
import type { Entry, FilterEntry } from './entry.ts'
import { type FilterHead, filterRoot, keyOf, shardAt } from './filter.ts'
import { leafHash } from './hashing.ts'
import { inclusionProof } from './inclusion.ts'
import { CompactRange } from './range.ts'
import { encodeShard, SHARD_KEYS } from './shard.ts'

/** What a filter is made of, beside entries. */
export interface FilterOptions {
  /** Of how many entries: the log's first ones. */
  readonly size: number
  /** Unix seconds. */
  readonly now: number
  /** The log's root at that size. */
  readonly log: Uint8Array
}

/** A filter whole. With `size` and `now`, `bits` and `root` are what its entry says. */
export interface Filter {
  readonly bits: number
  readonly root: CID
  readonly head: FilterHead
  /** 2^`bits` of them, about 1.2 bytes a key together. */
  readonly shards: readonly Uint8Array[]
}

/** Shards enough for four thousand million keys. */
const MOST_BITS = 16

/** Keys of a chunk: memory grows by 512 KiB at a time, and nothing is copied. */
const CHUNK = 65_536

/**
 * Makes a filter as entries come, in the order of the log. It takes 8 bytes a key while they come, and 12 at the end: 120 MB for ten million. What a key is
 * written as is only known when all are there.
 */
export class FilterBuilder {
  readonly #options: FilterOptions
  /** Place and tag of each key, one behind the other. */
  #chunks: Uint32Array[] = []
  #keys = 0
  #entries = 0
  /** How many keys each shard would have if there were as many as there can be. */
  readonly #counts = new Uint32Array(2 ** MOST_BITS)

  constructor(options: FilterOptions) {
    this.#options = options
  }

  /**
   * The log's next entry; or undefined for one of a kind that is not known here, which is no revocation but counts.
   * @throws Failure Malformed for a root of other than 32 bytes
   */
  add(entry: Entry | undefined): void {
    const { now, log } = this.#options
    this.#entries++
    if (entry?.kind !== 'revocation') return
    if (entry.expiration !== null && entry.expiration + CLOCK_SKEW < now) return
    const { place, tag } = keyOf(log, entry.ucan.multihash.digest)
    const at = this.#keys % CHUNK
    if (at === 0) this.#chunks.push(new Uint32Array(2 * CHUNK))
    const chunk = this.#chunks.at(-1) as Uint32Array
    chunk[2 * at] = place
    chunk[2 * at + 1] = tag
    this.#keys++
    const shard = shardAt(place, MOST_BITS)
    this.#counts[shard] = (this.#counts[shard] as number) + 1
  }

  /**
   * The filter of all that was added, in steps of 65,536 keys at most, some milliseconds. Nothing can be added any more.
   * @throws Failure Malformed with other than `size` entries
   */
  *finish(): Steps<Filter> {
    const { size, log } = this.#options
    if (this.#entries !== size) {
      throw new Failure('Malformed', `A filter of ${size} entries is made of exactly as many.`, { field: 'size', limit: size })
    }
    const counts = fewestShards(this.#counts)
    const bits = Math.log2(counts.length)
    const tags = yield* this.#tagsByShard(counts, bits)
    const shards: Uint8Array[] = []
    const tree = new CompactRange()
    let begin = 0
    for (const count of counts) {
      const shard = encodeShard(tags.subarray(begin, begin + count).sort())
      tree.append(leafHash(shard))
      shards.push(shard)
      begin += count
      yield
    }
    const head = { log, shards: tree.root() }
    return { bits, root: filterRoot(head), head, shards }
  }

  /** The tags of the first shard, then those of the second, and so on. */
  *#tagsByShard(counts: Uint32Array, bits: number): Steps<Uint32Array> {
    const next = new Uint32Array(counts.length)
    for (let shard = 1; shard < next.length; shard++) next[shard] = (next[shard - 1] as number) + (counts[shard - 1] as number)
    const tags = new Uint32Array(this.#keys)
    let left = this.#keys
    for (const chunk of this.#chunks) {
      const end = 2 * Math.min(left, CHUNK)
      for (let at = 0; at < end; at += 2) {
        const shard = shardAt(chunk[at] as number, bits)
        const place = next[shard] as number
        tags[place] = chunk[at + 1] as number
        next[shard] = place + 1
      }
      left -= CHUNK
      yield
    }
    this.#chunks = []
    return tags
  }
}

/** The fewest shards, 1 or 2 or 4 and so on, of which none has too many keys. So `bits` is nobody's choice. */
const fewestShards = (counts: Uint32Array): Uint32Array => {
  let fewest = counts
  while (fewest.length > 1) {
    const [halved, wide] = [new Uint32Array(fewest.length / 2), fewest]
    for (let shard = 0; shard < halved.length; shard++) halved[shard] = (wide[2 * shard] as number) + (wide[2 * shard + 1] as number)
    if (halved.some((count) => count > SHARD_KEYS)) break
    fewest = halved
  }
  return fewest
}

/**
 * The filter of entries that are at hand.
 * @throws Failure Malformed where they aren't `size`
 */
export const buildFilter = (entries: Iterable<Entry | undefined>, options: FilterOptions): Filter => {
  const builder = new FilterBuilder(options)
  for (const entry of entries) builder.add(entry)
  return finish(builder.finish())
}

/**
 * Whether what an entry says of a filter is so. The entries have to be the log's own: their root at the filter's size is `log`, which whoever follows the log
 * knows, and which a consistency proof joins to the checkpoint that covers the claim. A false claim and these together convict who signed the checkpoint.
 * @throws Failure Malformed where the entries aren't `size`
 */
export const isFilterOf = ({ size, now, bits, root }: FilterEntry, log: Uint8Array, entries: Iterable<Entry | undefined>): boolean => {
  const filter = buildFilter(entries, { size, now, log })
  return filter.bits === bits && filter.root.equals(root)
}

/** Makes the inclusion proofs of a filter's shards, in steps of one shard each: it hashes each of them once. */
export function* shardProofs(shards: readonly Uint8Array[]): Steps<(index: number) => Promise<Uint8Array[]>> {
  const levels: Uint8Array[][] = []
  const tree = new CompactRange()
  for (const shard of shards) {
    tree.append(leafHash(shard), (level, index, hash) => {
      levels[level] ??= []
      ;(levels[level] as Uint8Array[])[index] = hash
    })
    yield
  }
  return (index) => inclusionProof(index, shards.length, (level, at) => levels[level]?.[at] as Uint8Array)
}
