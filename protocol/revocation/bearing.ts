import type { DID } from '../principal.ts'
import type { Ucan } from '../ucan.ts'

/** That `by` took a UCAN back. Revocations are only ever added. */
export interface Revocation {
  /** CID of the revoked UCAN, as text. */
  readonly ucan: string
  readonly by: DID
  /** When this host acknowledged it, Unix seconds. */
  readonly at: number
  /** When the revoked UCAN ends by itself, or null: past that, and the clock skew, the revocation may be forgotten. */
  readonly expiration: number | null
  /** CID of the `ucan/revoke` invocation that says it. */
  readonly cause: string
}

/**
 * Whether a revocation takes the last link of a path away: it was made by an issuer at or above that link, or by the link's
 * audience. A flat set of issuers would let a receiver revoke what its own delegation came from.
 */
export const bearing = (revocation: Pick<Revocation, 'by'>, path: readonly Ucan[]): boolean =>
  (path.at(-1) as Ucan).audience === revocation.by || path.some((link) => link.issuer === revocation.by)
