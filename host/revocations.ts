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
const KIND = 'revocation'

/** A revocation, where it stands in the log, and by whose lease it was let in: who holds a lease could mint and revoke junk without end. */
type Kept = Revocation & { readonly index: number; readonly charged?: DID }

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
      const kept = new Map<number, Kept>()
      for await (const { value } of store.every(KIND)) kept.set((value as unknown as Kept).index, value as unknown as Kept)
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

  #takeUp(entry: Entry, index: number, kept: Kept | undefined, now: number): void {
    if (entry.kind !== 'revocation') return
    const { by, expiration } = entry
    if (expiration !== null && expiration + CLOCK_SKEW < now) return
    const [ucan, cause] = [textOf(entry.ucan), textOf(entry.cause)]
    if (kept && (kept.ucan !== ucan || kept.by !== by)) throw damaged(`what is kept of entry ${index} is of something else`)
    // The log is what can be proved. Its record may have been dropped, too, while a clock was wrong.
    this.#remember({ at: now, ...kept, ucan, by, expiration, cause, index })
  }

  /** Who revoked a UCAN. O(1). */
  of = (ucan: CID): readonly Revocation[] => this.#byUcan.get(textOf(ucan)) ?? []

  get size(): number {
    return this.#byUcan.size
  }

  /** What is acknowledged of a revocation, and where it stands in the log; undefined where `by` didn't revoke the UCAN. */
  async acknowledged(ucan: CID, by: DID): Promise<{ at: number; log: Logged } | undefined> {
    const known = this.#byUcan.get(textOf(ucan))?.find((each) => each.by === by)
    return known && { at: known.at, log: await this.#log.logged(known.index) }
  }

  /**
   * Adds the revocations that `find` comes to in the transaction which keeps and logs them, and resolves when they are on disk. They count against
   * `charged`, the principal by whose lease they are let in; against nobody where the host itself revokes. `evidence` is the message that says so.
   * @throws Failure LimitExceeded, field `revocations`
   */
  async add(charged: DID | undefined, evidence: Uint8Array, find: (tx: StoreTransaction) => Promise<readonly Revocation[]>): Promise<void> {
    const used = charged === undefined ? 0 : (this.#counts.get(charged) ?? 0)
    if (used >= this.#maxPerSpace) {
      throw new Failure('LimitExceeded', `${used} revocations are kept for ${charged}, and more are not.`, {
        field: 'revocations',
        limit: this.#maxPerSpace,
        used,
        asked: 1,
        hint: 'Give delegations an end: their revocations are forgotten when they have ended by themselves.',
      })
    }
    const fresh = await this.#store.write(async (tx) => {
      const unknown: Revocation[] = []
      // What shares the commit isn't in memory yet.
      for (const each of await find(tx)) if (!(await tx.get(KIND, each.by, each.ucan))) unknown.push(each)
      if (unknown.length === 0) return []
      const first = await this.#log.append(
        tx,
        unknown.map((each) => ({ entry: entryOf(each), evidence })),
      )
      const kept = unknown.map((each, at): Kept => ({ ...each, index: first + at, ...(charged !== undefined && { charged }) }))
      for (const each of kept) {
        const expires = each.expiration === null ? {} : { expires: each.expiration + CLOCK_SKEW + 1 }
        await tx.put(KIND, each.by, each.ucan, each as unknown as Value, expires)
      }
      return kept
    })
    for (const each of fresh) this.#remember(each)
    if (fresh.length > 0) this.#log.tell()
  }

  /** Forgets what ended by itself. */
  expire(now: number): void {
    for (const [ucan, [first]] of this.#byUcan) {
      if (!first || first.expiration === null || first.expiration + CLOCK_SKEW >= now) continue
      for (const { charged } of this.#byUcan.get(ucan) ?? []) this.#count(charged, -1)
      this.#byUcan.delete(ucan)
    }
  }

  #count(charged: DID | undefined, change: 1 | -1): void {
    if (charged === undefined) return
    const count = (this.#counts.get(charged) ?? 0) + change
    if (count > 0) this.#counts.set(charged, count)
    else this.#counts.delete(charged)
  }

  #remember(revocation: Kept): void {
    const known = this.#byUcan.get(revocation.ucan)
    if (known?.some(({ by }) => by === revocation.by)) return
    this.#count(revocation.charged, 1)
    if (known) known.push(revocation)
    else this.#byUcan.set(revocation.ucan, [revocation])
  }
}

const entryOf = ({ ucan, by, expiration, cause }: Revocation): RevocationEntry => ({
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
