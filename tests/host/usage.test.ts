import assert from 'node:assert/strict'
import type { Proof, Value } from '@symbiosis/protocol'
import { jarService } from '../attacks/jar.ts'
import { alice, bob, expect, folders, HOUR, numbered, setTheStage, World } from '../fixtures.ts'

/** Amounts are counted per principal that leaves to another, in the transaction of what they are for. */
describe('usage', () => {
  const stage = setTheStage(() => ({ services: [jarService()] }))
  const put = (who: typeof alice, lease: Proof | readonly Proof[], thing: string, size: number) =>
    stage.world.call(who, { can: 'jar/put', nb: { thing, size }, proofs: Array.isArray(lease) ? (lease as Proof[]) : [lease as Proof] })
  const drop = (who: typeof alice, lease: Proof, thing: string) =>
    stage.world.call(who, { can: 'jar/drop', nb: { thing }, proofs: [lease] })

  it('overshoots by nothing, however many write at once', async () => {
    const who = numbered(10)
    const lease = await stage.world.lease(who, { nb: { bytes: 100, things: 1000 } })
    const answers = await Promise.all(Array.from({ length: 200 }, (_, at) => put(who, lease, `t${at}`, 1)))
    assert.equal(answers.filter(({ ok }) => ok).length, 100)
    for (const { error } of answers.filter((answer) => answer.error)) {
      assert.deepEqual([error?.name, error?.limit, error?.used, error?.asked, error?.field], ['LimitExceeded', 100, 100, 1, 'bytes'])
    }
    await expect(put(who, lease, 'more', 0), 'ok')
    await expect(put(who, lease, 'over', 1), 'LimitExceeded')
  })

  it('admits to the last byte, and counts every limit by itself', async () => {
    const who = numbered(11)
    const lease = await stage.world.lease(who, { nb: { bytes: 100, things: 2 } })
    await expect(put(who, lease, 'a', 101), 'LimitExceeded', { limit: 100, used: 0, asked: 101 })
    await expect(put(who, lease, 'a', 100), 'ok')
    await expect(put(who, lease, 'b', 1), 'LimitExceeded', { field: 'bytes', used: 100 })
    await expect(put(who, lease, 'b', 0), 'ok')
    await expect(put(who, lease, 'c', 0), 'LimitExceeded', { field: 'things', limit: 2, used: 2 })
    await expect(put(who, lease, 'huge', Number.MAX_SAFE_INTEGER), 'LimitExceeded')
  })

  it('gives back what is taken away, and counts a change by its difference', async () => {
    const who = numbered(12)
    const lease = await stage.world.lease(who, { nb: { bytes: 100 } })
    await expect(put(who, lease, 'a', 60), 'ok')
    await expect(put(who, lease, 'a', 100), 'ok')
    await expect(put(who, lease, 'a', 101), 'LimitExceeded')
    await expect(put(who, lease, 'a', 10), 'ok')
    await expect(put(who, lease, 'b', 90), 'ok')
    await expect(drop(who, lease, 'b'), 'ok')
    await expect(drop(who, lease, 'b'), 'ok')
    await expect(put(who, lease, 'c', 91), 'LimitExceeded', { used: 10 })
    await expect(put(who, lease, 'c', 90), 'ok')
  })

  it('is not reset by another lease, nor added up by two', async () => {
    const { world } = stage
    const who = numbered(13)
    const lease = await world.lease(who, { nb: { bytes: 100 } })
    await expect(put(who, lease, 'a', 100), 'ok')
    const renewed = await world.lease(who, { nb: { bytes: 100 }, expiration: world.now + 2 * HOUR })
    await expect(put(who, renewed, 'b', 1), 'LimitExceeded')
    await expect(put(who, [lease, renewed], 'b', 1), 'LimitExceeded')
    const larger = await world.lease(who, { nb: { bytes: 150 } })
    await expect(put(who, [lease, larger], 'b', 50), 'ok')
    await expect(put(who, [lease, larger], 'c', 1), 'LimitExceeded', { limit: 150 })
  })

  it('has no bound where the lease states none', async () => {
    const who = numbered(14)
    const lease = await stage.world.lease(who)
    await expect(put(who, lease, 'a', 1e12), 'ok')
  })

  it('stops a provider at what it leases itself, whatever it promised', async () => {
    const { world } = stage
    const GB = 1e9
    const provider = numbered(20)
    const lease = await world.lease(provider, { nb: { bytes: 5 * GB } })
    const spaces = Array.from({ length: 10 }, (_, at) => numbered(30 + at))
    const subleases = await Promise.all(spaces.map((space) => world.sublease(provider, space, { nb: { bytes: GB }, proofs: [lease] })))
    const answers = await Promise.all(
      spaces.flatMap((space, at) => Array.from({ length: 4 }, (_, part) => put(space, subleases[at] as Proof, `p${part}`, GB / 4))),
    )
    assert.equal(answers.filter(({ ok }) => ok).length, 20, 'five gigabytes in quarters')
    for (const { error } of answers) if (error) assert.deepEqual([error.name, error.limit, error.used], ['LimitExceeded', 5 * GB, 5 * GB])
    await expect(put(provider, lease, 'own', 1), 'LimitExceeded')
    const first = answers.findIndex(({ ok }) => ok)
    const [space, sublease] = [spaces[Math.floor(first / 4)] as typeof alice, subleases[Math.floor(first / 4)] as Proof]
    await expect(drop(space, sublease, `p${first % 4}`), 'ok')
    await expect(put(provider, lease, 'own', GB / 4), 'ok')
    await expect(put(provider, lease, 'more', 1), 'LimitExceeded')
  })

  it('stops a space at its own sub-lease, and a sub-lease that says nothing at the one above', async () => {
    const { world } = stage
    const [provider, space] = [numbered(50), numbered(51)]
    const lease = await world.lease(provider, { nb: { bytes: 100 } })
    const narrow = await world.sublease(provider, space, { nb: { bytes: 10 }, proofs: [lease] })
    await expect(put(space, narrow, 'a', 11), 'LimitExceeded', { limit: 10 })
    await expect(put(space, narrow, 'a', 10), 'ok')
    const silent = await world.sublease(provider, space, { proofs: [lease] })
    await expect(put(space, silent, 'b', 91), 'LimitExceeded', { limit: 100 })
    await expect(put(space, silent, 'b', 90), 'ok')
  })

  it('charges the first lease that has room', async () => {
    const { world } = stage
    const [one, other, space] = [numbered(60), numbered(61), numbered(62)]
    const leases = await Promise.all(
      [one, other].map(async (from) => world.sublease(from, space, { proofs: [await world.lease(from, { nb: { bytes: 10 } })] })),
    )
    await expect(put(space, leases, 'a', 10), 'ok')
    await expect(put(space, leases, 'b', 10), 'ok')
    await expect(put(space, leases, 'c', 1), 'LimitExceeded')
    await expect(put(space, leases, 'd', 11), 'LimitExceeded')
  })

  it("is each space's and each service's own", async () => {
    const { world } = stage
    const [a, b] = [numbered(70), numbered(71)]
    await expect(put(a, await world.lease(a, { nb: { bytes: 10 } }), 'x', 10), 'ok')
    await expect(put(b, await world.lease(b, { nb: { bytes: 10 } }), 'x', 10), 'ok')
    assert.deepEqual((await world.call(bob, { proofs: [await world.lease(bob)] })).ok, { things: [] })
  })
})

describe('usage over a restart', () => {
  const folder = folders()
  it('is what it was', async () => {
    const dir = folder()
    let world = await World.open({ dir })
    const lease = await world.lease(alice, { nb: { bytes: 100 } })
    const put = (thing: string, size: number) =>
      world.call(alice, { can: 'jar/put', nb: { thing, size } as Record<string, Value>, proofs: [lease] })
    await expect(put('a', 99), 'ok')
    await world.close()
    world = await World.open({ dir })
    await expect(put('b', 2), 'LimitExceeded', { used: 99 })
    await expect(put('b', 1), 'ok')
    await world.close()
  })
})
