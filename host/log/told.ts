import { CLOCK_SKEW, type DID, type Revocation, type Value } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import type { Store, StoreReader, StoreTransaction } from '../store/store.ts'

/**
 * What stands beside the log of its revocations, which does not say it: when this host was told, and whom they count against. One record for all that came at once, found by
 * any of their places, since it is keyed by the last: one for each would lie all over the disk.
 */
export const TOLD = 'log/told'
/** What was said to this host itself, by who revoked what: so that what comes twice, perhaps in one commit, is found to be no news. */
export const SAID = 'revocation'
/** What older stores had of other logs: by the log's origin, and the first place. And that nothing of the kind is left. */
export const TAKEN_BEFORE = 'revocation/taken'
const MOVED = 'log/moved'
const PAGE = 1000

/**
 * A revocation, where it stands in the log, and whom it counts against: by whose lease it was let in, or the origin of the log that brought it. Either could mint
 * and revoke junk without end.
 */
export type Kept = Revocation & { readonly link: CID; readonly index: number; readonly charged?: string }

/** Of a revocation in the log: when this host was told, and whom it counts against. */
export interface Telling {
  readonly at: number
  readonly charged?: string
}

interface Told extends Telling {
  readonly first: number
  readonly count: number
}

/** When a record that tells of a UCAN may go. */
export const expiryOf = (expiration: number | null): { expires?: number } =>
  expiration === null ? {} : { expires: expiration + CLOCK_SKEW + 1 }

export const writeSaid = (tx: StoreTransaction, { link: _, ...said }: Kept): Promise<void> =>
  tx.put(SAID, said.by, said.ucan, said as unknown as Value, expiryOf(said.expiration))

export const readSaid = async (reader: StoreReader, by: DID, ucan: string): Promise<Revocation | undefined> =>
  (await reader.get(SAID, by, ucan)) as unknown as Revocation | undefined

/** Of entries that stand one behind the other in the log, and came at once. */
export const writeTold = async (tx: StoreTransaction, log: DID, kept: readonly Kept[]): Promise<void> => {
  const [head] = kept
  if (!head) return
  const { index: first, at, charged } = head
  await putTold(tx, log, { first, count: kept.length, at, ...(charged !== undefined && { charged }) }, kept.reduce(later, 0))
}

const later = (end: number | null, { expiration }: Pick<Kept, 'expiration'>): number | null =>
  end === null || expiration === null ? null : Math.max(end, expiration)

const putTold = (tx: StoreTransaction, log: DID, told: Told, end: number | null): Promise<void> =>
  tx.put(TOLD, log, keyOf(lastOf(told)), told as unknown as Value, expiryOf(end))

/** What stands beside one entry of the log; nothing where its record went, or was lost. */
export const tellingOf = async (reader: StoreReader, log: DID, place: number): Promise<Telling | undefined> => {
  const [next] = await toldFrom(reader, log, place, 1)
  return next && next.first <= place ? next : undefined
}

/** The same of many, asked for in their order, from one on. */
export const tellings = (reader: StoreReader, log: DID, from: number): ((place: number) => Promise<Telling | undefined>) => {
  let page: Told[] = []
  let at = 0
  let isLast = false
  return async (place) => {
    while (!isLast && endOf(page) <= place) {
      page = await toldFrom(reader, log, Math.max(from, endOf(page)), PAGE)
      isLast = page.length < PAGE
      at = 0
    }
    while (at < page.length && lastOf(page[at] as Told) < place) at++
    const next = page[at]
    return next && next.first <= place ? next : undefined
  }
}

const lastOf = ({ first, count }: Told): number => first + count - 1
const endOf = (page: readonly Told[]): number => (page.length === 0 ? 0 : lastOf(page.at(-1) as Told) + 1)

/** Whether any entry is told of that a log of `size` entries doesn't have. */
export const isToldBeyond = async (reader: StoreReader, log: DID, size: number): Promise<boolean> =>
  (await toldFrom(reader, log, size, 1)).length > 0

const toldFrom = async (reader: StoreReader, log: DID, place: number, limit: number): Promise<Told[]> => {
  const after = place > 0 ? { after: keyOf(place - 1) } : {}
  return (await reader.list(TOLD, log, { ...after, limit })).map(({ value }) => value as unknown as Told)
}

/** Makes what an older store has into such records, once. It does not say how long those of other logs count, so they stay. */
export const moveTold = async (store: Store, log: DID): Promise<void> => {
  if (await store.get(MOVED, log, '')) return
  for await (const { space: charged, value } of store.every(TAKEN_BEFORE)) {
    await store.write((tx) => putTold(tx, log, { ...(value as unknown as Told), charged }, null))
  }
  let page: Omit<Kept, 'link'>[] = []
  const write = () =>
    store.write(async (tx) => {
      for (const { index: first, at, charged, expiration } of page) {
        await putTold(tx, log, { first, count: 1, at, ...(charged !== undefined && { charged }) }, expiration)
      }
    })
  for await (const { value } of store.every(SAID)) {
    page.push(value as unknown as Omit<Kept, 'link'>)
    if (page.length < PAGE) continue
    await write()
    page = []
  }
  await write()
  await store.write((tx) => tx.put(MOVED, log, '', true))
}

/** The first place behind what a record tells of, whether it is of now or of an older store; undefined where it is bent, since then it isn't what its key says. */
export const endOfTold = (kind: string, key: string, value: unknown): number | undefined => {
  const { first, count, at } = (value ?? {}) as Partial<Told>
  if (![first, count, at].every((each) => Number.isSafeInteger(each) && (each as number) >= 0)) return undefined
  const told = { first, count, at } as Told
  return told.count > 0 && key === (kind === TOLD ? keyOf(lastOf(told)) : String(told.first)) ? lastOf(told) + 1 : undefined
}

/** The same record, telling of no place from `size` on; undefined where nothing is left of it. */
export const toldWithin = <T extends { kind: string; key: string; value: Value }>(record: T, size: number): T | undefined => {
  const { kind, key, value } = record
  const end = endOfTold(kind, key, value)
  const told = value as unknown as Told
  if (end === undefined || told.first >= size) return undefined
  if (end <= size) return record
  return { ...record, key: kind === TOLD ? keyOf(size - 1) : key, value: { ...told, count: size - told.first } as unknown as Value }
}

/** In the order of the places. */
const keyOf = (place: number): string => place.toString(16).padStart(12, '0')
