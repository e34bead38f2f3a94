import type { DID, Value } from '@symbiosis/protocol'
import type { Store, StoreReader, StoreTransaction } from '../store/store.ts'

/** Filters as records of the store. Their sizes tell those of one log apart, since each is of more entries than the one before it: that one's own, at least. */
export const FILTER = 'log/filter'
export const SHARD = 'log/shard'

export interface KeptFilter {
  /** Of how many entries it is. */
  readonly size: number
  /** Where its own entry stands. */
  readonly index: number
  /** When it was made, Unix seconds. */
  readonly now: number
  readonly head: Uint8Array
}

export interface KeptShard {
  readonly bytes: Uint8Array
  /** That it is the filter's. */
  readonly proof: Uint8Array[]
}

/** From the smallest to the largest. */
export const readFilters = async (reader: StoreReader, host: DID): Promise<KeptFilter[]> =>
  (await reader.list(FILTER, host)).map(({ value }) => value as unknown as KeptFilter)

export const readShard = async (reader: StoreReader, host: DID, size: number, shard: number): Promise<KeptShard | undefined> =>
  (await reader.get(SHARD, host, keyOf(size, shard))) as unknown as KeptShard | undefined

export const writeFilter = (tx: StoreTransaction, host: DID, filter: KeptFilter): Promise<void> =>
  tx.put(FILTER, host, keyOf(filter.size), filter as unknown as Value)

/** Writes shards from the one with the number `first` on. */
export const writeShards = async (
  tx: StoreTransaction,
  host: DID,
  size: number,
  first: number,
  shards: readonly KeptShard[],
): Promise<void> => {
  for (const [at, shard] of shards.entries()) await tx.put(SHARD, host, keyOf(size, first + at), shard as unknown as Value)
}

/** Records that one transaction removes: shards are large, and a call may wait for the store. */
const AT_ONCE = 8

/** Removes filters by their size, and the shards of such, also of those that came to nothing. */
export const removeFilters = async (store: Store, host: DID, isOld: (size: number) => boolean): Promise<void> => {
  const old = (await readFilters(store, host)).filter(({ size }) => isOld(size)).map(({ size }) => keyOf(size))
  await store.write(async (tx) => {
    for (const key of old) await tx.delete(FILTER, host, key)
  })
  for (let after = ''; ; ) {
    const page = await store.list(SHARD, host, { after, limit: AT_ONCE })
    const keys = page.map(({ key }) => key).filter((key) => isOld(Number.parseInt(key, 16)))
    if (keys.length > 0) {
      await store.write(async (tx) => {
        for (const key of keys) await tx.delete(SHARD, host, key)
      })
    }
    if (page.length < AT_ONCE) return
    after = (page.at(-1) as { key: string }).key
  }
}

/** In the order of the sizes. */
const keyOf = (size: number, shard?: number): string =>
  [size, ...(shard === undefined ? [] : [shard])].map((part) => part.toString(16).padStart(14, '0')).join('/')
