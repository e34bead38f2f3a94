import assert from 'node:assert/strict'
import type { LocalSigner, Proof } from '@symbiosis/protocol'
import { alice, bob, expect, folders, given, HOUR, laptop, mallory, NOW, phone, setTheStage, World } from '../fixtures.ts'
import { bent } from './bent.ts'

const revoke = (world: World, by: LocalSigner, proof: Proof, over: { subject?: string; proofs?: readonly Proof[] } = {}) =>
  world.call(by, { can: 'ucan/revoke', nb: { ucan: proof.ucan.cid }, attach: [proof], ...over })

describe('revocation', () => {
  const stage = setTheStage()
  /** alice -> phone -> laptop -> bob, for the space of alice. */
  const chain = async () => {
    const first = await given(alice, phone, alice.did, { can: '*' })
    const second = await given(phone, laptop, alice.did, { can: '*', proofs: [first] })
    const third = await given(laptop, bob, alice.did, { can: '*', proofs: [second] })
    return { first, second, third }
  }
  const look = (agent: LocalSigner, proof: Proof) => stage.world.call(agent, { subject: alice.did, proofs: [stage.lease, proof] })

  it('by the issuer, by an issuer above, and by the audience', async () => {
    const { world, lease } = stage
    for (const by of [laptop, phone, alice, bob]) {
      const { third, second } = await chain()
      await expect(look(bob, third), 'ok')
      await expect(revoke(world, by, third, { proofs: [lease] }), 'ok')
      await expect(look(bob, third), 'Revoked', { link: String(third.ucan.cid), by: by.did, chain: 'owner', at: NOW })
      await expect(look(laptop, second), 'ok')
    }
  })

  it('takes what is below along', async () => {
    const { world, lease } = stage
    const { first, third } = await chain()
    await expect(revoke(world, alice, first, { proofs: [lease] }), 'ok')
    await expect(look(bob, third), 'Revoked', { link: String(first.ucan.cid) })
  })

  it('by an agent that holds ucan/revoke over the space, and by no other agent', async () => {
    const { world, lease } = stage
    const { third } = await chain()
    const mayRevoke = await given(alice, phone, alice.did, { can: 'ucan/revoke' })
    const mayLook = await given(alice, laptop, alice.did, { can: 'jar/*' })
    await expect(revoke(world, laptop, third, { subject: alice.did, proofs: [lease, mayLook] }), 'NotOwner')
    await expect(revoke(world, phone, third, { subject: alice.did, proofs: [lease, mayRevoke] }), 'ok')
    await expect(look(bob, third), 'Revoked', { by: alice.did })
  })

  it('not by a stranger, whatever he shows', async () => {
    const { world, lease } = stage
    const { third } = await chain()
    const own = await world.lease(mallory)
    await expect(revoke(world, mallory, third, { proofs: [own] }), 'NotRevoker', { link: String(third.ucan.cid) })
    await expect(revoke(world, mallory, third, { proofs: [lease] }), 'NotRevoker')
    // A chain of his own beside it doesn't put him above it.
    const beside = await given(mallory, laptop, alice.did, { can: '*' })
    await expect(
      world.call(mallory, {
        can: 'ucan/revoke',
        nb: { ucan: third.ucan.cid, proof: [beside.ucan.cid] },
        proofs: [own],
        attach: [third, beside],
      }),
      'NotRevoker',
    )
    await expect(look(bob, third), 'ok')
  })

  it('not by who received what came of it: a receiver can not revoke its parent', async () => {
    const { world, lease } = stage
    const { first, second, third } = await chain()
    for (const above of [first, second]) await expect(revoke(world, bob, above, { proofs: [lease] }), 'NotRevoker')
    await expect(revoke(world, laptop, first, { proofs: [lease] }), 'NotRevoker')
    await expect(look(bob, third), 'ok')
  })

  it('bears only on the paths that its author stands in', async () => {
    const { world, lease } = stage
    const { first } = await chain()
    const own = await given(mallory, phone, alice.did, { can: '*' })
    // The link has two proofs, one good and one of mallory's: he is an issuer above it, and of no path that holds.
    const two = await given(phone, bob, alice.did, { can: '*', proofs: [first, own] })
    await expect(revoke(world, mallory, two, { proofs: [lease] }), 'ok')
    await expect(look(bob, two), 'ok')
    await expect(revoke(world, alice, two, { proofs: [lease] }), 'ok')
    await expect(look(bob, two), 'Revoked', { by: alice.did })
  })

  it('can not be erased, by strangers or by its author', async () => {
    const { world, lease } = stage
    const { third } = await chain()
    await expect(revoke(world, alice, third, { proofs: [lease] }), 'ok')
    await expect(revoke(world, mallory, third, { proofs: [await world.lease(mallory)] }), 'NotRevoker')
    await expect(look(bob, third), 'Revoked')
    await expect(revoke(world, bob, third, { proofs: [lease] }), 'ok')
    await expect(revoke(world, alice, third, { proofs: [lease] }), 'ok')
    await expect(look(bob, third), 'Revoked', { by: alice.did })
  })

  it('is idempotent, and keeps its first time', async () => {
    const { world, lease } = stage
    const { third } = await chain()
    assert.equal((await revoke(world, alice, third, { proofs: [lease] })).ok?.at, NOW)
    world.now = NOW + 30
    assert.equal((await revoke(world, alice, third, { proofs: [lease] })).ok?.at, NOW)
    world.now = NOW
    const before = world.host.metrics.text()
    await Promise.all(Array.from({ length: 20 }, () => revoke(world, alice, third, { proofs: [lease] })))
    const counted = (text: string) => /symbiosis_revocations (\d+)/.exec(text)?.[1]
    assert.equal(counted(await world.host.metrics.text()), counted(await before))
  })

  it('of a lease: by the host, by the space, by an operator', async () => {
    const { world } = stage
    const operator = await given(world.signer, bob, world.did, { can: 'ucan/revoke' })
    const ways: [LocalSigner, object][] = [
      [world.signer, {}],
      [alice, {}],
      [bob, { subject: world.did, proofs: [operator] }],
    ]
    for (const [by, over] of ways) {
      const lease = await world.lease(alice)
      await expect(world.call(alice, { proofs: [lease] }), 'ok')
      await expect(revoke(world, mallory, lease), 'NotRevoker')
      await expect(revoke(world, by, lease, over), 'ok')
      await expect(world.call(alice, { proofs: [lease] }), 'Revoked', { chain: 'lease' })
    }
  })

  it('of a lease takes its sub-leases along; a sub-lessee can not take it back', async () => {
    const { world } = stage
    const lease = await world.lease(alice)
    const below = await world.sublease(alice, bob, { proofs: [lease] })
    await expect(revoke(world, bob, lease), 'NotRevoker')
    await expect(world.call(bob, { proofs: [below] }), 'ok')
    await expect(revoke(world, world.signer, lease), 'ok')
    await expect(world.call(bob, { proofs: [below] }), 'Revoked', { chain: 'lease', link: String(lease.ucan.cid) })
  })

  it('of a UCAN that nobody signed is refused', async () => {
    const { world, lease } = stage
    const { third } = await chain()
    const block = bent(third.ucan, { exp: NOW + 2 * HOUR })
    const forged = { ucan: { ...third.ucan, ...block }, proofs: third.proofs }
    await expect(revoke(world, bob, forged, { proofs: [lease] }), 'BadSignature')
  })

  it('of what does not come along is refused', async () => {
    const { world, lease } = stage
    const { third } = await chain()
    await expect(world.call(alice, { can: 'ucan/revoke', nb: { ucan: third.ucan.cid }, proofs: [lease] }), 'NotFound')
    // Without the chain above it, nobody above it is known.
    await expect(revoke(world, alice, { ucan: third.ucan, proofs: [] }, { proofs: [lease] }), 'NotRevoker')
  })
})

describe('what is kept of revocations', () => {
  const stage = setTheStage()

  it('is only what roots in this host, or in a space with a lease here: anyone can mint junk', async () => {
    const { world } = stage
    const junk = await given(mallory, bob, mallory.did)
    await expect(revoke(world, mallory, junk), 'NoLease')
    await expect(revoke(world, bob, junk), 'NoLease')
    await expect(revoke(world, mallory, junk, { proofs: [stage.lease] }), 'NoLease')
    await expect(revoke(world, mallory, junk, { proofs: [await world.lease(mallory, { expiration: NOW - 61 })] }), 'NoLease')
    await expect(revoke(world, mallory, junk, { proofs: [await world.sublease(mallory, mallory)] }), 'NoLease')
    await expect(revoke(world, mallory, junk, { proofs: [await world.lease(mallory)] }), 'ok')
  })

  it('is not what roots in a lease that has ended: it would be a way in for ever', async () => {
    const { world } = stage
    const below = async (expiration: number) => {
      const ended = await world.lease(mallory, { expiration })
      return world.sublease(mallory, bob, { expiration: null, proofs: [ended] })
    }
    await expect(revoke(world, mallory, await below(NOW - 61)), 'NoLease')
    await expect(revoke(world, mallory, await below(NOW - 60)), 'ok')
  })

  it('is not what roots in a lease by its text alone', async () => {
    const { world, lease } = stage
    const junk = await given(mallory, bob, mallory.did, { proofs: [lease] })
    await expect(revoke(world, mallory, junk), 'NoLease')
  })
})

describe('revocations outlive', () => {
  const folder = folders()

  it('a restart, for both chains; and no longer than what they revoke', async () => {
    const dir = folder()
    let world = await World.open({ dir })
    const [lease, other] = [await world.lease(alice), await world.lease(alice)]
    const [device, forever] = [await given(alice, phone, alice.did), await given(alice, phone, alice.did, { expiration: null })]
    await expect(revoke(world, world.signer, other), 'ok')
    for (const each of [device, forever]) await expect(revoke(world, alice, each, { proofs: [lease] }), 'ok')
    const asked = async () => {
      await expect(world.call(alice, { proofs: [other] }), 'Revoked')
      for (const each of [device, forever]) await expect(world.call(phone, { subject: alice.did, proofs: [lease, each] }), 'Revoked')
    }
    await asked()
    await world.close()
    world = await World.open({ dir })
    await asked()
    await world.close()
    const later = NOW + HOUR + 62
    world = await World.open({ dir, now: () => later })
    assert.match(await world.host.metrics.text(), /symbiosis_revocations 1\n/)
    world.now = later
    const fresh = await world.lease(alice)
    await expect(world.call(phone, { subject: alice.did, proofs: [fresh, forever] }), 'Revoked')
    await world.close()
  })
})
