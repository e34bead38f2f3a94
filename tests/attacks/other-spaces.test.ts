import assert from 'node:assert/strict'
import { cidOf, encode, type Refusal } from '@symbiosis/protocol'
import { alice, bob, type CallShape, expect, given, HOUR, setTheStage } from '../fixtures.ts'

/** What one space has, another can't tell from what there is not. */
describe('other spaces', () => {
  const stage = setTheStage(() => ({ waitHold: 6, consent: ({ why }) => (why === 'ask' ? undefined : { allow: true }) }))

  /** A refusal without the link that was asked for. */
  const asked = async (call: Partial<CallShape>, link: unknown): Promise<Refusal> => {
    const { error } = await stage.world.call(bob, call)
    assert.ok(error, 'it was not refused')
    return JSON.parse(JSON.stringify(error).replaceAll(String(link), 'LINK'))
  }
  const nowhere = cidOf(encode('nowhere'))

  it('show no request, and hold nobody up for one that waits', async () => {
    const { world } = stage
    const request = (why: string) => world.call(alice, { can: 'access/request', nb: { abilities: [{ can: 'jar/*' }], why } })
    for (const why of ['ask', 'grant']) {
      const { ok } = await request(why)
      const started = performance.now()
      const wait = (link: unknown) => asked({ can: 'access/wait', nb: { request: link as never } }, link)
      assert.deepEqual(await wait(ok?.request), await wait(nowhere))
      assert.ok(performance.now() - started < 3000, 'what another space waits for held the answer back')
    }
  })

  it('show no lease', async () => {
    const { world } = stage
    const { ok } = await world.call(alice, { can: 'access/request', nb: { abilities: [{ can: 'jar/*' }], why: 'grant' } })
    assert.equal(ok?.state, 'granted')
    world.now += HOUR
    const { leases } = (await world.call(world.signer, { can: 'host/leases', subject: world.did })).ok as { leases: { lease: unknown }[] }
    const renew = (link: unknown) => asked({ can: 'access/renew', nb: { lease: link as never } }, link)
    assert.ok(leases.length > 0)
    for (const { lease } of leases) assert.deepEqual(await renew(lease), await renew(nowhere))
    world.now -= HOUR
  })

  it('show no revocation, to who does not have the UCAN', async () => {
    const { world, lease } = stage
    const device = await given(alice, bob, alice.did)
    await expect(world.call(alice, { can: 'ucan/revoke', nb: { ucan: device.ucan.cid }, proofs: [lease], attach: [device] }), 'ok')
    const revoke = (link: unknown) => asked({ can: 'ucan/revoke', nb: { ucan: link as never } }, link)
    assert.deepEqual(await revoke(device.ucan.cid), await revoke(nowhere))
  })

  it('share no record, by whatever key it is asked for, and none is out of sight', async () => {
    const { world, lease } = stage
    const own = await world.lease(bob)
    const things = ['a', '../a', `${alice.did}/a`, 'a/', '\u{10ffff}', '\u{10ffff}\u{10ffff}a', '\u{ffff}', '%', '_', '\u0000', 'a\u0000b']
    for (const thing of things) {
      await expect(world.call(alice, { can: 'jar/put', nb: { thing }, proofs: [lease] }), 'ok')
      await expect(world.call(bob, { can: 'jar/drop', nb: { thing }, proofs: [own] }), 'ok')
    }
    assert.deepEqual((await world.call(bob, { proofs: [own] })).ok, { things: [] })
    const { ok } = await world.call(alice, { proofs: [lease] })
    assert.deepEqual(new Set(ok?.things as string[]), new Set(things))
  })
})
