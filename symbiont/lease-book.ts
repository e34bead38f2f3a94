import type { DID, Proof } from '@symbiosis/protocol'
import { keep, keepOnce, proofFromText } from './holdings.ts'
import type { Self } from './self.ts'
import { endOf, inTime, rootOf } from './standing.ts'
import type { WalletState } from './wallet.ts'

/**
 * Keeps a lease. The one that it renews goes, and ended ones that gave the same to the same; other ended ones stay, since a call says better
 * that a lease has ended than that there is none.
 */
export const addLease = (state: WalletState, proof: Proof, now: number, renews?: string): void => {
  state.leases = state.leases.filter(({ archive }) => {
    const old = proofFromText(archive)
    return String(old.ucan.cid) !== renews && (inTime(old.ucan, now) || !sameTerms(old, proof))
  })
  keepOnce(state.leases, keep(proof, now))
}

const sameTerms = (a: Proof, b: Proof): boolean =>
  rootOf(a) === rootOf(b) && a.ucan.audience === b.ucan.audience && a.ucan.capabilities[0]?.can === b.ucan.capabilities[0]?.can

/** A lease as it is shown. */
export interface Lease {
  cid: string
  host: DID
  hostName: string
  space: DID
  /** `acme/*` */
  can: string
  limits: { readonly [limit: string]: number }
  /** Unix seconds. */
  expires: number
  state: 'valid' | 'expired' | 'revoked'
}

export const describeLease = (self: Self, proof: Proof): Lease => {
  const { ucan } = proof
  const host = rootOf(proof) as DID
  const [capability] = ucan.capabilities
  const expires = endOf(proof, host)
  return {
    cid: String(ucan.cid),
    host,
    hostName: self.holdings.hosts.find(({ did }) => did === host)?.name ?? '',
    space: ucan.audience,
    can: (capability?.can ?? '').slice('lease/'.length),
    limits: (capability?.nb ?? {}) as { [limit: string]: number },
    expires,
    state: self.holdings.revocationOf(ucan.cid) ? 'revoked' : self.now() > expires ? 'expired' : 'valid',
  }
}
