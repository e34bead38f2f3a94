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
} from '@symbiosis/protocol'
import type { Logged, RevocationEntry } from '@symbiosis/protocol/revocation'
import { CID } from 'multiformats/cid'
import { KNOWN_OPTIONS, type KnownOptions, KnownRevocations } from './known-revocations.ts'
import { orDamaged, type RevocationLog } from './log/revocation-log.ts'
import { type Kept, moveTold, readSaid, writeSaid, writeTold } from './log/told.ts'
import type { Store, StoreTransaction } from './store/store.ts'

/** A revocation, and the message with the call that says so. */
export interface Told {
  readonly revocation: Revocation
  /** The same as the log has it. */
  readonly entry: RevocationEntry
  readonly evidence: Uint8Array
}

interface Parts {
  readonly store: Store
  readonly log: RevocationLog
  /** Revocations kept at a time that were let in by the lease of one space. */
  readonly maxPerSpace: number
  readonly options?: Partial<KnownOptions>
  /** Unix seconds. */
  readonly now: number
  progress?(text: string, fields: object): void
}

/**
 * The revocations that this host acknowledged: on disk for what is acknowledged, indexed in memory for the question that every call asks of
 * every link. They are only added, and forgotten when the revoked UCAN has ended by itself; the log remembers that they were there.
 */
export class Revocations {
  /** Who is told of what is refused from now on. */
  onRemembered: ((fresh: readonly Revocation[]) => void) | undefined
  /** What answers the question. */
  readonly known: KnownRevocations
  readonly #maxPerSpace: number
  readonly #store: Store
  readonly #log: RevocationLog

  private constructor({ store, log, maxPerSpace }: Parts, known: KnownRevocations) {
    this.#store = store
    this.#log = log
    this.#maxPerSpace = maxPerSpace
    this.known = known
  }

  /**
   * Takes up what was acknowledged.
   * @throws Failure Unavailable where the log is damaged: whoever can't prove what is revoked answers nobody
   */
  static async open(parts: Parts): Promise<Revocations> {
    const { store, log, options, now, progress = () => {} } = parts
    await moveTold(store, log.host)
    const known = await orDamaged(() => KnownRevocations.open({ store, log, options: { ...KNOWN_OPTIONS, ...options }, now, progress }))
    return new Revocations(parts, known)
  }

  /**
   * Who revoked a UCAN. O(1).
   * @throws Undecided where that has to be read, Failure Unavailable where the log is damaged
   */
  of = (ucan: CID): readonly Revocation[] => this.known.of(ucan)

  /** Where the log has the revocations of a UCAN, by some principals or by anybody. */
  async indicesOf(ucan: CID, by?: readonly string[]): Promise<number[]> {
    const known = await this.known.read(ucan)
    return known.filter((each) => !by || by.includes(each.by)).map(({ index }) => index)
  }

  /** Whether a revocation is kept at least as long as it would have to be. */
  async isKnown({ ucan, by, expiration }: Pick<RevocationEntry, 'ucan' | 'by' | 'expiration'>): Promise<boolean> {
    if (!this.known.mayHave(ucan)) return false
    const known = longest(await this.known.read(ucan), by)
    return known !== undefined && !endsLater(expiration, known.expiration)
  }

  /**
   * What is acknowledged of a revocation, and where it stands in the log; undefined where `by` didn't revoke the UCAN, or where that would be forgotten
   * before `expiration`.
   */
  async acknowledged(ucan: CID, by: DID, expiration?: number | null): Promise<{ at: number; log: Logged } | undefined> {
    const known = longest(await this.known.read(ucan), by)
    if (!known || (expiration !== undefined && endsLater(expiration, known.expiration))) return undefined
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
      const found = (await find(tx)).map((each) => ({ revocation: each, entry: entryOf(each), evidence }))
      // What shares the commit isn't in memory yet.
      const unknown = await unknownOf(found, ({ by, ucan }) => readSaid(tx, by, textOf(ucan)))
      const kept = await this.#append(tx, unknown, charged)
      for (const each of kept) await writeSaid(tx, each)
      await writeTold(tx, this.#log.host, kept)
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
    const unknown = await unknownOf(told, async ({ by, ucan }) =>
      this.known.mayHave(ucan) ? longest(await this.known.read(ucan, tx), by) : undefined,
    )
    this.#mustHaveRoom(origin, unknown.length, most)
    const kept = await this.#append(tx, unknown, origin)
    await writeTold(tx, this.#log.host, kept)
    return kept
  }

  /** From here on, what was kept is refused. */
  remember(fresh: readonly Kept[]): void {
    this.known.add(fresh)
    this.onRemembered?.(fresh)
    if (fresh.length > 0) this.#log.tell()
  }

  async #append(tx: StoreTransaction, told: readonly Told[], charged: string | undefined): Promise<readonly Kept[]> {
    if (told.length === 0) return []
    const first = await this.#log.append(tx, told)
    return told.map(
      ({ revocation, entry }, at): Kept => ({
        ...revocation,
        link: entry.ucan,
        index: first + at,
        ...(charged !== undefined && { charged }),
      }),
    )
  }

  #mustHaveRoom(charged: string | undefined, asked: number, most: number): void {
    if (charged === undefined) return
    const used = this.known.countOf(charged)
    if (used + asked <= most) return
    throw new Failure('LimitExceeded', `${used} revocations are kept for ${charged}, and more are not.`, {
      field: 'revocations',
      limit: most,
      used,
      asked,
      hint: 'Give delegations an end: their revocations are forgotten when they have ended by themselves.',
    })
  }
}

/** Of those by one principal the one that is kept longest. */
const longest = (known: readonly Kept[], by: DID): Kept | undefined =>
  known
    .filter((each) => each.by === by)
    .reduce<Kept | undefined>((a, b) => (a && !endsLater(b.expiration, a.expiration) ? a : b), undefined)

/** What isn't known. What is known counts as new where it would be forgotten too early: the end of a UCAN is the word of who logs it. */
const unknownOf = async (
  told: readonly Told[],
  known: (entry: RevocationEntry) => Promise<Revocation | undefined>,
): Promise<readonly Told[]> => {
  const unknown = new Map<string, Told>()
  for (const each of told) {
    const { by, ucan, expiration } = each.revocation
    const name = `${by} ${ucan}`
    const same = unknown.get(name)?.revocation ?? (await known(each.entry))
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
