import assert from 'node:assert/strict'
import { Failure, type Proof } from '@symbiosis/protocol'
import { type Logged, logKeyOf, originOf, verifyCheckpoint, verifyLogged } from '@symbiosis/protocol/revocation'
import { openIdentity } from '../../../host/identity.ts'
import type { Store } from '../../../host/index.ts'
import { Witness } from '../../../host/log/witness.ts'
import { setup } from '../../conformance/sqlite.ts'
import { alice, folders, given, NOW, phone, World } from '../../fixtures.ts'
import { Network, revokeAt, soon, taken } from './network.ts'

describe('a host whose disk is full', () => {
  const folder = folders()
  const open: World[] = []
  afterEach(async () => {
    for (const world of open.splice(0)) await world.close()
  })

  /**
   * Leaves no room for records of a kind: what is large is refused first, then what is small. It lies right behind where they would, one before the other, since a page
   * of the file that is full leaves room in others.
   */
  const fill = async (store: Store, space: string, kind: string): Promise<void> => {
    let number = 100_000
    for (const size of [3000, 300, 30, 3]) {
      for (;;) {
        assert.ok(number > 99_000, 'the disk is not full')
        try {
          await store.write((tx) => tx.put(`${kind}!`, space, String(number), 'x'.repeat(size)))
          number--
        } catch (thrown) {
          if (thrown instanceof Failure && thrown.name === 'Unavailable') break
          throw thrown
        }
      }
    }
  }
  const opened = async (world: Promise<World>): Promise<World> => {
    open.push(await world)
    return world
  }
  const revoking = async (world: World, proof: Proof) =>
    world.call(alice, { can: 'ucan/revoke', nb: { ucan: proof.ucan.cid }, proofs: [await world.lease(alice)], attach: [proof] })
  const size = async (world: World) => {
    const { ok } = await world.call(alice, { can: 'log/checkpoint' })
    return verifyCheckpoint(ok?.checkpoint as string, { origin: originOf(world.did), keys: [logKeyOf(world.did, ok?.key as Uint8Array)] })
      .size
  }

  it('acknowledges no revocation that it has not logged, answers what it knows, and goes on when there is room', async () => {
    const dir = folder()
    const { store, makeRoom } = setup.openFull(dir)
    const world = await opened(World.open({ dir, store }))
    const acknowledged: Proof[] = []
    const refused: Proof[] = []
    for (let count = 0; refused.length < 3 && count < 300; count++) {
      const proof = await given(alice, phone, alice.did)
      const { ok, error } = await revoking(world, proof)
      if (ok) verifyLogged(ok.log as Logged, { host: world.did, ucan: proof.ucan.cid, by: alice.did })
      else assert.equal(error?.name, 'Unavailable')
      ;(ok ? acknowledged : refused).push(proof)
    }
    assert.equal(refused.length, 3, 'the disk was not full')
    assert.equal(await size(world), acknowledged.length)
    for (const proof of acknowledged) assert.equal(await taken(world, proof), 'Revoked')
    // What was refused is not half there.
    for (const proof of refused) assert.equal(await taken(world, proof), 'ok')
    makeRoom()
    for (const proof of refused) assert.equal((await revoking(world, proof)).error, undefined)
    await world.close()
    const again = await opened(World.open({ dir }))
    for (const proof of [...acknowledged, ...refused]) assert.equal(await taken(again, proof), 'Revoked')
  })

  it('takes over from another log whole steps or nothing, and the rest when there is room', async () => {
    const network = new Network()
    const a = await opened(network.open('a', { dir: folder() }))
    const dir = folder()
    const { store, makeRoom } = setup.openFull(dir)
    const b = await opened(network.open('b', { dir, store, follow: ['a'], following: { batchEntries: 10 } }))
    const revoked: Proof[] = []
    for (let count = 0; count < 150; count++) revoked.push(await revokeAt(a))
    await soon(() => b.host.followed()[0]?.problem?.name, 'Unavailable')
    const mirrored = b.host.followed()[0]?.size as number
    assert.ok(mirrored < revoked.length)
    assert.equal(await size(b), mirrored, 'its log has what its mirror has')
    for (const [at, proof] of revoked.entries()) assert.equal(await taken(b, proof), at < mirrored ? 'Revoked' : 'ok')
    makeRoom()
    await soon(() => [b.host.followed()[0]?.size, b.host.followed()[0]?.problem], [revoked.length, undefined])
    await b.close()
    const again = await opened(World.open({ dir }))
    for (const proof of revoked) assert.equal(await taken(again, proof), 'Revoked')
  }).timeout(60_000)

  it('claims no filter that it could not keep, and makes one when there is room', async () => {
    const dir = folder()
    const { store, makeRoom } = setup.openFull(dir)
    const world = await opened(World.open({ dir, store }))
    const proof = await revokeAt(world)
    await fill(store, world.did, 'log/shard')
    const asked = await world.call(alice, { can: 'log/filter' })
    assert.equal(asked.error?.name, 'Unavailable')
    assert.deepEqual([await size(world), await taken(world, proof)], [1, 'Revoked'])
    makeRoom()
    assert.equal((await world.call(alice, { can: 'log/filter' })).error, undefined)
    assert.equal(await size(world), 2)
    assert.equal((await world.call(alice, { can: 'log/shard', nb: { size: 1, shard: 0 } })).error, undefined)
  })

  it('tells a witness that its cosignature was not kept, and keeps it when there is room', async () => {
    const dir = folder()
    const other = openIdentity(folder())
    const { store, makeRoom } = setup.openFull(dir)
    const world = await opened(World.open({ dir, store, witnesses: [other.signer.did] }))
    await revokeAt(world)
    await fill(store, world.did, 'log/cosigned')
    const witness = await Witness.open(other, () => NOW)
    const witnesses = async () => {
      const { ok } = await world.call(alice, { can: 'log/checkpoint' })
      return (ok as { witnesses: { host: string }[] }).witnesses.map((each) => each.host)
    }
    const checkpoint = await witness.cosign(await world.host.revocationLog.checkpoint())
    const cosigning = () => world.call(other.signer, { can: 'log/cosign', nb: { checkpoint, key: witness.key } })
    assert.equal((await cosigning()).error?.name, 'Unavailable')
    assert.deepEqual(await witnesses(), [])
    makeRoom()
    assert.equal((await cosigning()).error, undefined)
    assert.deepEqual(await witnesses(), [other.signer.did])
  })
})
