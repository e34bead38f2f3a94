import assert from 'node:assert/strict'
import type { Proof } from '@symbiosis/protocol'
import { type Logged, verifyLogged } from '@symbiosis/protocol/revocation'
import { alice, expect, folders, given, laptop, NOW, phone, World } from '../../fixtures.ts'
import { Network, revokeAt, soon, taken } from './network.ts'

describe('hosts that follow each other', () => {
  const folder = folders()
  const open: World[] = []
  let network: Network

  beforeEach(() => {
    network = new Network()
  })
  afterEach(async () => {
    for (const world of open.splice(0)) await world.close()
  })

  const host = async (name: string, follow: string[] = [], over: Partial<Parameters<Network['open']>[1]> = {}): Promise<World> => {
    const world = await network.open(name, { dir: folder(), follow, ...over })
    open.push(world)
    return world
  }

  const state = (world: World, at = 0) => {
    const { url: _, did: __, contact: ___, ...rest } = followed(world, at)
    return { ...rest, ...(rest.problem && { problem: rest.problem.name }) }
  }
  const followed = (world: World, at = 0) => {
    const found = world.host.followed()[at]
    assert.ok(found)
    return found
  }
  const inOrder = (size: number) => ({ size, forks: [] })
  const logSize = (world: World) => world.host.revocationLog.size()

  it('refuse what was revoked at the other, and prove it themselves', async () => {
    const a = await host('a')
    const b = await host('b', ['a'])
    const proof = await given(alice, phone, alice.did)
    assert.equal(await taken(b, proof), 'ok')
    await revokeAt(a, { proof })
    await soon(() => taken(b, proof), 'Revoked')
    // The revoker gets b's own proof, without another entry.
    const lease = await b.lease(alice)
    const { ok } = await b.call(alice, { can: 'ucan/revoke', nb: { ucan: proof.ucan.cid }, proofs: [lease], attach: [proof] })
    verifyLogged(ok?.log as Logged, { host: b.did, ucan: proof.ucan.cid, by: alice.did })
    assert.equal(await logSize(b), 1)
  })

  it('take up what was revoked before they came, over many frames', async () => {
    const a = await host('a')
    const revoked: Proof[] = []
    for (let count = 0; count < 300; count++) revoked.push(await revokeAt(a))
    const b = await host('b', ['a'], { following: { batchEntries: 200 } })
    await soon(() => state(b), inOrder(300))
    for (const proof of [revoked[0], revoked[150], revoked[299]]) assert.equal(await taken(b, proof as Proof), 'Revoked')
    assert.equal(await logSize(b), 300)
  }).timeout(30_000)

  it('come to an end when they follow each other', async () => {
    const a = await host('a', ['b', 'c'])
    const b = await host('b', ['a', 'c'])
    const c = await host('c', ['a', 'b'])
    const revoked = [await revokeAt(a), await revokeAt(b), await revokeAt(c)]
    for (const world of [a, b, c]) for (const proof of revoked) await soon(() => taken(world, proof), 'Revoked')
    for (const world of [a, b, c]) {
      await soon(() => logSize(world), 3)
      await soon(() => [state(world, 0), state(world, 1)], [inOrder(3), inOrder(3)])
    }
    // Once more, and nothing comes of it.
    await revokeAt(a, { proof: revoked[1] as Proof })
    assert.deepEqual(await Promise.all([a, b, c].map(logSize)), [3, 3, 3])
  })

  it('agree again after a partition', async () => {
    const a = await host('a', ['b'])
    const b = await host('b', ['a'])
    await soon(() => [state(a), state(b)], [inOrder(0), inOrder(0)])
    network.cut('a', 'b')
    const [atA, atB] = [await revokeAt(a), await revokeAt(b)]
    assert.deepEqual([await taken(a, atA), await taken(a, atB)], ['Revoked', 'ok'])
    assert.deepEqual([await taken(b, atA), await taken(b, atB)], ['ok', 'Revoked'])
    await soon(() => followed(a).problem?.name, 'Unavailable')
    network.heal()
    for (const world of [a, b]) for (const proof of [atA, atB]) await soon(() => taken(world, proof), 'Revoked')
    await soon(() => [state(a), state(b)], [inOrder(2), inOrder(2)])
  })

  it('go on where they were when either was away', async () => {
    const [dirA, dirB] = [folder(), folder()]
    let a = await network.open('a', { dir: dirA })
    let b = await network.open('b', { dir: dirB, follow: ['a'] })
    const first = await revokeAt(a)
    await soon(() => taken(b, first), 'Revoked')
    await a.close()
    a = await network.open('a', { dir: dirA })
    open.push(a)
    const second = await revokeAt(a)
    await soon(() => taken(b, second), 'Revoked')
    await b.close()
    const third = await revokeAt(a)
    b = await network.open('b', { dir: dirB, follow: ['a'] })
    open.push(b)
    assert.equal(await taken(b, first), 'Revoked', 'known before anybody was asked')
    await soon(() => taken(b, third), 'Revoked')
    await soon(() => state(b), inOrder(3))
  })

  it('know by name whom they follow', async () => {
    const a = await host('a')
    const c = await host('c')
    const dir = folder()
    let b = await network.open('b', { dir, follow: [`a#${a.did}`, `c#${a.did}`] })
    await soon(() => state(b, 0), inOrder(0))
    await soon(() => followed(b, 1).problem?.name, 'WrongAudience')
    await b.close()
    b = await network.open('b', { dir, follow: [`a#${c.did}`] })
    await soon(() => followed(b).problem?.name, 'WrongAudience')
    await b.close()
    // Who answered first at an address is who has to answer there.
    b = await network.open('b', { dir, follow: ['a'] })
    await soon(() => state(b), inOrder(0))
    await b.close()
    const moved = new Network()
    const impostor = await moved.open('a', { dir: folder() })
    open.push(impostor)
    b = await moved.open('b', { dir, follow: ['a'] })
    await soon(() => followed(b).problem?.name, 'WrongAudience')
    open.push(b)
  })

  it('do not follow themselves', async () => {
    const a = await host('a', ['a'])
    await soon(() => followed(a).problem?.name, 'InvalidInput')
    await revokeAt(a)
    assert.equal(await logSize(a), 1)
  })

  it('do not start with what is no address', async () => {
    for (const bad of ['', 'example', 'ftp://a', 'unix:relative', 'http://a#did:key:z6Mk'])
      await assert.rejects(World.open({ dir: folder(), follow: [bad] }), { name: 'InvalidInput' })
  })

  it('take over by their evidence what agents say for their space', async () => {
    const a = await host('a')
    const b = await host('b', ['a'])
    const mayRevoke = await given(alice, phone, alice.did, { can: 'ucan/revoke' })
    const proof = await given(alice, laptop, alice.did)
    const lease = await a.lease(alice)
    const call = { can: 'ucan/revoke', nb: { ucan: proof.ucan.cid }, subject: alice.did, proofs: [lease, mayRevoke], attach: [proof] }
    await expect(a.call(phone, call), 'ok')
    await soon(async () => (await b.call(laptop, { subject: alice.did, proofs: [proof, await b.lease(alice)] })).error?.name, 'Revoked')
  })

  it('bring no more than they are let', async () => {
    const a = await host('a')
    const b = await host('b', ['a'], { following: { maxRevocationsPerFollowed: 3, batchEntries: 2 } })
    for (let count = 0; count < 5; count++) await revokeAt(a)
    await soon(() => followed(b).problem?.name, 'LimitExceeded')
    // To the last whole batch, and what is missing is not skipped.
    assert.ok((await logSize(b)) <= 3)
    assert.equal(followed(b).size, await logSize(b))
  })

  it('bring no more than they are let over a restart, and again when there is room', async () => {
    const a = await host('a')
    const dir = folder()
    const limits = { maxRevocationsPerFollowed: 2, batchEntries: 1 }
    let b = await network.open('b', { dir, follow: ['a'], following: limits })
    const short = await given(alice, phone, alice.did, { expiration: NOW + 10 })
    const proofs = [await revokeAt(a, { proof: short }), await revokeAt(a), await revokeAt(a)]
    await soon(() => followed(b).problem?.name, 'LimitExceeded')
    await b.close()
    b = await network.open('b', { dir, follow: ['a'], following: limits })
    await soon(() => followed(b).problem?.name, 'LimitExceeded')
    assert.equal(await taken(b, proofs[2] as Proof), 'ok')
    await b.close()
    const later = NOW + 80
    b = await network.open('b', { dir, follow: ['a'], following: limits, now: () => later })
    open.push(b)
    await soon(() => state(b), inOrder(3))
  })
})
