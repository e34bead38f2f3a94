import { issueUcan } from '@symbiosis/protocol'
import { alice, expect, given, laptop, NOW, phone, setTheStage } from '../fixtures.ts'
import { bent, Raw } from './bent.ts'

/** The clocks of two peers may be 60 seconds apart: 60 is accepted, 61 refused, wherever a time is looked at. */
describe('time', () => {
  const stage = setTheStage()
  const call = (over: object) => stage.world.call(alice, { proofs: [stage.lease], ...over })

  it('of a call: it ended', async () => {
    await expect(call({ expiration: NOW - 60 }), 'ok')
    await expect(call({ expiration: NOW - 61 }), 'Expired', { chain: 'invocation', at: NOW - 61 })
    await expect(call({ expiration: 0 }), 'Expired')
  })

  it('of a call: it has not begun', async () => {
    await expect(call({ notBefore: NOW + 60 }), 'ok')
    await expect(call({ notBefore: NOW + 61 }), 'TooEarly', { chain: 'invocation', at: NOW + 61 })
  })

  it('of a call: it lives too long', async () => {
    await expect(call({ expiration: NOW + 600 + 60 }), 'ok')
    await expect(call({ expiration: NOW + 600 + 61 }), 'TooLong', { limit: 600 })
    await expect(call({ expiration: null }), 'TooLong')
    await expect(call({ expiration: Number.MAX_SAFE_INTEGER }), 'TooLong')
  })

  it('of a delegation', async () => {
    const { world, lease } = stage
    const shown = async (over: object) =>
      world.call(phone, { subject: alice.did, proofs: [lease, await given(alice, phone, alice.did, over)] })
    await expect(shown({ expiration: NOW - 60 }), 'ok')
    await expect(shown({ expiration: NOW - 61 }), 'Expired', { chain: 'owner' })
    await expect(shown({ notBefore: NOW + 60 }), 'ok')
    await expect(shown({ notBefore: NOW + 61 }), 'TooEarly', { chain: 'owner' })
    await expect(shown({ expiration: null }), 'ok')
  })

  it('of a delegation above: what outlives its proof ends with it', async () => {
    const { world, lease } = stage
    const through = async (expiration: number) => {
      const above = await given(alice, phone, alice.did, { expiration })
      const below = await given(phone, stage.world.signer, alice.did, { expiration: null, proofs: [above] })
      return world.call(world.signer, { subject: alice.did, proofs: [lease, below] })
    }
    await expect(through(NOW - 60), 'ok')
    await expect(through(NOW - 61), 'Expired', { chain: 'owner' })
  })

  it('of a lease', async () => {
    const { world } = stage
    const shown = async (over: object) => world.call(alice, { proofs: [await world.lease(alice, over)] })
    await expect(shown({ expiration: NOW - 60 }), 'ok')
    await expect(shown({ expiration: NOW - 61 }), 'Expired', { chain: 'lease' })
    await expect(shown({ notBefore: NOW + 60 }), 'ok')
    await expect(shown({ notBefore: NOW + 61 }), 'TooEarly', { chain: 'lease' })
    await expect(shown({ expiration: null }), 'NoLease', { chain: 'lease' })
  })

  it('of a link above, in either chain, and of the one below it', async () => {
    const { world, lease } = stage
    const through = async (above: object, below: object) => {
      const first = await given(alice, phone, alice.did, above)
      return world.call(laptop, {
        subject: alice.did,
        proofs: [lease, await given(phone, laptop, alice.did, { ...below, proofs: [first] })],
      })
    }
    const leased = async (above: object, below: object) => {
      const first = await world.lease(phone, above)
      return world.call(laptop, { proofs: [await world.sublease(phone, laptop, { ...below, proofs: [first] })] })
    }
    for (const [way, chain] of [
      [through, 'owner'],
      [leased, 'lease'],
    ] as const) {
      await expect(way({ notBefore: NOW + 60 }, {}), 'ok')
      await expect(way({}, { notBefore: NOW + 60 }), 'ok')
      await expect(way({ notBefore: NOW + 61 }, {}), 'TooEarly', { chain, at: NOW + 61 })
      await expect(way({}, { notBefore: NOW + 61 }), 'TooEarly', { chain, at: NOW + 61 })
      await expect(way({ expiration: NOW - 60 }, { expiration: NOW - 60 }), 'ok')
      await expect(way({ expiration: NOW - 61 }, { expiration: NOW - 61 }), 'Expired', { chain })
      await expect(way({}, { expiration: NOW - 61 }), 'Expired', { chain })
    }
  })

  it('is told in whole seconds from 0 to what every reader can hold', async () => {
    const { world, lease, device } = stage
    const good = await world.invocation(phone, { subject: alice.did, proofs: [lease, device] })
    for (const [exp, code] of [
      [-1, 'Malformed'],
      [-(2 ** 53 - 1), 'Malformed'],
      [1.5, 'Malformed'],
      ['1800000000', 'Malformed'],
      [true, 'Malformed'],
      [new Raw(0x1b, 0, 0x20, 0, 0, 0, 0, 0, 0), 'Malformed'], // 2^53
      [new Raw(0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 'Malformed'], // 2^64 - 1
      [new Raw(0xfb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0), 'Malformed'], // infinity
      [new Raw(0xfb, 0x43, 0x40, 0, 0, 0, 0, 0, 0), 'NotCanonical'], // 2^53 as a float
    ] as const) {
      for (const field of ['exp', 'nbf']) {
        const bad = { ...good, ...bent(good, { [field]: exp }) }
        await expect(world.send(bad, [lease.ucan, device.ucan]), code)
        const link = bent(device.ucan, { [field]: exp })
        const shown = await world.invocation(phone, {
          subject: alice.did,
          proofs: [lease, { ucan: { ...device.ucan, ...link }, proofs: [] }],
        })
        await expect(world.send(shown, [lease.ucan, link]), code === 'Malformed' ? 'NotOwner' : code)
      }
    }
    // The largest that there is, signed: a delegation may have it, a call and a lease must end.
    const last = Number.MAX_SAFE_INTEGER
    await expect(
      world.call(phone, { subject: alice.did, proofs: [lease, await given(alice, phone, alice.did, { expiration: last })] }),
      'ok',
    )
    await expect(
      world.call(phone, { subject: alice.did, proofs: [lease, await given(alice, phone, alice.did, { notBefore: last })] }),
      'TooEarly',
    )
    await expect(call({ expiration: last }), 'TooLong')
    await expect(call({ notBefore: last }), 'TooEarly')
  })

  it('moves with the clock of the host', async () => {
    const { world, lease } = stage
    const invocation = await issueUcan(alice, {
      audience: world.did,
      capabilities: [{ can: 'jar/look', with: alice.did, nb: {} }],
      expiration: NOW + 100,
      proofs: [lease.ucan.cid],
    })
    for (const [now, code] of [
      [NOW, 'ok'],
      [NOW + 160, 'ok'],
      [NOW + 161, 'Expired'],
      [NOW - 560, 'ok'],
      [NOW - 561, 'TooLong'],
    ] as const) {
      world.now = now
      await expect(world.send(invocation, [lease.ucan]), code)
    }
    world.now = NOW
  })
})
