import { CLOCK_SKEW, type DID, type Revocation, type Value } from '@symbiosis/protocol'
import type { Store, StoreReader, StoreTransaction } from '../store/store.ts'

/**
 * What stands beside the log of each revocation, which does not say it: when this host was told, and whom it counts against. What was said here has a record
 * by who revoked what. What was taken over from another log has one for many, found by any of its places, since it is keyed by the last: one for each would lie all
 * over the disk.
 */
const SAID = 'revocation'
const TAKEN = 'log/taken'
/** As stores had them that were written before there were summaries: by the log they came from, and the first place. */
const TAKEN_BEFORE = 'revocation/taken'
const PAGE = 1000

/**
 * A revocation, where it stands in the log, and whom it counts against: by whose lease it was let in, or the origin of the log that brought it. Either could mint
 * and revoke junk without end.
 */
export type Kept = Revocation & { readonly index: number; readonly charged?: string }

/** Of a revocation in the log: when this host was told, and whom it counts against. */
export interface Telling {
  readonly at: number
  readonly charged?: string
}

interface Taken extends Required<Telling> {
  readonly first: number
  readonly count: number
}

/** When a record that tells of a UCAN may go. */
export const expiryOf = (expiration: number | null): { expires?: number } =>
  expiration === null ? {} : { expires: expiration + CLOCK_SKEW + 1 }

export const writeSaid = (tx: StoreTransaction, kept: Kept): Promise<void> =>
  tx.put(SAID, kept.by, kept.ucan, kept as unknown as Value, expiryOf(kept.expiration))

export const readSaid = async (reader: StoreReader, by: DID, ucan: string): Promise<Kept | undefined> =>
  (await reader.get(SAID, by, ucan)) as unknown as Kept | undefined

/** Of entries that stand one behind the other in the log. */
export const writeTaken = async (tx: StoreTransaction, log: DID, kept: readonly Kept[]): Promise<void> => {
  const [head] = kept
  if (!head) return
  const end = kept.reduce<number | null>(
    (last, { expiration }) => (last === null || expiration === null ? null : Math.max(last, expiration)),
    0,
  )
  const { index: first, at, charged = '' } = head
  await putTaken(tx, log, { first, count: kept.length, at, charged }, expiryOf(end))
}

const putTaken = (tx: StoreTransaction, log: DID, taken: Taken, options: { expires?: number } = {}): Promise<void> =>
  tx.put(TAKEN, log, keyOf(taken.first + taken.count - 1), taken as unknown as Value, options)

/** What stands beside one entry of the log; nothing where its record went, or was lost. */
export const tellingOf = async (reader: StoreReader, log: DID, place: number, by: DID, ucan: string): Promise<Telling | undefined> => {
  const [next] = await takenFrom(reader, log, place, 1)
  return next && next.first <= place ? next : readSaid(reader, by, ucan)
}

/** The same of many, asked for in their order. */
export const tellings = (reader: StoreReader, log: DID, from: number) => {
  let page: Taken[] = []
  let at = 0
  let isLast = false
  return async (place: number, by: DID, ucan: string): Promise<Telling | undefined> => {
    while (!isLast && endOf(page) <= place) {
      page = await takenFrom(reader, log, Math.max(from, endOf(page)), PAGE)
      isLast = page.length < PAGE
      at = 0
    }
    while (at < page.length && lastOf(page[at] as Taken) < place) at++
    const next = page[at]
    return next && next.first <= place ? next : readSaid(reader, by, ucan)
  }
}

const lastOf = ({ first, count }: Taken): number => first + count - 1
const endOf = (page: readonly Taken[]): number => (page.length === 0 ? 0 : lastOf(page.at(-1) as Taken) + 1)

const takenFrom = async (reader: StoreReader, log: DID, place: number, limit: number): Promise<Taken[]> => {
  const after = place > 0 ? { after: keyOf(place - 1) } : {}
  return (await reader.list(TAKEN, log, { ...after, limit })).map(({ value }) => value as unknown as Taken)
}

/** Takes an older store's records over. They say nothing of when they may go, so they stay. */
export const moveTaken = async (store: Store, log: DID): Promise<void> => {
  for await (const { space: charged, key, value } of store.every(TAKEN_BEFORE)) {
    await store.write(async (tx) => {
      await putTaken(tx, log, { ...(value as unknown as Omit<Taken, 'charged'>), charged })
      await tx.delete(TAKEN_BEFORE, charged, key)
    })
  }
}

/** In the order of the places. */
const keyOf = (place: number): string => place.toString(16).padStart(12, '0')
