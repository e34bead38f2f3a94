import { type DID, sameBytes } from '@symbiosis/protocol'
import { CompactRange, leafHash, rootAt } from '@symbiosis/protocol/revocation'
import { MANIFEST } from '../manifest/publisher.ts'
import type { Salvage, SalvagedRecord } from '../store/salvage.ts'
import type { Store } from '../store/store.ts'
import { CONTACT } from './contacts.ts'
import { FILTER, SHARD } from './filter-records.ts'
import { dropMirror } from './mirror.ts'
import { MIRRORED } from './mirrored.ts'
import { BUNDLE, HEAD, hashReader, KEY, readEntries, readHead, TILE } from './records.ts'
import { keptIn } from './remains.ts'
import { EVIDENCE } from './revocation-log.ts'
import { SUMMARY } from './summaries.ts'
import { type Kept, SAID, TAKEN_BEFORE, TOLD, toldWithin } from './told.ts'

const AT_ONCE = 256

/** Of the host's own log. Summaries are made anew of its entries, and filters by whoever asks: their shards are large. */
const OWN = new Set([BUNDLE, TILE, HEAD, SUMMARY, FILTER, SHARD])
/** Of a followed one. */
const OTHERS = [BUNDLE, TILE, HEAD, KEY, MIRRORED]

export interface Copying {
  readonly host: DID
  /** Entries of the log that was had back. */
  readonly size: number
  /** Whether the log says at its place what is kept of it. */
  isOf(kept: Kept): boolean
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
    const fitting = fittingIn(record, copying)
    if (!fitting) continue
    some.push(fitting)
    if (some.length === AT_ONCE) await write()
  }
  await write()
  return count
}

/** What of a record goes with the log. */
const fittingIn = (record: SalvagedRecord, { host, size, isOf }: Copying): SalvagedRecord | undefined => {
  const { kind, space, key } = record
  if (space === host && OWN.has(kind)) return undefined
  // Followed logs are heard of again: whether all that was heard is still here, nobody knows.
  if (kind === CONTACT) return undefined
  // It may be one that is lost to the log. The next one is numbered by the clock, above what anybody has seen.
  if (kind === MANIFEST) return undefined
  if (kind === EVIDENCE) return Number.parseInt(key, 16) < size ? record : undefined
  if (kind === TOLD || kind === TAKEN_BEFORE) return toldWithin(record, size)
  if (kind !== SAID) return record
  const kept = keptIn(record)
  return kept && isOf(kept) ? record : undefined
}

/**
 * Removes the mirrors of other hosts' logs that were damaged, too, or all of them: they are followed anew. Gives whose.
 * @param all where entries of the own log are lost: what they had taken over from a mirror is not taken over again, as long as the mirror has it
 */
export const dropMirrors = async (store: Store, host: DID, all: boolean, signal: AbortSignal): Promise<DID[]> => {
  const dropped: DID[] = []
  const mirrors = new Set<string>()
  for (const kind of OTHERS) for await (const { space } of store.every(kind)) mirrors.add(space)
  mirrors.delete(host)
  for (const did of mirrors as Set<DID>) {
    signal.throwIfAborted()
    if (!all && (await isWhole(store, did, signal))) continue
    dropped.push(did)
    await dropMirror(store, did)
  }
  return dropped
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
