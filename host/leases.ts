import {
  type Amounts,
  type Asked,
  archive,
  CLOCK_SKEW,
  type DID,
  delegate,
  extract,
  Failure,
  type LocalSigner,
  leaseCan,
  type Proof,
  serviceOf,
} from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import type { Revocations } from './revocations.ts'
import type { Store, StoreReader, StoreTransaction } from './store/store.ts'
import { usedOf } from './usage.ts'

/**
 * What the owner consented to and the leases that came of it, for the owner to see and to take back. Authorization never reads this: a
 * lease is valid by its signature alone.
 */
const LEASE = 'lease'
const CONSENT = 'consent'
/** How long an ended lease stays in the owner's list, seconds. */
const SHOWN_AFTER_END = 30 * 86_400

/** The owner's yes to one ability for one space. While it stands, leases are renewed without asking. */
export interface Consent {
  readonly can: string
  readonly limits: Amounts
  /** Seconds that a lease under it lasts. */
  readonly ttl: number
  readonly since: number
}

export interface IssuedLease {
  readonly lease: CID
  readonly space: DID
  readonly can: string
  readonly limits: Amounts
  readonly issued: number
  readonly expires: number
  readonly consent: string
  readonly archive: Uint8Array
}

export class Leases {
  readonly #host: LocalSigner
  readonly #store: Store

  constructor(host: LocalSigner, store: Store) {
    this.#host = host
    this.#store = store
  }

  /** Signs a lease; it counts as issued once `record` wrote it. */
  sign(space: DID, { can, limits = {} }: Asked, expiration: number): Promise<Proof> {
    return delegate(this.#host, { audience: space, capabilities: [{ can: leaseCan(can), with: this.#host.did, nb: limits }], expiration })
  }

  async record(tx: StoreTransaction, lease: Proof, consent: { id: string; since: number }): Promise<void> {
    const { ucan } = lease
    const capability = ucan.capabilities[0]
    const can = capability?.can.slice('lease/'.length) as string
    const limits = (capability?.nb ?? {}) as Amounts
    const expires = ucan.expiration as number
    const shown = { expires: expires + SHOWN_AFTER_END }
    const ttl = expires - consent.since
    const { id } = consent
    await tx.put(
      LEASE,
      ucan.audience,
      String(ucan.cid),
      { can, limits, issued: consent.since, expires, consent: id, archive: archive(lease) },
      shown,
    )
    if (!(await tx.get(CONSENT, ucan.audience, id))) await tx.put(CONSENT, ucan.audience, id, { can, limits, ttl, since: consent.since })
  }

  async find(space: string, lease: CID, reader: StoreReader = this.#store): Promise<IssuedLease | undefined> {
    const value = await reader.get(LEASE, space, String(lease))
    return value === undefined ? undefined : issued(space, String(lease), value)
  }

  /** Those after `after`, a CID, in the order of their CIDs. */
  async list({ after = '', limit = 100 }: { after?: string; limit?: number } = {}): Promise<IssuedLease[]> {
    const found: IssuedLease[] = []
    for await (const { space, key, value } of this.#store.every(LEASE)) {
      if (key <= after) continue // the store reads ranges within a space only
      found.push(issued(space, key, value))
      if (found.length === limit) break
    }
    return found
  }

  used({ can, space }: IssuedLease): Promise<Amounts> {
    return usedOf(this.#store, { by: this.#host.did, to: space }, serviceOf(can))
  }

  /** All leases that came of one consent: taking one back takes back what was consented to. */
  async siblings(lease: IssuedLease, reader: StoreReader = this.#store): Promise<IssuedLease[]> {
    const entries = await reader.list(LEASE, lease.space)
    return entries.map(({ key, value }) => issued(lease.space, key, value)).filter(({ consent }) => consent === lease.consent)
  }

  /** The CID of an archived lease. */
  linkOf = (bytes: Uint8Array): CID => extract(bytes).ucan.cid

  withdraw = (tx: StoreTransaction, { space, consent }: IssuedLease): Promise<void> => tx.delete(CONSENT, space, consent)

  /**
   * The lease that follows on `lease`, as long as the last one. Asking twice gets the same one.
   * @throws Failure NotFound, Denied (the owner withdrew), Revoked, Expired
   */
  async renew(space: DID, link: CID, now: number, revocations: Revocations): Promise<Proof> {
    const lease = await this.find(space, link)
    if (!lease)
      throw new Failure('NotFound', 'This host did not issue that lease to this space.', { link: String(link), hint: 'Ask for a new one.' })
    const [revoked] = await revocations.known.read(link)
    if (revoked)
      throw new Failure('Revoked', 'The lease was revoked.', {
        link: String(link),
        by: revoked.by,
        at: revoked.at,
        hint: 'Ask for a new one.',
      })
    if (lease.expires + CLOCK_SKEW < now)
      throw new Failure('Expired', 'The lease has ended already.', { link: String(link), at: lease.expires, hint: 'Ask for a new one.' })
    const consent = await this.#consent(lease)
    const next = await this.sign(space, { can: consent.can, limits: consent.limits as { [limit: string]: number } }, now + consent.ttl)
    return this.#store.write(async (tx) => {
      // Asked again where no revocation can come between: a lease made after one would outlive it, and bring the consent back.
      await this.#consent(lease, tx)
      const valid = (await this.siblings(lease, tx)).filter((each) => !revocations.known.mayHave(each.lease))
      const newest = valid.reduce((a, b) => (b.expires > a.expires ? b : a), lease)
      if (newest.expires - now > (consent.ttl * 2) / 3) return extract(newest.archive)
      await this.record(tx, next, { id: lease.consent, since: now })
      return next
    })
  }

  async #consent({ space, consent, lease }: IssuedLease, reader: StoreReader = this.#store): Promise<Consent> {
    const standing = (await reader.get(CONSENT, space, consent)) as Consent | undefined
    if (standing) return standing
    throw new Failure('Denied', 'The consent behind the lease no longer stands.', { link: String(lease), hint: 'Ask for a new lease.' })
  }
}

const issued = (space: string, key: string, value: unknown): IssuedLease => ({
  ...(value as Omit<IssuedLease, 'lease' | 'space'>),
  space: space as DID,
  lease: CID.parse(key),
})
