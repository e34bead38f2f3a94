import assert from 'node:assert/strict'
import { type Block, decodeReceipts, readReceipt, type Ucan, ucansOf } from '@symbiosis/protocol'
import { alice, bob, expect, given, mallory, messageOf, phone, setTheStage } from '../fixtures.ts'
import { bent, modelOf } from './bent.ts'
import { jarService, watch } from './jar.ts'

/** Calls that come in one message: each stands by itself. */
describe('a batch', () => {
  const seen = watch()
  const stage = setTheStage(() => ({ services: [jarService(seen)] }))

  /** The code of each call, in their order. */
  const codes = async (calls: readonly Ucan[], blocks: readonly Block[]): Promise<(string | undefined)[]> => {
    const receipts = decodeReceipts(await stage.world.channel.request(messageOf(calls, [...blocks, ...calls])))
    assert.equal(receipts.size, new Set(calls.map(({ cid }) => String(cid))).size)
    return calls.map(({ cid }) => {
      const receipt = receipts.get(String(cid))
      return receipt && (readReceipt(receipt, cid, stage.world.did).out.error?.name ?? 'ok')
    })
  }

  it('is decided as it came: what one of its calls revokes, the others had, and nobody after it', async () => {
    const { world } = stage
    for (const revokeFirst of [true, false]) {
      const [lease, device] = [await world.lease(alice), await given(alice, phone, alice.did)]
      const look = () => world.invocation(phone, { subject: alice.did, proofs: [lease, device] })
      const revoke = await world.invocation(alice, { can: 'ucan/revoke', nb: { ucan: device.ucan.cid }, proofs: [lease] })
      const calls = revokeFirst ? [revoke, await look(), await look()] : [await look(), revoke, await look()]
      assert.deepEqual(await codes(calls, ucansOf([lease, device])), ['ok', 'ok', 'ok'])
      const [used] = calls.filter((call) => call !== revoke) as [Ucan]
      assert.deepEqual(await codes([used, await look()], ucansOf([lease, device])), ['Revoked', 'Revoked'])
    }
  })

  it('gives none of its calls what another one says: an invocation is a UCAN to its host, and to nobody else', async () => {
    const { world, lease } = stage
    const hers = await world.invocation(alice, { proofs: [lease] })
    for (const from of [bob, mallory, phone]) {
      const over = { subject: alice.did, proofs: [lease, { ucan: hers, proofs: [lease.ucan] }] }
      const leaning = await world.invocation(from, over)
      assert.deepEqual(await codes([hers, leaning], [lease.ucan]), ['ok', 'NotOwner'])
      assert.deepEqual(await codes([leaning, hers], [lease.ucan]), ['NotOwner', 'ok'])
      await expect(world.send(leaning, [lease.ucan, hers]), 'NotOwner')
    }
    // Nor is a call a lease: neither of the space to itself, nor of the host.
    const asLease = await world.invocation(alice, { can: 'lease/jar/*', subject: world.did })
    const leased = await world.invocation(alice, { proofs: [{ ucan: asLease, proofs: [] }] })
    assert.deepEqual(await codes([asLease, leased], []), ['UnknownAbility', 'NoLease'])
  })

  it('has no proof that leads in a circle', async () => {
    const { world, lease } = stage
    // A UCAN can't name itself, since it is named by its hash; under a borrowed name it is bent.
    const call = await world.invocation(alice, { proofs: [lease] })
    const circular = bent(call, { prf: [call.cid, lease.ucan.cid] })
    await expect(world.send({ ...call, ...circular }, [lease.ucan, call]), 'BadSignature')
    const posing = world.channel.request(messageOf([call], [lease.ucan, { cid: call.cid, bytes: circular.bytes }]))
    await expect(
      posing.then(() => ({ ok: {} })),
      'BadHash',
    )
  })

  it('runs what is good of it, whatever the rest is, in every order', async () => {
    const { world, lease } = stage
    const good = () => world.invocation(alice, { can: 'jar/put', nb: { thing: 'good' }, proofs: [lease] })
    const unsigned = await good()
    const bad: [Ucan, string][] = [
      [
        { ...unsigned, ...bent(unsigned, { s: (modelOf(unsigned).s as Uint8Array).map((byte, at) => (at === 50 ? byte ^ 1 : byte)) }) },
        'BadSignature',
      ],
      [await world.invocation(alice, { proofs: [lease], expiration: 1 }), 'Expired'],
      [await world.invocation(alice, { proofs: [lease], audience: bob.did }), 'WrongAudience'],
      [await world.invocation(alice, { can: 'jar/nothing', proofs: [lease] }), 'UnknownAbility'],
      [await world.invocation(alice, {}), 'NoLease'],
      [await world.invocation(mallory, { subject: alice.did, proofs: [lease] }), 'NotOwner'],
      [await world.invocation(alice, { nb: { more: 1 }, proofs: [lease] }), 'InvalidInput'],
      [await world.invocation(alice, { can: 'jar/break', proofs: [lease] }), 'Internal'],
    ]
    for (const at of [0, 4, bad.length]) {
      const runs = seen.runs.put ?? 0
      const calls = bad.map(([call]) => call)
      calls.splice(at, 0, await good())
      const expected = bad.map(([, code]) => code)
      expected.splice(at, 0, 'ok')
      assert.deepEqual(await codes(calls, [lease.ucan]), expected)
      assert.equal(seen.runs.put, runs + 1)
    }
  })

  it('takes nothing along for a call that is not in its list', async () => {
    const { world, lease } = stage
    const runs = seen.runs.put ?? 0
    const [named, unnamed] = [
      await world.invocation(alice, { proofs: [lease] }),
      await world.invocation(alice, { can: 'jar/put', nb: { thing: 'x' }, proofs: [lease] }),
    ]
    const answer = decodeReceipts(await world.channel.request(messageOf([named], [lease.ucan, named, unnamed])))
    assert.deepEqual([...answer.keys()], [String(named.cid)])
    assert.equal(seen.runs.put ?? 0, runs)
  })
})
