import type { CID } from 'multiformats/cid'
import { extract } from '../delegation.ts'
import { Failure } from '../failure.ts'
import { bytesFromDid, type DID } from '../principal.ts'
import { isSigned } from '../ucan.ts'
import { originOf } from './checkpoint.ts'
import { decodeEntry, type Entry, type RevocationEntry } from './entry.ts'
import { leafHash } from './hashing.ts'
import { verifyInclusion } from './inclusion.ts'
import { COSIGNATURE, type VerifierKey, verifierKey } from './key.ts'
import type { Logged } from './logged.ts'
import { type SignedCheckpoint, verifyCheckpoint } from './signed-checkpoint.ts'

/** What a host lends the key of its log, and the key by which it cosigns the logs of others. */
export const LOG_SIGN = 'log/sign'
/** The ability under which a cosigning key is stated. */
export const LOG_WITNESS = 'log/witness'

/**
 * The key of a host's log, by the host's own delegation to it.
 * @throws Failure BadSignature where the host did not say so; Malformed, NotCanonical, BadHash for what is no delegation
 */
export const logKeyOf = (host: DID, delegation: Uint8Array): VerifierKey => verifierKey(originOf(host), lentTo(host, LOG_SIGN, delegation))

/** What a host is called as a witness. */
export const witnessOf = (host: DID): string => `${host}/witness`

/**
 * The key by which a host cosigns, by the host's own delegation to it.
 * @throws Failure BadSignature where the host did not say so; Malformed, NotCanonical, BadHash for what is no delegation
 */
export const witnessKeyOf = (host: DID, delegation: Uint8Array): VerifierKey =>
  verifierKey(witnessOf(host), lentTo(host, LOG_WITNESS, delegation), COSIGNATURE)

const lentTo = (host: DID, can: string, delegation: Uint8Array): Uint8Array => {
  const { ucan } = extract(delegation)
  const [capability, ...more] = ucan.capabilities
  const isOfHost = ucan.issuer === host && capability?.with === host && capability.can === can && more.length === 0
  if (!isOfHost || !isSigned(ucan)) throw new Failure('BadSignature', 'The key of a log is not one that its host named.', { field: 'key' })
  return bytesFromDid(ucan.audience).subarray(2)
}

/** What a proof was found to say. */
export interface Proven {
  readonly entry: RevocationEntry
  readonly checkpoint: SignedCheckpoint
}

/**
 * Verifies that a host's log has the revocation of `ucan` by `by`.
 * @throws Failure BadSignature where it is not proved, or of something else; Malformed, NotCanonical, TooLarge
 */
export const verifyLogged = (logged: Logged, { host, ucan, by }: { host: DID; ucan: CID; by: DID }): Proven => {
  const { entry, checkpoint } = inLog(logged, host)
  if (entry.kind !== 'revocation' || !entry.ucan.equals(ucan) || entry.by !== by) throw unproved('is of something else', 'entry')
  return { entry, checkpoint }
}

/**
 * Verifies that a host's log has an entry, and says by which key the log is signed.
 * @throws Failure BadSignature, Malformed, NotCanonical, TooLarge, Unsupported
 */
export const inLog = (
  { index, entry: bytes, proof, checkpoint: note, key: delegation }: Logged,
  host: DID,
): { entry: Entry; checkpoint: SignedCheckpoint; key: VerifierKey } => {
  const key = logKeyOf(host, delegation)
  const checkpoint = verifyCheckpoint(note, { origin: originOf(host), keys: [key] })
  const { size, root } = checkpoint
  if (!verifyInclusion({ index, size, leaf: leafHash(bytes), proof, root })) throw unproved('is not in the log', 'proof')
  return { entry: decodeEntry(bytes), checkpoint, key }
}

export const unproved = (how: string, field: string): Failure => new Failure('BadSignature', `The entry ${how}.`, { field })
