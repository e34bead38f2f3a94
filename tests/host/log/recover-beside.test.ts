import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { decode, type Failure, homeLogsFact, type Proof } from '@symbiosis/protocol'
import { originOf } from '@symbiosis/protocol/revocation'
import { openIdentity } from '../../../host/identity.ts'
import { type RecoverOptions, recoverHost } from '../../../host/index.ts'
import { SUMMARY_ENTRIES } from '../../../host/log/summary.ts'
import { showing, signed } from '../../attacks/showing.ts'
import { alice, expect, folders, given, HOUR, NOW, phone, World, type WorldOptions } from '../../fixtures.ts'
import { lengthen } from '../../long-log.ts'
import { flipped, without } from './bending.ts'
import { Network, revokeAt, soon, taken } from './network.ts'

const REVOKED = 3
/** More than one summary tells of. */
const LONG = SUMMARY_ENTRIES + 10

describe('what a host keeps beside the log that it has back', () => {
  const folder = folders()
  const storeIn = (dir: string) => join(dir, 'host.sqlite')

  /** Has the log of a folder back from one that has only so many entries of it. */
  const recovered = async (dir: string, truth: World['host'], count: number) => {
    const { signer, logSigner: by } = openIdentity(dir)
    const entries = (await truth.revocationLog.frame(0)).entries.slice(0, count)
    const checkpoint = await signed(entries, { origin: originOf(signer.did), by })
    return async (over: Partial<RecoverOptions> = {}) =>
      recoverHost({ dir, ...showing([{ entries, checkpoint }], truth.revocationLog.key), acceptLoss: true, now: () => NOW, ...over })
  }
  const countOf = (dir: string, kind: string) => {
    const database = new DatabaseSync(storeIn(dir), { readOnly: true })
    const { count } = database.prepare('SELECT count(*) AS count FROM records WHERE kind = ?').get(kind) as { count: number }
    database.close()
    return count
  }
  const revoke = async (world: World, proof: Proof) =>
    world.call(alice, { can: 'ucan/revoke', nb: { ucan: proof.ucan.cid }, proofs: [await world.lease(alice)], attach: [proof] })

  const tells = async ({ have, left, again }: { have: number; left: number; again: number }) => {
    const dir = folder()
    let world = await World.open({ dir })
    world.now = NOW - 5
    const revoked: Proof[] = []
    for (let at = 0; at < REVOKED; at++) revoked.push(await revokeAt(world))
    const recover = await recovered(dir, world.host, have)
    await world.close()
    without("kind = 'log/bundle'")(storeIn(dir))
    for (const { ucan } of revoked.slice(left)) without(`kind = 'revocation' AND key = '${ucan.cid}'`)(storeIn(dir))
    assert.equal((await recover()).again, again)
    world = await World.open({ dir, maxRevocationsPerSpace: left })
    for (const proof of revoked.slice(0, left)) assert.equal((await revoke(world, proof)).ok?.at, NOW - 5)
    await expect(revoke(world, await given(alice, phone, alice.did)), 'LimitExceeded', { field: 'revocations', used: left })
    await world.close()
  }

  it('tells when it was told of what was had back, and by whose lease', () => tells({ have: REVOKED, left: REVOKED, again: 0 }))

  it('tells the same of what was logged again', () => tells({ have: 1, left: REVOKED - 1, again: 1 }))

  it('says anew what it leases, under a higher number: its last manifest may be lost to the log', async () => {
    const dir = folder()
    let world = await World.open({ dir, manifestLife: HOUR })
    await revokeAt(world)
    const seqOf = ({ host }: World) => (decode(host.publisher.current().root.bytes) as { seq: number }).seq
    const seq = seqOf(world)
    const recover = await recovered(dir, world.host, 1)
    await world.close()
    without("kind = 'log/bundle'")(storeIn(dir))
    await recover()
    assert.equal(countOf(dir, 'manifest'), 0)
    world = await World.open({ dir, manifestLife: HOUR, now: () => NOW + 1 })
    assert.ok(seqOf(world) > seq)
    await world.close()
  })

  describe('of a log that it follows', () => {
    const REST = 2
    let network: Network
    let first: World
    let dir: string
    const revoked: Proof[] = []

    /** It took all of them over at once, and then lost the last ones. */
    beforeEach(async () => {
      network = new Network()
      dir = folder()
      first = await network.open('first', { dir: folder() })
      revoked.length = 0
      for (let at = 0; at < 5; at++) revoked.push(await revokeAt(first))
      const world = await second()
      await soon(() => [world.host.followed()[0]?.size, world.host.followed()[0]?.contact], [5, NOW])
      const recover = await recovered(dir, world.host, 5 - REST)
      await world.close()
      without(`space = '${world.did}' AND kind IN ('log/bundle', 'log/evidence')`)(storeIn(dir))
      const { lost, refollowed } = await recover()
      assert.deepEqual([lost, refollowed], [REST, [first.did]])
    })
    afterEach(() => first.close())

    const second = (options: Partial<WorldOptions> = {}) => network.open('second', { dir, follow: ['first'], ...options })

    it('it takes over again what was lost of that', async () => {
      const world = await second()
      for (const proof of revoked) await soon(() => taken(world, proof), 'Revoked')
      assert.equal(await world.host.revocationLog.size(), 5)
      await world.close()
    })

    it('it still counts what was not', async () => {
      const world = await second({ following: { maxRevocationsPerFollowed: 4 } })
      await soon(() => world.host.followed()[0]?.problem?.name, 'LimitExceeded')
      assert.equal(await taken(world, revoked.at(-1) as Proof), 'ok')
      await world.close()
    })

    it('it has not heard of that log until it hears of it again', async () => {
      network.cut('first', 'second')
      const world = await second()
      const facts = [homeLogsFact([{ did: first.did, url: 'https://first.example/' }])]
      const device = await given(alice, phone, alice.did, { facts })
      assert.equal(await taken(world, device), 'StaleLog')
      network.heal()
      await soon(() => taken(world, device), 'ok')
      await world.close()
    })
  })

  describe('of a long log', () => {
    let dir: string
    let proof: Proof
    let recover: Awaited<ReturnType<typeof recovered>>

    /** Its followers have but the first entry. */
    beforeEach(async function () {
      this.timeout(60_000)
      dir = folder()
      let world = await World.open({ dir })
      proof = await revokeAt(world)
      await world.close()
      await lengthen(dir, LONG, NOW + HOUR)
      world = await World.open({ dir })
      recover = await recovered(dir, world.host, 1)
      await world.close()
      assert.equal(countOf(dir, 'log/summary'), 1)
    })

    it('goes on without summaries of what is no more', async () => {
      flipped('log/bundle')(storeIn(dir))
      const { size, lost } = await recover()
      assert.deepEqual([size, lost, countOf(dir, 'log/summary')], [1, LONG - 1, 0])
      const world = await World.open({ dir })
      assert.equal(await taken(world, proof), 'Revoked')
      await world.close()
    })

    it('tells by its summaries how many entries there were at least', async () => {
      without("kind IN ('log/bundle', 'log/head', 'log/tile')")(storeIn(dir))
      await assert.rejects(
        () => recover({ acceptLoss: false }),
        (thrown: Failure) => thrown.name === 'StaleLog' && thrown.details.asked === SUMMARY_ENTRIES,
      )
    })
  })
})
