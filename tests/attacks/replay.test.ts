import assert from 'node:assert/strict'
import { ability, Failure, inProcessChannel, type Proof, provide, service, struct, text, type Ucan } from '@symbiosis/protocol'
import { alice, expect, folders, messageOf, NOW, setTheStage, World } from '../fixtures.ts'
import { jarService, watch } from './jar.ts'

describe('replay', () => {
  const folder = folders()

  it('runs a call once that says so: at the same time, again, in one message, and after a restart', async () => {
    const dir = folder()
    const seen = watch()
    let world = await World.open({ dir, services: [jarService(seen)] })
    const lease = await world.lease(alice)
    const count = await world.invocation(alice, { can: 'jar/count', nb: {}, proofs: [lease], expiration: NOW + 600 })
    const answers = await Promise.all(Array.from({ length: 50 }, () => world.send(count, [lease.ucan])))
    for (const { ok } of answers) assert.deepEqual(ok, { count: 1 })
    assert.deepEqual((await world.send(count, [lease.ucan])).ok, { count: 1 })
    await world.channel.request(messageOf([count, count], [lease.ucan, count]))
    assert.equal(seen.runs.count, 1)
    await world.close()

    world = await World.open({ dir, services: [jarService(seen)] })
    assert.deepEqual((await world.send(count, [lease.ucan])).ok, { count: 1 })
    assert.equal(seen.runs.count, 1)
    assert.deepEqual((await world.call(alice, { can: 'jar/count', proofs: [lease] })).ok, { count: 2 })
    await world.close()
  })

  it('runs it once in ten thousand, at the same time and over a restart', async () => {
    const dir = folder()
    const seen = watch()
    const answers = new Set<string>()
    let message: Uint8Array | undefined
    for (const times of [8000, 2000]) {
      const world = await World.open({ dir, services: [jarService(seen)] })
      const lease = await world.lease(alice)
      const count = await world.invocation(alice, { can: 'jar/count', nb: {}, proofs: [lease], expiration: NOW + 600 })
      message ??= messageOf([count], [lease.ucan, count])
      const sent = message
      const replies = await Promise.all(Array.from({ length: times }, () => world.channel.request(sent)))
      for (const reply of replies) answers.add(Buffer.from(reply).toString('base64'))
      await world.close()
    }
    assert.equal(seen.runs.count, 1)
    assert.equal(answers.size, 1, 'all of them got the one receipt')
  })

  it('keeps the answer of each call by itself, though two ask for the same', async () => {
    const dir = folder()
    const seen = watch()
    let world = await World.open({ dir, services: [jarService(seen)] })
    const lease = await world.lease(alice)
    // Both run; that the second one is another call is all that tells them apart.
    const calls = await Promise.all([1, 1].map((by) => world.invocation(alice, { can: 'jar/count', nb: { by }, proofs: [lease] })))
    const outs = async () => Promise.all(calls.map(async (call) => (await world.send(call, [lease.ucan])).ok))
    const first = await outs()
    assert.deepEqual(first.map((ok) => ok?.count).sort(), [1, 2])
    await world.close()
    world = await World.open({ dir, services: [jarService(seen)] })
    assert.deepEqual(await outs(), first)
    assert.equal(seen.runs.count, 2)
    await world.close()
  })

  it('keeps a refusal that no second try could change, and no other', async () => {
    const dir = folder()
    const runs: Record<string, number> = {}
    const bell = service('bell', {
      rev: 1,
      about: 'Rings, or fails to',
      abilities: {
        ring: ability({ about: 'Rings', effect: 'once', nb: struct({ code: text() }), ok: struct({}) }),
      },
    })
    const services = [
      provide(bell, {
        ring: ({ code }) => {
          runs[code] = (runs[code] ?? 0) + 1
          throw code === 'Internal' ? new Error('broken') : new Failure(code, 'The bell is stuck.')
        },
      }),
    ]
    const calls = new Map<string, Ucan>()
    let lease: Proof | undefined
    for (const round of [1, 2]) {
      const world = await World.open({ dir, services })
      lease ??= await world.lease(alice, { can: 'lease/bell/*' })
      for (const code of ['LimitExceeded', 'NotFound', 'Internal', 'Unavailable', 'Cancelled', 'RateLimited']) {
        const call = calls.get(code) ?? (await world.invocation(alice, { can: 'bell/ring', nb: { code }, proofs: [lease] }))
        calls.set(code, call)
        await expect(world.send(call, [lease.ucan]), code)
        await expect(world.send(call, [lease.ucan]), code)
        assert.equal(runs[code], ['LimitExceeded', 'NotFound'].includes(code) ? 1 : 2 * round, code)
      }
      await world.close()
    }
  })

  it('answers a replay with the same receipt, byte for byte', async () => {
    const world = await World.open({ dir: folder() })
    const lease = await world.lease(alice)
    const count = await world.invocation(alice, { can: 'jar/count', nb: {}, proofs: [lease] })
    const message = messageOf([count], [lease.ucan, count])
    const [first, second] = [await world.channel.request(message), await world.channel.request(message)]
    assert.deepEqual(first, second)
    await world.close()
  })

  it('does not run what it answered before, for as long as the call may come', async () => {
    const dir = folder()
    const seen = watch()
    let world = await World.open({ dir, services: [jarService(seen)] })
    const lease = await world.lease(alice)
    const count = await world.invocation(alice, { can: 'jar/count', nb: {}, proofs: [lease], expiration: NOW + 10 })
    await expect(world.send(count, [lease.ucan]), 'ok')
    for (const [now, code] of [
      [NOW + 70, 'ok'],
      [NOW + 71, 'Expired'],
    ] as const) {
      await world.close()
      // A host that opens forgets first what has ended.
      world = await World.open({ dir, services: [jarService(seen)], now: () => now })
      await expect(world.send(count, [lease.ucan]), code)
    }
    assert.equal(seen.runs.count, 1)
    await world.close()
  })

  it('tells the same call of another space apart, and authorizes each replay anew', async () => {
    const world = await World.open({ dir: folder() })
    const lease = await world.lease(alice)
    const count = await world.invocation(alice, { can: 'jar/count', nb: {}, proofs: [lease] })
    await expect(world.send(count, [lease.ucan]), 'ok')
    await expect(world.send(count, []), 'NoLease')
    await expect(world.call(world.signer, { can: 'ucan/revoke', nb: { ucan: lease.ucan.cid }, attach: [lease] }), 'ok')
    await expect(world.send(count, [lease.ucan]), 'Revoked')
    await world.close()
  })
})

describe('a replay over many doors', () => {
  const seen = watch()
  const stage = setTheStage(() => ({ services: [jarService(seen)] }))
  it('is the same call', async () => {
    const { world, lease } = stage
    const { count: before = 0 } = seen.runs
    const doors = Array.from({ length: 5 }, () => inProcessChannel(world.host.door))
    const count = await world.invocation(alice, { can: 'jar/count', nb: {}, proofs: [lease] })
    await Promise.all(doors.map((door) => world.send(count, [lease.ucan], door)))
    assert.equal(seen.runs.count, before + 1)
  })
})
