import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { LocalSigner, Proof } from '@symbiosis/protocol'
import { alice, bob, folders, given, mallory, numbered, verdict, World } from '../fixtures.ts'

/** As many as are asked for: SPURIOUS=100000 for the long form. */
const COUNT = Number(process.env.SPURIOUS ?? 300)
const LIMIT = 20

describe('revocations that nobody needs', () => {
  const folder = folders()

  /** Bytes of the store's file when it is closed. */
  const bytesOf = (dir: string): number => {
    const database = new DatabaseSync(join(dir, 'host.sqlite'))
    database.exec('VACUUM')
    const { page_count: pages } = database.prepare('PRAGMA page_count').get() as { page_count: number }
    const { page_size: size } = database.prepare('PRAGMA page_size').get() as { page_size: number }
    database.close()
    return pages * size
  }

  /** So many revocations of as many UCANs, each of which its author may take back; how they were answered. */
  const flood = async (world: World, by: LocalSigner, count: number, proofs: (at: number) => Promise<readonly Proof[]>) => {
    const answers = new Map<string, number>()
    for (let at = 0; at < count; at++) {
      const junk = await given(by, numbered(1000 + at), by.did, { expiration: null })
      const call = { can: 'ucan/revoke', nb: { ucan: junk.ucan.cid }, proofs: await proofs(at), attach: [junk] }
      const answer = await verdict(world.call(by, call))
      answers.set(answer, (answers.get(answer) ?? 0) + 1)
    }
    return Object.fromEntries(answers)
  }

  it('of strangers leave nothing behind, whatever they show', async () => {
    const dir = folder()
    let world = await World.open({ dir })
    const lease = await world.lease(alice)
    await world.close()
    const before = bytesOf(dir)
    world = await World.open({ dir })
    assert.deepEqual(await flood(world, mallory, COUNT, async () => []), { NoLease: COUNT })
    assert.deepEqual(await flood(world, mallory, COUNT, async () => [lease]), { NoLease: COUNT })
    // What isn't theirs, in their own name.
    const device = await given(alice, bob, alice.did)
    const call = { can: 'ucan/revoke', nb: { ucan: device.ucan.cid }, proofs: [lease], attach: [device] }
    for (let at = 0; at < 10; at++) assert.equal(await verdict(world.call(mallory, call)), 'NotRevoker')
    assert.equal(await world.host.revocationLog.size(), 0)
    await world.close()
    assert.equal(bytesOf(dir), before)
  }).timeout(10_000 + 20 * COUNT)

  it('of one with a lease end at a bound, whatever comes after that', async () => {
    const dir = folder()
    let world = await World.open({ dir, maxRevocationsPerSpace: LIMIT })
    const lease = await world.lease(alice)
    assert.deepEqual(await flood(world, alice, LIMIT, async () => [lease]), { ok: LIMIT })
    await world.close()
    const full = bytesOf(dir)
    world = await World.open({ dir, maxRevocationsPerSpace: LIMIT })
    const left = async (at: number) => [at % 2 === 0 ? lease : await world.lease(alice, { nb: { bytes: at } })]
    assert.deepEqual(await flood(world, alice, COUNT, left), { LimitExceeded: COUNT })
    assert.equal(await world.host.revocationLog.size(), LIMIT)
    await world.close()
    assert.equal(bytesOf(dir), full)
  }).timeout(10_000 + 20 * COUNT)
})
