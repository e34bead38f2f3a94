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
import type { CID } from 'multiformats/cid'
import type { Store, StoreTransaction } from './store/store.ts'

/**
 * The revocations that this host acknowledged: on disk for what is acknowledged, in memory for the question that every call asks of
 * every link. They are only added, and forgotten when the revoked UCAN has ended by itself. The signed log will keep them in its own form.
 */
const KIND = 'revocation'

export class Revocations {
  readonly #byUcan = new Map<string, Revocation[]>()
  readonly #store: Store

  private constructor(store: Store) {
    this.#store = store
  }

  static async open(store: Store): Promise<Revocations> {
    const revocations = new Revocations(store)
    for await (const { value } of store.every(KIND)) revocations.#remember(value as unknown as Revocation)
    return revocations
  }

  /** Who revoked a UCAN. O(1). */
  of = (ucan: CID): readonly Revocation[] => this.#byUcan.get(textOf(ucan)) ?? []

  get size(): number {
    return this.#byUcan.size
  }

  /** Adds the revocations that `find` comes to in the transaction which keeps them, and resolves when they are on disk. */
  async add(find: (tx: StoreTransaction) => Promise<readonly Revocation[]>): Promise<void> {
    const fresh = await this.#store.write(async (tx) => {
      const revocations = await find(tx)
      const unknown = revocations.filter(({ ucan, by }) => !this.#byUcan.get(ucan)?.some((known) => known.by === by))
      for (const each of unknown) {
        const expires = each.expiration === null ? {} : { expires: each.expiration + CLOCK_SKEW + 1 }
        await tx.put(KIND, each.by, each.ucan, each as unknown as Value, expires)
      }
      return unknown
    })
    for (const each of fresh) this.#remember(each)
  }

  /** Forgets what ended by itself. */
  expire(now: number): void {
    for (const [ucan, [first]] of this.#byUcan) {
      if (first?.expiration !== null && first && first.expiration + CLOCK_SKEW < now) this.#byUcan.delete(ucan)
    }
  }

  #remember(revocation: Revocation): void {
    const known = this.#byUcan.get(revocation.ucan)
    if (known?.some(({ by }) => by === revocation.by)) return
    if (known) known.push(revocation)
    else this.#byUcan.set(revocation.ucan, [revocation])
  }
}

/**
 * Whether `by` may revoke `ucan`, as the UCANs of the call prove it: an issuer at or above it, or its audience. And whether this host should keep
 * that: only what roots in this host, or in a space with a valid lease that came along; else anyone could fill the store with junk.
 * @throws Failure NotRevoker, NoLease, BadSignature
 */
export const mustRevoke = (ucan: Ucan, by: DID, message: Admitted, shown: readonly CID[], guard: Guard): void => {
  const issuers = issuersAbove(ucan, message, guard)
  const link = String(ucan.cid)
  if (ucan.audience !== by && !issuers.has(by)) {
    throw new Failure('NotRevoker', `${by} neither issued the UCAN, nor one above it, nor received it.`, {
      link,
      hint: 'Revoke it as the space, as its issuer, or as the one who received it.',
    })
  }
  // Through links that stand: a lease that has ended is no way to fill the store for ever.
  const standing = issuersAbove(ucan, message, guard, (above) => isCurrent(above, guard.now))
  if (standing.has(guard.host) || [...issuers].some((space) => hasLease(space, message, shown, guard))) return
  throw new Failure('NoLease', 'The UCAN comes neither from this host nor from a space that has a lease here.', {
    link,
    hint: 'Show a lease of the space with the call.',
  })
}

/** The issuers of a UCAN and of every genuine proof above it. */
const issuersAbove = (ucan: Ucan, message: Admitted, guard: Guard, counts: (above: Ucan) => boolean = () => true): Set<string> => {
  const issuers = new Set<string>()
  const seen = new Set<Ucan>()
  const visit = (link: Ucan): void => {
    if (seen.has(link)) return
    seen.add(link)
    if (!guard.memory.isSigned(link)) return
    issuers.add(link.issuer)
    for (const cid of link.proofs) {
      const above = message.ucans.get(String(cid))
      if (above?.audience === link.issuer && counts(above)) visit(above)
    }
  }
  visit(ucan)
  if (issuers.size === 0) throw new Failure('BadSignature', 'The UCAN to revoke is not signed by its issuer.', { link: String(ucan.cid) })
  return issuers
}

const isCurrent = ({ expiration, notBefore = 0 }: Ucan, now: number): boolean =>
  (expiration === null || now <= expiration + CLOCK_SKEW) && now >= notBefore - CLOCK_SKEW

const hasLease = (space: string, message: Admitted, shown: readonly CID[], guard: Guard): boolean => {
  const search = {
    chain: 'lease' as const,
    root: guard.host,
    none: () => ({ name: 'NoLease', message: '' }),
    stands: (link: Ucan, now: number) => {
      return link.expiration !== null && isCurrent(link, now) && leaseOf(link)?.with === guard.host
        ? undefined
        : { name: 'NoLease', message: 'The lease is not of this host, or not of this time.' }
    },
    narrows: (path: Path) => {
      const [child, parent] = [path.at(-1) as Ucan, path.at(-2)]
      const inForce: Amounts = Object.assign({}, ...path.slice(0, -1).map((link) => leaseOf(link)?.nb))
      const reason = parent && exceeds(child, parent, (leaseOf(child)?.nb ?? {}) as Amounts, inForce)
      return reason ? { name: 'NoLease', message: `The lease is void: ${reason}.` } : undefined
    },
  }
  return !findPaths(space, shown, search, message, guard).next().done
}
