import assert from 'node:assert/strict'
import { ability, type Environment, extract, type LocalSigner, provide, service, struct } from '@symbiosis/protocol'
import { ask, Host, operatorPath, readOperator } from '../../host/index.ts'
import { alice, bob, emptyEngine, expect, folders, given, numbered, silent, World } from '../fixtures.ts'

/** A service whose one ability does what the test says. */
const doing = (work: () => Promise<void>, hooks = {}) =>
  provide(
    service('stall', {
      rev: 1,
      about: 'Stalls',
      abilities: { call: ability({ about: 'Stalls', authority: 'open', effect: 'idempotent', nb: struct({}), ok: struct({}) }) },
    }),
    {
      call: async () => {
        await work()
        return {}
      },
    },
    hooks,
  )

describe('what was given ends', () => {
  const folder = folders()

  it('with its lease, and the standing answer that came with it', async () => {
    const world = await World.open({ dir: folder(), consent: ask })
    const { signer, delegation } = readOperator(operatorPath(world.dir))
    const operate = (can: string, nb: Record<string, unknown>, attach: never[] = []) =>
      world.call(signer, { can, subject: world.did, nb, proofs: [delegation], attach })
    const request = async () => (await world.call(alice, { can: 'access/request', nb: { abilities: [{ can: 'jar/*' }] } })).ok
    await expect(operate('host/approve', { request: (await request())?.request, always: true }), 'ok')
    const again = await request()
    assert.equal(again?.state, 'granted', 'the answer stands')
    const [archive] = (again?.leases ?? []) as Uint8Array[]
    const lease = extract(archive as Uint8Array)
    await expect(operate('ucan/revoke', { ucan: lease.ucan.cid }, [lease] as never), 'ok')
    assert.equal((await request())?.state, 'pending', 'the owner is asked again')
    assert.deepEqual((await operate('host/policies', {})).ok, { policies: [] })
    await world.close()
  })

  it('for who leases onward more than they have: such a lease lets nobody record revocations', async () => {
    const world = await World.open({ dir: folder() })
    const lease = await world.lease(alice, { nb: { bytes: 5 } })
    const junk = await given(bob, alice, bob.did, { can: 'jar/*' })
    const revokeWith = async (limit: number) => {
      const onward = await world.sublease(alice, bob, { nb: { bytes: limit }, proofs: [lease] })
      return world.call(bob, { can: 'ucan/revoke', nb: { ucan: junk.ucan.cid }, proofs: [onward], attach: [junk] })
    }
    await expect(revokeWith(6), 'NoLease')
    await expect(revokeWith(5), 'ok')
    await world.close()
  })

  it('for a host, though a handler heeds no signal', async () => {
    const world = await World.open({ dir: folder(), services: [doing(() => new Promise(() => {}))], grace: 0.1 })
    void world.call(alice, { can: 'stall/call' }).catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 50))
    await world.close()
  })

  it('for a host that fails to open: its folder is free again, and what was open is closed', async () => {
    const dir = folder()
    let closed = 0
    const engine = { ...emptyEngine(), close: async () => void closed++ }
    const failing = doing(async () => {}, {
      open() {
        throw new Error('not today')
      },
    })
    const told: string[] = []
    const working = doing(async () => {}, {
      open: ({ signal }: Environment) => signal.addEventListener('abort', () => told.push('aborted')),
      close: () => told.push(`closed before the engine: ${closed === 0}`),
    })
    const other = { ...working, service: { ...working.service, id: 'other' } }
    await assert.rejects(Host.open({ dir, engine, services: () => [other, failing], log: silent }), /not today/)
    assert.equal(closed, 1)
    assert.deepEqual(told, ['aborted', 'closed before the engine: true'])
    const host = await Host.open({ dir, engine: emptyEngine(), services: () => [], log: silent })
    await host.close()
  })
})

describe('what strangers can make a host keep is bounded', () => {
  const folder = folders()

  it('asking: one address can not fill the list with spaces that it makes up', async () => {
    const world = await World.open({ dir: folder(), consent: ask, maxPendingPerRemote: 3 })
    const request = (who: LocalSigner) => world.call(who, { can: 'access/request', nb: { abilities: [{ can: 'jar/*' }] } })
    for (let at = 0; at < 3; at++) await expect(request(numbered(300 + at)), 'ok')
    await expect(request(numbered(303)), 'RateLimited')
    await world.close()
  })

  it('revoking: a lease lets in so many, whoever is said to revoke, also after a restart', async () => {
    const dir = folder()
    const open = () => World.open({ dir, maxRevocationsPerSpace: 3 })
    let world = await open()
    const lease = await world.lease(alice)
    const revoke = async (number: number, over: { by?: LocalSigner; expiration?: number | null } = {}) => {
      const { by = alice, expiration = null } = over
      // Each is for another device, and may be revoked by that device in its own name.
      const junk = await given(alice, numbered(400 + number), alice.did, { can: 'jar/*', expiration })
      return world.call(by, { can: 'ucan/revoke', nb: { ucan: junk.ucan.cid }, proofs: [lease], attach: [junk] })
    }
    await expect(revoke(0), 'ok')
    await expect(revoke(1, { by: numbered(401) }), 'ok')
    await expect(revoke(2, { expiration: world.now + 10 }), 'ok')
    await expect(revoke(3), 'LimitExceeded', { field: 'revocations', limit: 3, used: 3 })
    await expect(revoke(4, { by: numbered(404) }), 'LimitExceeded')
    // What the host itself takes back is never refused.
    await expect(world.call(world.signer, { can: 'ucan/revoke', nb: { ucan: lease.ucan.cid }, attach: [lease] }), 'ok')
    const later = world.now + 72
    await world.close()
    world = await open()
    const fresh = await world.lease(alice)
    const attempt = async (number: number) => {
      const junk = await given(alice, numbered(500 + number), alice.did, { can: 'jar/*', expiration: null })
      return world.call(alice, { can: 'ucan/revoke', nb: { ucan: junk.ucan.cid }, proofs: [fresh], attach: [junk] })
    }
    await expect(attempt(0), 'LimitExceeded')
    await world.close()
    // The third one's delegation has ended by itself, so its revocation is forgotten when the host starts.
    world = await World.open({ dir, maxRevocationsPerSpace: 3, now: () => later })
    world.now = later
    await expect(attempt(1), 'ok')
    await expect(attempt(2), 'LimitExceeded')
    await world.close()
  })
})

describe('a contract', () => {
  it('has nothing that runs once and streams out: a replay could not get the stream again', () => {
    assert.throws(() => ability({ about: '', effect: 'once', stream: 'out', nb: struct({}), ok: struct({}) }), TypeError)
  })
})
