import type { CID } from 'multiformats/cid'
import { admit, BOUNDS, type UcanMemory } from '../admission.ts'
import { authorize, type Bound, type Guard } from '../authorize.ts'
import { Failure } from '../failure.ts'
import type { RevocationEntry } from './entry.ts'
import { revocation } from './service.ts'

const CAN = 'ucan/revoke'
const REVOKE: Bound = { can: CAN, name: 'revoke', service: revocation, ability: revocation.abilities.revoke }

/**
 * Whether the message that comes with an entry says what the entry says: it has the call that revoked, signed by who revoked or by whom they let
 * speak for them. It is judged by the pipeline that judges every call, as of the call's own end and for the host that it was for, since that is when and where it was
 * good. Whether they may revoke that UCAN is asked where it counts, of each path that the UCAN stands in: see `bearing`.
 */
export const isProved = (entry: RevocationEntry, evidence: Uint8Array, memory: UcanMemory): boolean => {
  try {
    const message = admit(evidence, BOUNDS, memory)
    const [invocation, ...more] = message.invocations
    if (!invocation || more.length > 0 || invocation.expiration === null) return false
    const guard: Guard = {
      host: invocation.audience,
      now: invocation.expiration,
      maxLife: 0,
      bounds: BOUNDS,
      ability: (can) => (can === CAN ? REVOKE : undefined),
      revocations: () => [],
    }
    const { ok } = authorize(invocation, message, guard)
    if (!ok) return false
    return invocation.cid.equals(entry.cause) && ok.space === entry.by && (ok.input.ucan as CID).equals(entry.ucan)
  } catch (thrown) {
    // What is no message proves nothing.
    if (thrown instanceof Failure) return false
    throw thrown
  }
}
