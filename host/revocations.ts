import {
  type Admitted,
  type Amounts,
  CLOCK_SKEW,
  type DID,
  exceeds,
  Failure,
  findPaths,
  type Guard,
  leaseOf,
  type Path,
  type Revocation,
  textOf,
  type Ucan,
  type Value,
} from '@symbiosis/protocol'
import type { Entry, Logged, RevocationEntry } from '@symbiosis/protocol/revocation'
import { CID } from 'multiformats/cid'
import { damaged, type RevocationLog } from './log/revocation-log.ts'
import type { Store, StoreTransaction } from './store/store.ts'

/**
 * The revocations that this host acknowledged: on disk for what is acknowledged, in memory for the question that every call asks of
 * every link. They are only added, and forgotten when the revoked UCAN has ended by itself; the log remembers that they were there.
 */
export const KIND = 'revocation'
/** When entries of the log, from one index on, were taken over from another log. One record for many: one for each would lie all over the disk. */
export const TAKEN = 'revocation/taken'

interface Taken {
  readonly first: number
  readonly count: number
  readonly at: number
}

/** The index behind the last of what was taken over; NaN for what is no such record. */
export const endOf = (taken: unknown): number => {
  const { first, count } = (taken ?? {}) as Partial<Taken>
  return Number(first) + Number(count)
}

/**
 * A revocation, where it stands in the log, and whom it counts against: by whose lease it was let in, or the origin of the log that brought it. Either could mint
 * and revoke junk without end.
 */
export type Kept = Revocation & { readonly index: number; readonly charged?: string }

/** A revocation, and the message with the call that says so. */
export interface Told {
  readonly revocation: Revocation
  readonly evidence: Uint8Array
}

export class Revocations {
  readonly #byUcan = new Map<string, Kept[]>()
  readonly #counts = new Map<string, number>()
  readonly #maxPerSpace: number
  readonly #store: Store
  readonly #log: RevocationLog

  private constructor(store: Store, log: RevocationLog, maxPerSpace: number) {
    this.#store = store
    this.#log = log
    this.#maxPerSpace = maxPerSpace
  }

  /**
   * Takes up what was acknowledged: what the log says, beside which records say when, and by whose lease.
   * @throws Failure Unavailable where the log is damaged: whoever can't prove what is revoked answers nobody
   */
  static async open(store: Store, log: RevocationLog, maxPerSpace: number, now: number): Promise<Revocations> {
    const revocations = new Revocations(store, log, maxPerSpace)
    try {
      const kept = new Map<number, Partial<Kept>>()
      for await (const { value } of store.every(KIND)) kept.set((value as unknown as Kept).index, value as unknown as Kept)
      for await (const { space: charged, value } of store.every(TAKEN)) {
        const { first, count, at } = value as unknown as Taken
        for (let index = first; index < first + count; index++) kept.set(index, { at, charged })
      }
      let index = 0
      for await (const entry of log.verified()) revocations.#takeUp(entry, index, kept.get(index++), now)
      if ([...kept.keys()].some((each) => !(each < index))) throw damaged('it ends before what was acknowledged')
      return revocations
    } catch (thrown) {
      // What doesn't even decode is damaged, too.
      if (thrown instanceof Failure && thrown.name !== 'Unavailable') throw damaged(thrown.message)
      throw thrown
    }
  }

  #takeUp(entry: Entry, index: number, kept: Partial<Kept> | undefined, now: number): void {
    if (entry.kind !== 'revocation') return
    const { by, expiration } = entry
    if (expiration !== null && expiration + CLOCK_SKEW < now) return
    const [ucan, cause] = [textOf(entry.ucan), textOf(entry.cause)]
    if (kept?.ucan !== undefined && (kept.ucan !== ucan || kept.by !== by))
      throw damaged(`what is kept of entry ${index} is of something else`)
    // The log is what can be proved. Its record may have been dropped, too, while a clock was wrong.
    this.#remember({ at: now, ...kept, ucan, by, expiration, cause, index })
  }

  /** Who revoked a UCAN. O(1). */
  of = (ucan: CID): readonly Revocation[] => this.#byUcan.get(textOf(ucan)) ?? []

  /** Where the log has the revocations of a UCAN, by some principals or by anybody. */
  indicesOf(ucan: CID, by?: readonly string[]): number[] {
    const known = this.#byUcan.get(textOf(ucan)) ?? []
    return known.filter((each) => !by || by.includes(each.by)).map(({ index }) => index)
  }

  get size(): number {
    return this.#byUcan.size
  }

  /** Whether a revocation is kept at least as long as it would have to be. */
  isKnown({ ucan, by, expiration }: Pick<RevocationEntry, 'ucan' | 'by' | 'expiration'>): boolean {
    const known = this.#byUcan.get(textOf(ucan))?.find((each) => each.by === by)
    return known !== undefined && !endsLater(expiration, known.expiration)
  }

  /**
   * What is acknowledged of a revocation, and where it stands in the log; undefined where `by` didn't revoke the UCAN, or where that would be forgotten
   * before `expiration`.
   */
  async acknowledged(ucan: CID, by: DID, expiration?: number | null): Promise<{ at: number; log: Logged } | undefined> {
    const known = this.#byUcan.get(textOf(ucan))?.find((each) => each.by === by)
    if (!known || (expiration !== undefined && !this.isKnown({ ucan, by, expiration }))) return undefined
    return { at: known.at, log: await this.#log.logged(known.index) }
  }

  /**
   * Adds the revocations that `find` comes to in the transaction which keeps and logs them, and resolves when they are on disk. They count against
   * `charged`, the principal by whose lease they are let in; against nobody where the host itself revokes. `evidence` is the message that says so.
   * @throws Failure LimitExceeded, field `revocations`
   */
  async add(charged: DID | undefined, evidence: Uint8Array, find: (tx: StoreTransaction) => Promise<readonly Revocation[]>): Promise<void> {
    this.#mustHaveRoom(charged, 1, this.#maxPerSpace)
    const fresh = await this.#store.write(async (tx) => {
      const found = (await find(tx)).map((each) => ({ revocation: each, evidence }))
      // What shares the commit isn't in memory yet.
      const unknown = await unknownOf(found, async ({ by, ucan }) => (await tx.get(KIND, by, ucan)) as unknown as Revocation | undefined)
      const kept = await this.#append(tx, unknown, charged)
      for (const each of kept) {
        const expires = each.expiration === null ? {} : { expires: each.expiration + CLOCK_SKEW + 1 }
        await tx.put(KIND, each.by, each.ucan, each as unknown as Value, expires)
      }
      return kept
    })
    this.remember(fresh)
  }

  /**
   * Takes over what another log says, as if it had been said here, in a transaction of the caller's; give what it resolves with to `remember` when that is on disk,
   * before anything else is taken over. What was known before is not logged again, so that hosts which follow each other come to an end.
   * @throws Failure LimitExceeded, field `revocations`, where `origin`, which is of that log, has brought more than `most`
   */
  async takeOver(tx: StoreTransaction, origin: string, told: readonly Told[], most: number): Promise<readonly Kept[]> {
    const unknown = await unknownOf(told, async ({ by, ucan }) => this.#byUcan.get(ucan)?.find((each) => each.by === by))
    this.#mustHaveRoom(origin, unknown.length, most)
    const kept = await this.#append(tx, unknown, origin)
    const [head] = kept
    if (!head) return []
    const ends = kept.map(({ expiration }) => expiration ?? Number.POSITIVE_INFINITY).reduce((a, b) => Math.max(a, b))
    const expires = Number.isFinite(ends) ? { expires: ends + CLOCK_SKEW + 1 } : {}
    await tx.put(TAKEN, origin, String(head.index), { first: head.index, count: kept.length, at: head.at }, expires)
    return kept
  }

  /** From here on, what was kept is refused. */
  remember(fresh: readonly Kept[]): void {
    for (const each of fresh) this.#remember(each)
    if (fresh.length > 0) this.#log.tell()
  }

  async #append(tx: StoreTransaction, told: readonly Told[], charged: string | undefined): Promise<readonly Kept[]> {
    if (told.length === 0) return []
    const first = await this.#log.append(
      tx,
      told.map(({ revocation, evidence }) => ({ entry: entryOf(revocation), evidence })),
    )
    return told.map(({ revocation }, at): Kept => ({ ...revocation, index: first + at, ...(charged !== undefined && { charged }) }))
  }

  #mustHaveRoom(charged: string | undefined, asked: number, most: number): void {
    if (charged === undefined) return
    const used = this.#counts.get(charged) ?? 0
    if (used + asked <= most) return
    throw new Failure('LimitExceeded', `${used} revocations are kept for ${charged}, and more are not.`, {
      field: 'revocations',
      limit: most,
      used,
      asked,
      hint: 'Give delegations an end: their revocations are forgotten when they have ended by themselves.',
    })
  }

  /** Forgets what ended by itself. */
  expire(now: number): void {
    for (const [ucan, known] of this.#byUcan) {
      const isOver = ({ expiration }: Kept) => expiration !== null && expiration + CLOCK_SKEW < now
      if (!known.some(isOver)) continue
      for (const each of known) if (isOver(each)) this.#count(each.charged, -1)
      // Others' logs may say other ends of it: what one of them says must not take along what another does.
      const left = known.filter((each) => !isOver(each))
      if (left.length > 0) this.#byUcan.set(ucan, left)
      else this.#byUcan.delete(ucan)
    }
  }

  #count(charged: string | undefined, change: 1 | -1): void {
    if (charged === undefined) return
    const count = (this.#counts.get(charged) ?? 0) + change
    if (count > 0) this.#counts.set(charged, count)
    else this.#counts.delete(charged)
  }

  #remember(revocation: Kept): void {
    const known = this.#byUcan.get(revocation.ucan) ?? []
    const same = known.find(({ by }) => by === revocation.by)
    if (same && !endsLater(revocation.expiration, same.expiration)) return
    if (same) this.#count(same.charged, -1)
    this.#count(revocation.charged, 1)
    this.#byUcan.set(revocation.ucan, [...known.filter((each) => each !== same), revocation])
  }
}

/** What isn't known. What is known counts as new where it would be forgotten too early: the end of a UCAN is the word of who logs it. */
const unknownOf = async (
  told: readonly Told[],
  known: (revocation: Revocation) => Promise<Revocation | undefined>,
): Promise<readonly Told[]> => {
  const unknown = new Map<string, Told>()
  for (const each of told) {
    const { by, ucan, expiration } = each.revocation
    const name = `${by} ${ucan}`
    const same = unknown.get(name)?.revocation ?? (await known(each.revocation))
    if (!same || endsLater(expiration, same.expiration)) unknown.set(name, each)
  }
  return [...unknown.values()]
}

const endsLater = (expiration: number | null, than: number | null): boolean => than !== null && (expiration === null || expiration > than)

export const entryOf = ({ ucan, by, expiration, cause }: Revocation): RevocationEntry => ({
  kind: 'revocation',
  ucan: CID.parse(ucan),
  by,
  expiration,
  cause: CID.parse(cause),
})

/**
 * Whether `by` may revoke `ucan`, as the UCANs of the call prove it: an issuer at or above it, or its audience. And whether this host should keep
 * that: only what roots in this host, or in a space with a valid lease that came along; else anyone could fill the store with junk.
 * @returns whom it counts against: who was leased to by this host in the chain that lets it in, or nobody where the host itself revokes
 * @throws Failure NotRevoker, NoLease, BadSignature
 */
export const mustRevoke = (ucan: Ucan, by: DID, message: Admitted, shown: readonly CID[], guard: Guard): DID | undefined => {
  const link = String(ucan.cid)
  const genuine = genuineAbove(ucan, message)
  if (genuine.length === 0) throw new Failure('BadSignature', 'The UCAN to revoke is not signed by its issuer.', { link })
  if (ucan.audience !== by && !genuine.some(({ issuer }) => issuer === by)) {
    throw new Failure('NotRevoker', `${by} neither issued the UCAN, nor one above it, nor received it.`, {
      link,
      hint: 'Revoke it as the space, as its issuer, or as the one who received it.',
    })
  }
  // Through links that stand: a lease that has ended is no way to fill the store for ever.
  const lease = genuineAbove(ucan, message, (above) => isCurrent(above, guard.now)).find(({ issuer }) => issuer === guard.host)
  if (lease) return by === guard.host ? undefined : lease.audience
  for (const space of new Set(genuine.map(({ issuer }) => issuer))) {
    const lessee = lesseeAbove(space, message, shown, guard)
    if (lessee) return lessee
  }
  throw new Failure('NoLease', 'The UCAN comes neither from this host nor from a space that has a lease here.', {
    link,
    hint: 'Show a lease of the space with the call.',
  })
}

/** A UCAN and every genuine proof above it, itself first; nothing where it isn't genuine. */
const genuineAbove = (ucan: Ucan, message: Admitted, counts: (above: Ucan) => boolean = () => true): Ucan[] => {
  const seen = new Set<Ucan>()
  const genuine: Ucan[] = []
  const visit = (link: Ucan): void => {
    if (seen.has(link)) return
    seen.add(link)
    if (!message.checks.isSigned(link)) return
    genuine.push(link)
    for (const cid of link.proofs) {
      const above = message.ucans.get(String(cid))
      if (above?.audience === link.issuer && counts(above)) visit(above)
    }
  }
  visit(ucan)
  return genuine
}

const isCurrent = ({ expiration, notBefore = 0 }: Ucan, now: number): boolean =>
  (expiration === null || now <= expiration + CLOCK_SKEW) && now >= notBefore - CLOCK_SKEW

/** Whom this host leased to in a valid chain of leases that ends at the space, if there is one. */
const lesseeAbove = (space: string, message: Admitted, shown: readonly CID[], guard: Guard): DID | undefined => {
  const search = {
    chain: 'lease' as const,
    root: guard.host,
    none: () => ({ name: 'NoLease', message: '' }),
    stands: (link: Ucan, now: number) =>
      link.expiration !== null && isCurrent(link, now) && leaseOf(link)?.with === guard.host
        ? undefined
        : { name: 'NoLease', message: 'The lease is not of this host, or not of this time.' },
    narrows: (path: Path) => {
      const [child, parent] = [path.at(-1) as Ucan, path.at(-2)]
      const inForce: Amounts = Object.assign({}, ...path.slice(0, -1).map((link) => leaseOf(link)?.nb))
      const reason = parent && exceeds(child, parent, (leaseOf(child)?.nb ?? {}) as Amounts, inForce)
      return reason ? { name: 'NoLease', message: `The lease is void: ${reason}.` } : undefined
    },
  }
  let lessee: DID | undefined
  findPaths(space, shown, search, message, guard, ([first]) => {
    lessee = first?.audience
    return true
  })
  return lessee
}
