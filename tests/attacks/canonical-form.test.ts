import assert from 'node:assert/strict'
import { encode, type Proof } from '@symbiosis/protocol'
import { alice, expect, given, messageOf, phone, setTheStage, verdict } from '../fixtures.ts'
import { blockOf } from './bent.ts'
import { FORMS } from './forms.ts'
import { jarService, watch } from './jar.ts'

const at = blockOf(encode('somewhere')).cid

describe('one UCAN, one CID', () => {
  const seen = watch()
  const stage = setTheStage(() => ({ services: [jarService(seen)] }))
  let revoked: Proof
  let lease: Proof

  before(async () => {
    const { world } = stage
    revoked = await given(alice, phone, alice.did, { can: 'jar/look', nb: { at } })
    lease = await world.lease(alice)
    for (const proof of [revoked, lease]) {
      const by = proof === lease ? world.signer : alice
      await expect(world.call(by, { can: 'ucan/revoke', nb: { ucan: proof.ucan.cid }, proofs: [stage.lease], attach: [proof] }), 'ok')
    }
  })

  it('has the revoked delegation refused in its own form, and a good one admitted', async () => {
    const { world, device } = stage
    const call = { subject: alice.did, nb: { at } }
    await expect(world.call(phone, { ...call, proofs: [stage.lease, revoked] }), 'Revoked')
    await expect(world.call(phone, { ...call, proofs: [stage.lease, device] }), 'ok')
  })

  for (const [form, [met, bend]] of Object.entries(FORMS)) {
    it(`${form}: no way around a revoked delegation`, async () => {
      const { world, lease: good } = stage
      const block = bend(revoked.ucan)
      const invocation = await world.invocation(phone, {
        subject: alice.did,
        nb: { at },
        proofs: [good, { ucan: { ...revoked.ucan, cid: block.cid }, proofs: [] }],
      })
      await expect(world.send(invocation, [good.ucan, block]), met === 'void' ? 'NotOwner' : met)
    })

    it(`${form}: no second run of a call that runs once`, async () => {
      const { world, lease: good } = stage
      const invocation = await world.invocation(alice, { can: 'jar/count', nb: {}, proofs: [good] })
      const linked = await world.invocation(alice, { can: 'jar/look', nb: { at }, proofs: [good] })
      const original = form.includes('map') || form.includes('poses') ? linked : invocation
      if (original === invocation) await expect(world.send(invocation, [good.ucan]), 'ok')
      const runs = seen.runs.count
      const block = bend(original)
      const again = world.channel.request(messageOf([block], [good.ucan, block])).then(() => ({ ok: {} }))
      const code = await verdict(again)
      // A signature that isn't the issuer's is told in a receipt; all else gets none.
      assert.equal(code, { void: 'Malformed', BadSignature: 'ok' }[met as string] ?? met)
      assert.equal(seen.runs.count, runs, 'the call ran again')
    })
  }

  it('of a revoked lease: bent, it is no lease either', async () => {
    const { world } = stage
    await expect(world.call(alice, { nb: { at }, proofs: [lease] }), 'Revoked')
    for (const [form, [met, bend]] of Object.entries(FORMS)) {
      if (/map|poses|can/.test(form)) continue
      const block = bend(lease.ucan)
      const invocation = await world.invocation(alice, { nb: { at }, proofs: [{ ucan: { ...lease.ucan, cid: block.cid }, proofs: [] }] })
      assert.equal(await verdict(world.send(invocation, [block])), met === 'void' ? 'NoLease' : met, form)
    }
  })

  it('voids a message for one bent block that nothing names', async () => {
    const { world, lease: good, device } = stage
    for (const form of ['an extra field', 'fct: []', 'another CID over its bytes', 'a sha2-512 CID']) {
      const [met, bend] = FORMS[form] as (typeof FORMS)[string]
      const invocation = await world.invocation(phone, { subject: alice.did, proofs: [good, device] })
      assert.equal(await verdict(world.send(invocation, [good.ucan, device.ucan, bend(revoked.ucan)])), met, form)
    }
  })
})
