import { issueUcan } from '@symbiosis/protocol'
import { alice, expect, given, NOW, phone, setTheStage } from '../fixtures.ts'

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
