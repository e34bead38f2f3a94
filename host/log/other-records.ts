import { type DID, sameBytes, type Value } from '@symbiosis/protocol'
import { CompactRange, leafHash, rootAt } from '@symbiosis/protocol/revocation'
import { endOf, KIND, TAKEN } from '../revocations.ts'
import type { Salvage, SalvagedRecord } from '../store/salvage.ts'
import type { Store } from '../store/store.ts'
import { FILTER, SHARD } from './filter-records.ts'
import { MIRRORED } from './mirrored.ts'
import { BUNDLE, HEAD, hashReader, KEY, readEntries, readHead, TILE } from './records.ts'
import { EVIDENCE } from './revocation-log.ts'

const AT_ONCE = 256

/** Of the host's own log. Its filters are made anew by whoever asks: their shards are large. */
const OWN = new Set([BUNDLE, TILE, HEAD, FILTER, SHARD])
/** Of a followed one. */
const OTHERS = [BUNDLE, TILE, HEAD, KEY, MIRRORED]

export interface Copying {
  readonly host: DID
  /** Entries of the log that was had back. */
  readonly size: number
  /** Whether what is kept of an entry is what the log says there. */
  isOf(kept: Value, index: number): boolean
  readonly signal: AbortSignal
}

/** Copies what isn't the log itself, as far as it can be read and goes with the log; gives how many records that were. */
export const copyRecords = async (salvage: Salvage, store: Store, copying: Copying): Promise<number> => {
  let count = 0
  let some: SalvagedRecord[] = []
  const write = async () => {
    copying.signal.throwIfAborted()
    const records = some
    some = []
    await store.write(async (tx) => {
      for (const { kind, space, key, value, expires } of records) {
        // What a follower gave of it is as good.
        if (kind === EVIDENCE && (await tx.get(kind, space, key)) !== undefined) continue
        await tx.put(kind, space, key, value, expires === null ? {} : { expires })
        count++
      }
    })
  }
  for (const record of salvage.records()) {
    if (!goesAlong(record, copying)) continue
    some.push(record)
    if (some.length === AT_ONCE) await write()
  }
  await write()
  return count
}

const goesAlong = ({ kind, space, key, value }: SalvagedRecord, { host, size, isOf }: Copying): boolean => {
  if (space === host && OWN.has(kind)) return false
  if (kind === EVIDENCE) return Number.parseInt(key, 16) < size
  if (kind === TAKEN) return endOf(value) <= size
  if (kind === KIND) return isOf(value, (value as { index?: number } | null)?.index ?? size)
  return true
}

/** Removes the mirrors of other hosts' logs that were damaged, too: they are followed anew. Gives whose. */
export const dropDamagedMirrors = async (store: Store, host: DID, signal: AbortSignal): Promise<string[]> => {
  const dropped: string[] = []
  const mirrors = new Set<string>()
  for (const kind of OTHERS) for await (const { space } of store.every(kind)) mirrors.add(space)
  mirrors.delete(host)
  for (const did of mirrors) {
    signal.throwIfAborted()
    if (await isWhole(store, did, signal)) continue
    dropped.push(did)
    for (const kind of OTHERS) await removeAll(store, kind, did)
  }
  return dropped
}

const removeAll = async (store: Store, kind: string, did: string): Promise<void> => {
  for (;;) {
    const page = await store.list(kind, did, { limit: AT_ONCE })
    if (page.length === 0) return
    await store.write(async (tx) => {
      for (const { key } of page) await tx.delete(kind, did, key)
    })
  }
}

const isWhole = async (store: Store, did: string, signal: AbortSignal): Promise<boolean> => {
  try {
    const head = await readHead(store, did)
    if (!head || (await store.get(KEY, did, '')) === undefined) return false
    const { range } = head
    const read = new CompactRange()
    for await (const entry of readEntries(store, did, 0, range.end)) {
      signal.throwIfAborted()
      read.append(leafHash(entry))
    }
    const root = read.root()
    return sameBytes(root, range.root()) && (range.end === 0 || sameBytes(await rootAt(range.end, hashReader(store, did, range.end)), root))
  } catch {
    signal.throwIfAborted()
    return false
  }
}
