import assert from 'node:assert/strict'
import { Checks, encode, findPaths, type Guard, type Proof, type Ucan, UcanMemory, ucansOf } from '@symbiosis/protocol'
import { alice, bob, expect, given, mallory, NOW, numbered, phone, setTheStage } from '../fixtures.ts'
import { blockOf } from './bent.ts'

describe('alternatives', () => {
  const stage = setTheStage()

  /** Proofs that are no good, each in its own way. */
  const bad = async (): Promise<Record<string, { proof: Proof; blocks: readonly { cid: Ucan['cid']; bytes: Uint8Array }[] }>> => {
    const { world } = stage
    const whole = (proof: Proof) => ({ proof, blocks: ucansOf([proof]) })
    const revoked = await given(alice, phone, alice.did)
    await expect(world.call(alice, { can: 'ucan/revoke', nb: { ucan: revoked.ucan.cid }, proofs: [stage.lease], attach: [revoked] }), 'ok')
    const junk = (block: { cid: Ucan['cid']; bytes: Uint8Array }) => ({
      proof: { ucan: { ...revoked.ucan, ...block }, proofs: [] },
      blocks: [block],
    })
    const missing = await given(alice, phone, alice.did)
    const below = await given(alice, bob, alice.did)
    return {
      revoked: whole(revoked),
      expired: whole(await given(alice, phone, alice.did, { expiration: NOW - 61 })),
      'too early': whole(await given(alice, phone, alice.did, { notBefore: NOW + 61 })),
      missing: { proof: missing, blocks: [] },
      undecodable: junk(blockOf(Uint8Array.of(0x1c))),
      'not a UCAN': junk(blockOf(encode({ hello: 'world' }))),
      'for another': whole(below),
      'of another': whole(await given(mallory, phone, alice.did)),
      'about another': whole(await given(alice, phone, bob.did)),
      narrower: whole(await given(alice, phone, alice.did, { can: 'jar/put' })),
      'with an unknown caveat': whole(await given(alice, phone, alice.did, { nb: { maxSize: 1 } })),
      'below a revoked one': whole(await given(phone, phone, alice.did, { proofs: [revoked] })),
      'below a missing one': { proof: await given(phone, phone, alice.did, { proofs: [missing] }), blocks: [] },
    }
  }

  it('a bad proof voids itself and hides no good one, before it or behind it', async () => {
    const { world, lease, device } = stage
    for (const [name, { proof, blocks }] of Object.entries(await bad())) {
      for (const order of [
        [proof, device],
        [device, proof],
      ]) {
        const invocation = await world.invocation(phone, { subject: alice.did, proofs: [lease, ...order] })
        await expect(world.send(invocation, [lease.ucan, device.ucan, ...blocks]), 'ok')
      }
      const alone = await world.invocation(phone, { subject: alice.did, proofs: [lease, proof] })
      const { error } = await world.send(alone, [lease.ucan, ...blocks])
      assert.ok(error && ['Revoked', 'Expired', 'TooEarly', 'NotOwner'].includes(error.name), `${name}: ${error?.name}`)
    }
  })

  it('the same deeper down, and all of them at once', async () => {
    const { world, lease, device } = stage
    const all = Object.values(await bad())
    const last = await given(phone, bob, alice.did, { proofs: [...all.map(({ proof }) => proof), device] })
    const invocation = await world.invocation(bob, { subject: alice.did, proofs: [lease, last] })
    await expect(world.send(invocation, [lease.ucan, device.ucan, last.ucan, ...all.flatMap(({ blocks }) => blocks)]), 'ok')
  })

  it('of leases, too', async () => {
    const { world } = stage
    const revoked = await world.lease(alice)
    await expect(world.call(world.signer, { can: 'ucan/revoke', nb: { ucan: revoked.ucan.cid }, attach: [revoked] }), 'ok')
    const others = [
      revoked,
      await world.lease(alice, { expiration: NOW - 61 }),
      await world.lease(bob),
      await world.lease(alice, { can: 'lease/jar/put' }),
      await world.lease(alice, { nb: { unknown: 1 } }),
      await world.sublease(mallory, alice),
    ]
    for (const other of others) {
      await expect(world.call(alice, { proofs: [other, stage.lease] }), 'ok')
      assert.notEqual((await world.call(alice, { proofs: [other] })).error, undefined)
    }
    await expect(world.call(alice, { proofs: [...others, stage.lease] }), 'ok')
  })
})

describe('diamonds', () => {
  const stage = setTheStage()

  /** Each level proved by the one above, named twice. */
  const twice = async (depth: number): Promise<Proof> => {
    let last = await given(alice, phone, alice.did)
    for (let level = 1; level < depth; level++) {
      const ucan = (await given(phone, phone, alice.did, { proofs: [last, last] })).ucan
      last = { ucan, proofs: ucansOf([last]) }
    }
    return last
  }

  /** Each level with two links, each proved by both of the level above. */
  const crossed = async (depth: number, top: (number: number) => Promise<Proof>, next: (proofs: Proof[]) => Promise<Proof>) => {
    let level = [await top(0), await top(1)]
    for (let at = 1; at < depth; at++) level = [await next(level), await next(level)]
    return level
  }

  /** Counts what the search asks. */
  const counting = (search: (guard: Guard) => unknown): number => {
    let asked = 0
    const guard = {
      host: stage.world.did,
      now: NOW,
      maxLife: 600,
      bounds: { paths: 1024 } as Guard['bounds'],
      ability: () => undefined,
      revocations: () => {
        asked++
        return []
      },
    } as Guard
    try {
      search(guard)
    } catch {
      // the bound
    }
    return asked
  }

  it('are found through at once where they hold', async () => {
    const { world, lease } = stage
    await expect(world.call(phone, { subject: alice.did, proofs: [lease, await twice(20)] }), 'ok')
    const level = await crossed(
      20,
      () => given(alice, phone, alice.did),
      (proofs) => given(phone, phone, alice.did, { proofs }),
    )
    await expect(world.call(phone, { subject: alice.did, proofs: [lease, ...level] }), 'ok')
  })

  it('are given up at once where their top is no good, since each block is looked at once', async () => {
    const { world, lease } = stage
    const level = await crossed(
      20,
      () => given(mallory, phone, alice.did),
      (proofs) => given(phone, phone, alice.did, { proofs }),
    )
    const call = world.call(phone, { subject: alice.did, proofs: [lease, ...level] })
    await expect(call, 'NotOwner')
  })

  it('are given up within the bound where they fail at every path', async () => {
    const { world, lease } = stage
    const level = await crossed(
      20,
      () => given(alice, phone, alice.did),
      (proofs) => given(phone, phone, alice.did, { proofs }),
    )
    const last = await given(phone, bob, alice.did, { proofs: level })
    await expect(world.call(bob, { can: 'ucan/revoke', nb: { ucan: last.ucan.cid }, proofs: [lease], attach: [last, lease] }), 'ok')
    await expect(world.call(bob, { subject: alice.did, proofs: [lease, last] }), 'TooLarge', { field: 'paths', limit: 1024 })
  })

  it('of leases that none of them narrows cost no more', async () => {
    const { world } = stage
    const level = await crossed(
      20,
      (number) => world.lease(phone, { nb: { bytes: 10 + number } }),
      (proofs) => world.sublease(phone, phone, { proofs }),
    )
    const wide = await world.sublease(phone, bob, { nb: { bytes: 1000 }, proofs: level })
    await expect(world.call(bob, { proofs: [wide] }), 'TooLarge', { field: 'paths' })
    const fitting = await world.sublease(phone, bob, { nb: { bytes: 1 }, proofs: level })
    await expect(world.call(bob, { proofs: [fitting] }), 'ok')
  })

  it('count every path at every link that it comes down', async () => {
    const level = await crossed(
      20,
      () => given(alice, phone, alice.did),
      (proofs) => given(phone, phone, alice.did, { proofs }),
    )
    const ucans = new Map(ucansOf(level).map((ucan) => [String(ucan.cid), ucan]))
    const search = {
      chain: 'owner' as const,
      root: alice.did,
      none: () => ({ name: 'NotOwner', message: '' }),
      stands: () => undefined,
      narrows: (path: readonly Ucan[]) => (path.length === 20 ? { name: 'NotOwner', message: '' } : undefined),
    }
    const asked = counting((guard) =>
      findPaths(
        phone.did,
        level.map(({ ucan }) => ucan.cid),
        search,
        { invocations: [], ucans, checks: new Checks(new UcanMemory(), 1024) },
        guard,
        () => true,
      ),
    )
    assert.ok(asked > 20 && asked <= 1024, `${asked} links were asked for`)
  })

  it('hide nothing from those who bring many spaces', async () => {
    const { world, lease } = stage
    const many = await Promise.all(Array.from({ length: 30 }, (_, at) => given(numbered(800 + at), phone, alice.did)))
    await expect(world.call(phone, { subject: alice.did, proofs: [lease, ...many, stage.device] }), 'ok')
  })
})

describe('what is remembered', () => {
  it('is bounded in number and in bytes', async () => {
    const memory = new UcanMemory(10)
    for (let at = 0; at < 100; at++) memory.decode((await given(alice, phone, alice.did)).ucan)
    assert.ok(memory.bytes <= 10 * 1024)
    const large = await Promise.all(Array.from({ length: 20 }, () => given(alice, phone, alice.did, { nb: { tag: 'x'.repeat(4000) } })))
    for (const { ucan } of large) {
      memory.decode(ucan)
      assert.ok(memory.bytes <= 10 * 1024)
    }
    assert.equal(memory.isSigned((large.at(-1) as Proof).ucan), true)
    assert.equal(memory.isSigned((large[0] as Proof).ucan), true, 'forgotten, and still right')
  })
})
