import assert from 'node:assert/strict'
import { type Proof, ucansOf } from '@symbiosis/protocol'
import { alice, bob, expect, given, mallory, messageOf, phone, setTheStage } from '../fixtures.ts'
import { bent, modelOf } from './bent.ts'

/** A UCAN of mallory's that says it is another's: its bytes, and so its CID, are in order. */
const forged = (proof: Proof, issuer: Proof): Proof => {
  const block = bent(proof.ucan, { iss: modelOf(issuer.ucan).iss })
  return { ucan: { ...proof.ucan, ...block }, proofs: proof.proofs }
}

describe('signatures', () => {
  const stage = setTheStage()

  it('of a call', async () => {
    const { world, lease } = stage
    const call = await world.invocation(mallory, { subject: alice.did, proofs: [lease] })
    const hers = await world.invocation(alice, { proofs: [lease] })
    const posing = { ...call, ...bent(call, { iss: modelOf(hers).iss }) }
    await expect(world.send(hers, [lease.ucan]), 'ok')
    await expect(world.send(posing, [lease.ucan]), 'BadSignature', { chain: 'invocation', link: String(posing.cid) })
  })

  it('of a call, with each of its signed fields changed', async () => {
    const { world, lease, device } = stage
    const call = await world.invocation(phone, { subject: alice.did, proofs: [lease, device], notBefore: 1 })
    const changes: Record<string, unknown> = {
      exp: (call.expiration as number) + 1,
      nbf: 2,
      nnc: 'other',
      fct: [{ a: 1 }],
      att: [{ can: 'jar/look', with: alice.did, nb: { tag: 'other' } }],
      prf: [...call.proofs].reverse(),
      s: (modelOf(call).s as Uint8Array).map((byte, at) => (at === 40 ? byte ^ 1 : byte)),
    }
    for (const [field, value] of Object.entries(changes)) {
      const other = { ...call, ...bent(call, { [field]: value }) }
      await expect(world.send(other, [lease.ucan, device.ucan]), 'BadSignature')
      assert.notEqual(String(other.cid), String(call.cid), field)
    }
  })

  it('of a delegation', async () => {
    const { world, lease, device } = stage
    const own = await given(mallory, bob, alice.did)
    const posing = forged(own, device)
    await expect(world.call(bob, { subject: alice.did, proofs: [lease, posing] }), 'BadSignature', {
      chain: 'owner',
      link: String(posing.ucan.cid),
    })
    const honest = await given(alice, bob, alice.did)
    await expect(world.call(bob, { subject: alice.did, proofs: [lease, posing, honest] }), 'ok')
  })

  it('of a lease', async () => {
    const { world, lease } = stage
    const posing = forged(await world.sublease(mallory, bob), lease)
    await expect(world.call(bob, { proofs: [posing] }), 'BadSignature', { chain: 'lease' })
    await expect(world.call(bob, { proofs: [posing, await world.lease(bob)] }), 'ok')
  })

  it('are remembered by CID, and a remembered one says nothing of another', async () => {
    const { world, lease, device } = stage
    const call = { subject: alice.did, proofs: [lease, device] }
    await expect(world.call(phone, call), 'ok')
    const other = bent(device.ucan, { exp: (device.ucan.expiration as number) + 1 })
    const swapped: Proof = { ucan: { ...device.ucan, ...other }, proofs: [] }
    await expect(world.call(phone, { ...call, proofs: [lease, swapped] }), 'BadSignature')
    // The bad block under the good one's name, so that what is remembered of the name would speak for it.
    const invocation = await world.invocation(phone, call)
    const answer = world.channel.request(messageOf([invocation], [lease.ucan, invocation, { cid: device.ucan.cid, bytes: other.bytes }]))
    await expect(
      answer.then(() => ({ ok: {} })),
      'BadHash',
    )
    await expect(world.send(invocation, ucansOf(call.proofs)), 'ok')
  })
})
