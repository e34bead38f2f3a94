import { brief, type DID, extract, Failure, leaseOf, type Proof } from '@symbiosis/protocol'
import { inspectProof } from './inspect.ts'
import { rootOf } from './standing.ts'

/** What a lease that just came in must be. */
export interface Expected {
  readonly host: DID
  readonly space: DID
  readonly now: number
}

/**
 * Reads a lease and checks all of it before it's kept: that it's this host's to this space, in force, narrowing, and signed link by link.
 * @throws Failure Malformed, WrongAudience, BadSignature, Expired, NoLease, and what `extract` throws
 */
export const readLease = (archive: Uint8Array, expected: Expected): Proof => {
  const proof = extract(archive)
  checkLease(proof, expected)
  return proof
}

export const checkLease = (proof: Proof, { host, space, now }: Expected): void => {
  const { ucan } = proof
  const link = String(ucan.cid)
  if (!leaseOf(ucan)) throw new Failure('Malformed', `${brief(link)} is no lease.`, { link, chain: 'lease' })
  if (rootOf(proof) !== host)
    throw new Failure('NoLease', `The lease ${brief(link)} is about ${rootOf(proof)}, not about the host ${host}.`, {
      link,
      chain: 'lease',
    })
  if (ucan.audience !== space) {
    throw new Failure('WrongAudience', `The lease ${brief(link)} is for ${ucan.audience}, not for ${space}.`, { link, chain: 'lease' })
  }
  const { usable, problems } = inspectProof(proof, 'lease', { now })
  const [problem] = problems
  if (!usable)
    throw new Failure(problem?.code ?? 'NoLease', problem?.message ?? 'The lease leads from no host.', {
      link: problem?.link ?? link,
      chain: 'lease',
    })
}
