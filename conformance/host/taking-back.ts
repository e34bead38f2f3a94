import { type Logged, type Proof, unwrap } from '@symbiosis/protocol'
import { logKeyOf, originOf, type SignedCheckpoint, verifyCheckpoint } from '@symbiosis/protocol/revocation'
import { expectCode } from './breach.ts'
import type { Answer, CallShape, Peer } from './peer.ts'

/** The log as the host signs it at the time. */
export const checkpointOf = async (peer: Peer): Promise<SignedCheckpoint> => {
  const { checkpoint, key } = unwrap(await peer.call({ can: 'log/checkpoint' })) as { checkpoint: string; key: Uint8Array }
  return verifyCheckpoint(checkpoint, { origin: originOf(peer.did), keys: [logKeyOf(peer.did, key)] })
}

export const calling = (peer: Peer, proof: Proof): Partial<CallShape> => ({
  signer: peer.device,
  subject: peer.space.did,
  proofs: [proof],
})

/** Takes something back in the name of the space, whose lease lets it into the log. */
export const revoke = async (peer: Peer, proof: Proof, by = peer.space): Promise<Answer> => {
  const leases = await peer.leases()
  return peer.call({ signer: by, can: 'ucan/revoke', nb: { ucan: proof.ucan.cid }, proofs: leases, attach: [proof] })
}

/** A delegation that was taken back, and where the log says so. */
export const revoked = async (peer: Peer): Promise<{ proof: Proof; logged: Logged }> => {
  const proof = await peer.given(peer.space, peer.device)
  await expectCode(peer.call(calling(peer, proof)), 'Before it is revoked', 'ok')
  const { log } = unwrap(await revoke(peer, proof)) as unknown as { log: Logged }
  return { proof, logged: log }
}
