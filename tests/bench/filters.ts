import { FILTERS_OPTIONS, type StoreTransaction, sqliteStore } from '@symbiosis/host'
import {
  decodeShard,
  type Entry,
  type Filter,
  FilterBuilder,
  mayBeRevoked,
  type RevocationEntry,
  shardOf,
} from '@symbiosis/protocol/revocation'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { openIdentity } from '../../host/identity.ts'
import { Filters } from '../../host/log/filters.ts'
import { RevocationLog } from '../../host/log/revocation-log.ts'
import { storePath } from '../../host/store/exchange.ts'
import { newFolder } from './folders.ts'
import type { Plan } from './rounds.ts'
import { atMost, figure, type Row } from './rows.ts'

const SECOND = 1e6
const AT_A_TIME = 10_000
const NOW = 1_800_000_000
const LOG = new Uint8Array(32).fill(7)
const CAUSE = CID.createV1(0x71, Digest.create(0x12, new Uint8Array(32)))
const BY = 'did:key:z6MkvDqGT54cXesYGvABpF1UapVNwjCqRcafi4Px6Thv5T3Z'

/** Digests by number, made anew when they are asked for: ten million of them would be most of what is held. A filter hashes them, so they needn't be random. */
const digestOf = (at: number): Uint8Array => {
  const digest = new Uint8Array(32)
  for (let byte = 0; byte < 4; byte++) digest[byte] = at >>> (8 * byte)
  return digest
}

const entryOf = (at: number): Entry => {
  return { kind: 'revocation', ucan: CID.createV1(0x71, Digest.create(0x12, digestOf(at))), by: BY, expiration: null, cause: CAUSE }
}

const cpu = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** A filter, the CPU time it took without that of its entries, and that of its longest step. */
const built = (size: number): { filter: Filter; micros: number; pause: number } => {
  const builder = new FilterBuilder({ size, now: NOW, log: LOG })
  let [micros, pause] = [0, 0]
  for (let from = 0; from < size; from += AT_A_TIME) {
    const entries = Array.from({ length: Math.min(AT_A_TIME, size - from) }, (_, at) => entryOf(from + at))
    const before = cpu()
    for (const entry of entries) builder.add(entry)
    micros += cpu() - before
  }
  const steps = builder.finish()
  for (;;) {
    const before = cpu()
    const { done, value } = steps.next()
    const step = cpu() - before
    micros += step
    pause = Math.max(pause, step)
    if (done) return { filter: value, micros, pause }
  }
}

/** A filter as a host makes it: entries read from its disk, in slices between which calls go on, until it is in the log. Seconds of the clock. */
const madeByHost = async (count: number): Promise<number> => {
  const dir = await newFolder()
  const identity = openIdentity(dir)
  const host = identity.signer.did
  const store = sqliteStore(storePath(dir))
  const log = await RevocationLog.open(identity, store)
  for (let from = 0; from < count; from += AT_A_TIME) {
    const some = Array.from({ length: Math.min(AT_A_TIME, count - from) }, (_, at) => entryOf(from + at))
    await store.write((tx) => appendAll(log, tx, some))
  }
  const filters = new Filters({ host, store, log, now: () => NOW, options: FILTERS_OPTIONS })
  const started = performance.now()
  const { index } = await filters.latest()
  const seconds = (performance.now() - started) / 1000
  if (index !== count) throw new Error('The filter is not of all entries.')
  await store.close()
  return seconds
}

const appendAll = (log: RevocationLog, tx: StoreTransaction, entries: readonly Entry[]): Promise<number> =>
  log.append(
    tx,
    entries.map((entry) => ({ entry: entry as RevocationEntry, evidence: new Uint8Array() })),
  )

/** What a compact filter takes to make, to hold and to ask. Every key is looked for: one that is missed ends the bench. */
export const compactFilters = async ({ revocations, entries }: Plan): Promise<Row[]> => {
  const size = revocations.at(-1) as number
  const { filter, micros, pause } = built(size)
  const { head, bits, shards } = filter
  const beforeReading = cpu()
  const read = shards.map(decodeShard)
  const reading = cpu() - beforeReading
  const isHit = (at: number): boolean => {
    const digest = digestOf(at)
    return mayBeRevoked(head, read[shardOf(head, bits, digest)] as Uint32Array, digest)
  }
  const before = cpu()
  for (let at = 0; at < size; at++) if (!isHit(at)) throw new Error(`The filter misses the key ${at} of ${size}.`)
  const checking = cpu() - before
  let strangers = 0
  for (let at = size; at < 2 * size; at++) if (isHit(at)) strangers++
  const seconds = await madeByHost(entries)
  const bytes = shards.reduce((sum, { length }) => sum + length, 0)
  return [
    atMost(9.6, { name: `filter: a key of ${size}`, value: (8 * bytes) / size, unit: 'bits' }),
    atMost(79, {
      name: `filter: the largest of ${shards.length} shards`,
      value: Math.max(...shards.map(({ length }) => length)) / 1000,
      unit: 'kB',
    }),
    // Of an expected 1/256, with what chance adds among few.
    atMost(size < 1e6 ? 0.45 : 0.4, {
      name: `filter: of ${size} strangers, taken for revoked`,
      value: (100 * strangers) / size,
      unit: '%',
    }),
    figure({ name: `filter: a check, each of ${size} keys found`, value: (1000 * checking) / size, unit: 'ns' }),
    figure({ name: 'filter: reading a shard', value: reading / shards.length / 1000, unit: 'ms' }),
    figure({ name: `filter: making it of ${size} entries at hand`, value: micros / SECOND, unit: 's' }),
    figure({ name: 'filter: entries a second, of those at hand', value: (size * SECOND) / micros, unit: 'entries/s' }),
    figure({ name: `filter: made by a host whose log has ${entries} entries, calls going on`, value: seconds, unit: 's' }),
    figure({ name: `filter: the longest step of that`, value: pause / 1000, unit: 'ms' }),
  ]
}
