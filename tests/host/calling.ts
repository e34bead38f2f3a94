import assert from 'node:assert/strict'
import { access, type Caller, type DID, delegate, extract, invoke, type Proof, revocation, unwrap } from '@symbiosis/protocol'
import {
  type Logged,
  log,
  logKeyOf,
  originOf,
  type SignedCheckpoint,
  verifyCheckpoint,
  verifyConsistency,
} from '@symbiosis/protocol/revocation'
import { unixChannel } from '@symbiosis/protocol/unix'
import { alice, phone } from '../fixtures.ts'

export const unixTime = () => Math.floor(Date.now() / 1000)

/** Alice, calling a host of another process. */
export const callerOf = (host: string, socket: string, proofs: readonly Proof[]): Caller => ({
  signer: alice,
  host: host as DID,
  subject: alice.did,
  proofs,
  channel: unixChannel(socket),
  now: unixTime,
})

export const lease = async (caller: Caller): Promise<Proof> => {
  const limits = { bytes: 1e9, things: 1e6 }
  const { result } = await invoke(caller, access, 'request', { abilities: [{ can: 'jar/*', limits }], ttl: 3600 })
  assert.equal(result.error, undefined)
  return extract(result.ok?.leases?.[0] as Uint8Array)
}

/** Takes something back that alice lent her phone. */
export const takeBack = async (caller: Caller): Promise<{ device: Proof; log: Logged }> => {
  const capabilities = [{ can: 'jar/*', with: alice.did }]
  const device = await delegate(alice, { audience: phone.did, capabilities, expiration: unixTime() + 3600 })
  const { result } = await invoke(caller, revocation, 'revoke', { ucan: device.ucan.cid }, { attach: [device] })
  return { device, log: unwrap(result).log }
}

/** Every checkpoint that a host handed out, by its size. */
export type Checkpoints = Map<number, SignedCheckpoint>

/** Two of one size are the same: else the host has contradicted itself. */
export const handOut = (checkpoints: Checkpoints, given: SignedCheckpoint): void => {
  const known = checkpoints.get(given.size)
  if (known) assert.deepEqual(given.root, known.root, `two logs of ${given.size} entries were signed`)
  if (given.size > 0) checkpoints.set(given.size, given)
}

/** The log continues each checkpoint that it ever gave. */
export const mustContinue = async (caller: Caller, checkpoints: Checkpoints): Promise<void> => {
  const { checkpoint, key } = unwrap((await invoke(caller, log, 'checkpoint', {})).result)
  const now = verifyCheckpoint(checkpoint, { origin: originOf(caller.host), keys: [logKeyOf(caller.host, key)] })
  handOut(checkpoints, now)
  for (const then of checkpoints.values()) {
    const { proof } = unwrap((await invoke(caller, log, 'consistency', { from: then.size, size: now.size })).result)
    assert.ok(
      verifyConsistency({ from: then.size, to: now.size, proof, fromRoot: then.root, toRoot: now.root }),
      `the log was rewritten since it had ${then.size} entries`,
    )
  }
}
