import assert from 'node:assert/strict'
import { type AccessState, access, extract, invoke, type LocalSigner, type Proof } from '@symbiosis/protocol'
import { type Answer, ask, deny, operatorPath, type Policy, type Request, readOperator } from '../../host/index.ts'
import { alice, bob, expect, folders, given, HOUR, NOW, numbered, phone, World, type WorldOptions } from '../fixtures.ts'

const DAY = 24 * HOUR

describe('consent', () => {
  const folder = folders()
  const open: World[] = []
  const begin = async (options: Partial<WorldOptions> = {}) => {
    const world = await World.open({ dir: folder(), waitHold: 1, ...options })
    open.push(world)
    return world
  }
  afterEach(async () => {
    await Promise.all(open.splice(0).map((world) => world.close()))
  })

  const request = (world: World, who: LocalSigner, nb: Record<string, unknown> = {}) =>
    world.call(who, { can: 'access/request', nb: { abilities: [{ can: 'jar/*' }], ...nb } }) as Promise<{
      ok?: AccessState
      error?: { name: string }
    }>
  const wait = (world: World, who: LocalSigner, state: AccessState) =>
    world.call(who, { can: 'access/wait', nb: { request: state.request } }) as Promise<{
      ok?: AccessState
      error?: { name: string; reason?: string }
    }>
  /** What the command line does: a principal with a delegation over the host. */
  const operate = (world: World, can: string, nb: Record<string, unknown> = {}) => {
    const { signer, delegation } = readOperator(operatorPath(world.dir))
    return world.call(signer, { can: `host/${can}`, subject: world.did, nb, proofs: [delegation] })
  }
  const leasesOf = (state: AccessState | undefined): Proof[] => (state?.leases ?? []).map((bytes) => extract(bytes))
  const pending = async (world: World, who: LocalSigner, nb = {}) => {
    const { ok } = await request(world, who, nb)
    assert.equal(ok?.state, 'pending')
    return ok as AccessState
  }

  it('allow: leases at once, that work', async () => {
    const world = await begin()
    const { ok } = await request(world, alice)
    assert.equal(ok?.state, 'granted')
    const [lease] = leasesOf(ok) as [Proof]
    assert.deepEqual([lease.ucan.issuer, lease.ucan.audience], [world.did, alice.did])
    assert.deepEqual(lease.ucan.capabilities[0], { can: 'lease/jar/*', with: world.did, nb: { bytes: 1000, things: 10 } })
    await expect(world.call(alice, { proofs: [lease] }), 'ok')
  })

  it('deny: Denied, and nothing is kept of it', async () => {
    const world = await begin({ consent: deny })
    await expect(request(world, alice) as never, 'Denied')
    const { error } = await operate(world, 'requests')
    assert.equal(error, undefined)
    const asked = await world.invocation(alice, { can: 'access/request', nb: { abilities: [{ can: 'jar/*' }] } })
    await expect(world.send(asked, []), 'Denied')
    await expect(world.call(alice, { can: 'access/wait', nb: { request: asked.cid } }), 'NotFound')
  })

  it('ask: waits for the operator, who sees who asks for what', async () => {
    const world = await begin({ consent: ask })
    const state = await pending(world, alice, { why: 'photos', app: { name: 'Camera' }, ttl: DAY })
    assert.equal(state.expires, NOW + 600)
    assert.match(state.code ?? '', /^[2-9a-z]{3}-[2-9a-z]{3}$/)
    const { ok } = await operate(world, 'requests')
    const [seen] = (ok?.requests ?? []) as Request[]
    assert.deepEqual(
      [seen?.space, seen?.agent, seen?.code, seen?.why, seen?.app, seen?.ttl, seen?.abilities],
      [alice.did, alice.did, state.code, 'photos', 'Camera', DAY, [{ can: 'jar/*', limits: { bytes: 1000, things: 10 } }]],
    )
    assert.equal((await wait(world, alice, state)).ok?.state, 'pending')
    const waiting = wait(world, alice, state)
    await expect(operate(world, 'approve', { request: state.request }), 'ok')
    const [lease] = leasesOf((await waiting).ok) as [Proof]
    assert.equal(lease.ucan.expiration, NOW + DAY)
    await expect(world.call(alice, { proofs: [lease] }), 'ok')
    await expect(operate(world, 'approve', { request: state.request }), 'NotFound')
  })

  it('a denial says why, and stays', async () => {
    const world = await begin({ consent: ask })
    const state = await pending(world, alice)
    await expect(operate(world, 'deny', { request: state.request, reason: 'No room.' }), 'ok')
    for (let again = 0; again < 2; again++) {
      const { error } = await wait(world, alice, state)
      assert.deepEqual([error?.name, error?.reason], ['Denied', 'No room.'])
    }
    await expect(operate(world, 'approve', { request: state.request }), 'NotFound')
  })

  it('of two answers at once, one counts and is told to both', async () => {
    const world = await begin({ consent: ask })
    for (let round = 0; round < 20; round++) {
      const later = async () => {
        for (let turn = 0; turn < round; turn++) await Promise.resolve()
      }
      const state = await pending(world, numbered(100 + round))
      const approving = operate(world, 'approve', { request: state.request })
      await later()
      await Promise.all([approving, operate(world, 'deny', { request: state.request })])
      const { ok, error } = await wait(world, numbered(100 + round), state)
      const { ok: listed } = await operate(world, 'leases')
      const issued = ((listed?.leases ?? []) as { space: string }[]).filter(({ space }) => space === numbered(100 + round).did)
      assert.equal(issued.length, ok ? 1 : 0, `${ok?.state ?? error?.name}`)
    }
  })

  it('grants less than was asked, and never more', async () => {
    const world = await begin({ consent: ask })
    const nb = { abilities: [{ can: 'jar/put', limits: { bytes: 50 } }, { can: 'jar/look' }], ttl: DAY }
    const state = await pending(world, alice, nb)
    const less = (abilities: object[], over = {}) => operate(world, 'approve', { request: state.request, abilities, ...over })
    await expect(less([{ can: 'jar/*' }]), 'InvalidInput')
    await expect(less([{ can: 'jar/drop' }]), 'InvalidInput')
    await expect(less([{ can: 'jar/put', limits: { bytes: 51 } }]), 'InvalidInput')
    await expect(less([{ can: 'jar/put', limits: { constructor: 5 } }]), 'InvalidInput')
    await expect(less([{ can: 'jar/put', limits: { bytes: 7 } }], { ttl: 10 * DAY }), 'ok')
    const leases = leasesOf((await wait(world, alice, state)).ok)
    assert.deepEqual(
      leases.map(({ ucan }) => [ucan.capabilities[0]?.can, ucan.capabilities[0]?.nb, ucan.expiration]),
      [['lease/jar/put', { bytes: 7, things: 10 }, NOW + DAY]],
    )
  })

  it('always: a standing answer, listed, for that space and that much, until it is forgotten', async () => {
    const world = await begin({ consent: ask })
    const state = await pending(world, alice, { ttl: DAY })
    await expect(operate(world, 'approve', { request: state.request, always: true }), 'ok')
    assert.equal((await request(world, alice, { ttl: DAY })).ok?.state, 'granted')
    assert.equal((await request(world, alice, { ttl: DAY + 1 })).ok?.state, 'pending')
    assert.equal((await request(world, alice, { ttl: DAY, abilities: [{ can: 'jar/*', limits: { bytes: 1001 } }] })).ok?.state, 'pending')
    assert.equal((await request(world, bob, { ttl: DAY })).ok?.state, 'pending')
    const { ok } = await operate(world, 'policies')
    const [policy] = (ok?.policies ?? []) as { id: string; answer: string; space: string }[]
    assert.deepEqual([policy?.answer, policy?.space], ['allow', alice.did])
    await expect(operate(world, 'forget', { policy: policy?.id }), 'ok')
    await expect(operate(world, 'forget', { policy: policy?.id }), 'NotFound')
    assert.equal((await request(world, alice, { ttl: DAY })).ok?.state, 'pending')
  })

  it('never: what was denied is not had by asking for more at once', async () => {
    const world = await begin({ consent: ask })
    const state = await pending(world, alice, { abilities: [{ can: 'jar/put' }] })
    await expect(operate(world, 'deny', { request: state.request, always: true }), 'ok')
    for (const can of ['jar/put', 'jar/*']) await expect(request(world, alice, { abilities: [{ can }] }) as never, 'Denied')
    assert.equal((await request(world, alice, { abilities: [{ can: 'jar/look' }] })).ok?.state, 'pending')
    await expect(request(world, alice, { abilities: [{ can: 'jar/look' }, { can: 'jar/put' }] }) as never, 'Denied')
  })

  it('policies of the configuration: a denial wins', async () => {
    const policies: Policy[] = [
      { id: '1', answer: 'allow', space: '*', can: 'jar/*', limits: { bytes: 1000 }, ttl: DAY },
      { id: '2', answer: 'deny', space: bob.did, can: '*', limits: {}, ttl: 0 },
    ]
    const world = await begin({ consent: ask, policies })
    assert.equal((await request(world, alice, { ttl: DAY })).ok?.state, 'granted')
    await expect(request(world, bob, { ttl: DAY }) as never, 'Denied')
    await expect(operate(world, 'forget', { policy: '1' }), 'NotFound')
  })

  it('what waits survives a restart, and what was told stays told', async () => {
    const dir = folder()
    let world = await World.open({ dir, consent: ask, waitHold: 1 })
    const [open_, granted, denied] = [await pending(world, alice), await pending(world, bob), await pending(world, phone)]
    await expect(operate(world, 'approve', { request: granted.request }), 'ok')
    await expect(operate(world, 'deny', { request: denied.request }), 'ok')
    await world.close()
    const asked: Request[] = []
    const consent = (again: Request): undefined => void asked.push(again)
    world = await World.open({ dir, consent, waitHold: 1, maxPendingPerSpace: 0 })
    open.push(world)
    assert.deepEqual(
      asked.map(({ space }) => space),
      [alice.did],
    )
    assert.equal((await wait(world, bob, granted)).ok?.state, 'granted')
    await expect(wait(world, phone, denied) as never, 'Denied')
    await expect(operate(world, 'approve', { request: open_.request }), 'ok')
    assert.equal((await wait(world, alice, open_)).ok?.state, 'granted')
  })

  it('ends unanswered', async () => {
    const world = await begin({ consent: ask })
    const state = await pending(world, alice)
    world.now = NOW + 600
    assert.equal((await wait(world, alice, state)).ok?.state, 'pending')
    world.now = NOW + 601
    await expect(wait(world, alice, state) as never, 'Expired')
    await expect(operate(world, 'approve', { request: state.request }), 'NotFound')
  })

  it('is bounded: of one space, and of all', async () => {
    const world = await begin({ consent: ask, maxPending: 5, maxPendingPerSpace: 2 })
    for (let at = 0; at < 2; at++) await pending(world, alice)
    await expect(request(world, alice) as never, 'RateLimited', { retryAfter: 60 })
    for (let at = 0; at < 3; at++) await pending(world, numbered(200 + at))
    await expect(request(world, bob) as never, 'RateLimited')
    world.now = NOW + 601
    await pending(world, bob)
  })

  it('holds under a burst', async () => {
    const world = await begin({ consent: ask, maxPending: 5, maxPendingPerSpace: 2 })
    const answers = await Promise.all(Array.from({ length: 50 }, () => request(world, alice)))
    assert.equal(answers.filter(({ ok }) => ok).length, 2)
  })

  it('the same request is one request, at the same time and again', async () => {
    let prompts = 0
    const world = await begin({ consent: () => void prompts++ })
    const asked = await world.invocation(alice, { can: 'access/request', nb: { abilities: [{ can: 'jar/*' }] } })
    const answers = await Promise.all(Array.from({ length: 10 }, () => world.send(asked, [])))
    for (const { ok } of answers) assert.deepEqual([ok?.state, String(ok?.request)], ['pending', String(asked.cid)])
    await world.send(asked, [])
    assert.equal(prompts, 1)
    const granted = await begin()
    const once = await granted.invocation(alice, { can: 'access/request', nb: { abilities: [{ can: 'jar/*' }] } })
    const leases = await Promise.all(Array.from({ length: 10 }, () => granted.send(once, [])))
    assert.equal(new Set(leases.map(({ ok }) => Buffer.from((ok as { leases: [Uint8Array] }).leases[0]).toString('hex'))).size, 1)
  })

  it("a hook of one's own decides in its time, and is told when others were quicker", async () => {
    let answer: (given: Answer) => void = () => {}
    let aborted = 0
    const consent = (_: Request, signal: AbortSignal) => {
      signal.addEventListener('abort', () => aborted++)
      return new Promise<Answer>((resolve) => {
        answer = resolve
      })
    }
    const world = await begin({ consent })
    const first = await pending(world, alice)
    answer({ allow: true, ttl: 60 })
    const [lease] = leasesOf((await wait(world, alice, first)).ok) as [Proof]
    assert.equal(lease.ucan.expiration, NOW + 60)
    const second = await pending(world, bob)
    await expect(operate(world, 'deny', { request: second.request }), 'ok')
    answer({ allow: true })
    await expect(wait(world, bob, second) as never, 'Denied')
    assert.equal(aborted, 2)
  })

  it('a hook that throws leaves nothing behind', async () => {
    const world = await begin({
      consent: () => {
        throw new Error('no')
      },
    })
    await expect(request(world, alice) as never, 'Internal')
    const { ok } = await operate(world, 'requests')
    assert.deepEqual(ok?.requests, [])
  })

  it('asks for what the host has, in its shape', async () => {
    const world = await begin()
    const asking = (asked: object) => request(world, alice, { abilities: [asked] }) as never
    for (const can of ['*', 'nothing/*', 'jar/nothing', 'jar/look/more', 'lease/jar/*', 'constructor/*', 'host/*', 'access/*', 'ucan/*']) {
      await expect(asking({ can }), 'UnknownAbility')
    }
    await expect(asking({ can: 'jar/*', limits: { nothing: 1 } }), 'InvalidInput')
    await expect(asking({ can: 'jar/*', limits: { constructor: 1 } }), 'InvalidInput')
    await expect(request(world, alice, { abilities: [] }) as never, 'InvalidInput')
  })

  it("a request is its space's own", async () => {
    const world = await begin({ consent: ask })
    const state = await pending(world, alice)
    await expect(wait(world, bob, state) as never, 'NotFound')
  })

  describe('renewing', () => {
    const granted = async (world: World, nb = {}) => leasesOf((await request(world, alice, { ttl: DAY, ...nb })).ok)[0] as Proof
    const renew = async (world: World, lease: Proof, who = alice) => {
      const answer = await world.call(who, { can: 'access/renew', nb: { lease: lease.ucan.cid }, attach: [lease] })
      return { ...answer, lease: answer.ok && extract(answer.ok.lease as Uint8Array) }
    }
    const revoke = (world: World, who: LocalSigner, lease: Proof) =>
      world.call(who, { can: 'ucan/revoke', nb: { ucan: lease.ucan.cid }, attach: [lease] })

    it('gives the next lease, as long and as large as the consent, and the same to who asks twice', async () => {
      const world = await begin()
      const lease = await granted(world)
      assert.equal(String((await renew(world, lease)).lease?.ucan.cid), String(lease.ucan.cid), 'it is young')
      world.now = NOW + DAY / 2
      const next = (await renew(world, lease)).lease as Proof
      assert.equal(next.ucan.expiration, NOW + DAY / 2 + DAY)
      assert.deepEqual(next.ucan.capabilities, lease.ucan.capabilities)
      const again = await Promise.all(Array.from({ length: 10 }, () => renew(world, lease)))
      for (const each of again) assert.equal(String(each.lease?.ucan.cid), String(next.ucan.cid))
      await expect(world.call(alice, { proofs: [next] }), 'ok')
    })

    it('makes one lease however many ask at once', async () => {
      const world = await begin()
      const lease = await granted(world)
      world.now = NOW + DAY / 2
      const all = await Promise.all(Array.from({ length: 20 }, () => renew(world, lease)))
      assert.equal(new Set(all.map((each) => String(each.lease?.ucan.cid))).size, 1)
    })

    it("is the space's own, and of leases that this host gave", async () => {
      const world = await begin()
      const lease = await granted(world)
      await expect(renew(world, lease, bob), 'NotFound')
      await expect(renew(world, await world.lease(alice)), 'NotFound')
      world.now = NOW + DAY + 61
      await expect(renew(world, lease), 'Expired')
    })

    it('ends with the consent, and all leases of it end together', async () => {
      for (const by of ['host', 'space'] as const) {
        const world = await begin()
        const lease = await granted(world)
        world.now = NOW + DAY / 2
        const next = (await renew(world, lease)).lease as Proof
        await expect(revoke(world, by === 'host' ? world.signer : alice, lease), 'ok')
        await expect(renew(world, lease), 'Revoked')
        await expect(renew(world, next), 'Revoked')
        await expect(world.call(alice, { proofs: [next] }), 'Revoked')
      }
    })

    it('never outruns a revocation that comes at the same moment', async () => {
      const world = await begin()
      for (let round = 0; round < 20; round++) {
        world.now = NOW
        const lease = await granted(world)
        world.now = NOW + DAY / 2
        const renewing = Array.from({ length: 6 }, async () => {
          for (let turn = 0; turn < round % 4; turn++) await new Promise((resolve) => setImmediate(resolve))
          return renew(world, lease)
        })
        const [revoked, ...renewed] = await Promise.all([revoke(world, world.signer, lease), ...renewing])
        assert.ok(revoked.ok)
        for (const { lease: next } of renewed) if (next) await expect(world.call(alice, { proofs: [next] }), 'Revoked')
        await expect(renew(world, lease), 'Revoked')
      }
    })
  })

  describe('operating', () => {
    it('lists leases by pages, with their use and state', async () => {
      const world = await begin()
      for (let at = 0; at < 5; at++) await request(world, alice, { ttl: 100 + at })
      const { ok: first } = await operate(world, 'leases', { limit: 3 })
      const { ok: rest } = await operate(world, 'leases', { limit: 3, after: first?.next })
      type Listed = { lease: unknown; state: string; archive: Uint8Array; used: object; expires: number }[]
      const listed = (ok: unknown) => (ok as { leases: Listed }).leases
      const all = [...listed(first), ...listed(rest)]
      assert.equal(new Set(all.map(({ lease }) => String(lease))).size, 5)
      assert.equal(rest?.next, undefined)
      const one = extract((all.find(({ expires }) => expires === NOW + 100) as Listed[number]).archive)
      await expect(world.call(alice, { can: 'jar/put', nb: { thing: 'a', size: 5 }, proofs: [one] }), 'ok')
      await expect(world.call(world.signer, { can: 'ucan/revoke', nb: { ucan: one.ucan.cid }, attach: [one] }), 'ok')
      world.now = NOW + 163
      const { ok } = await operate(world, 'leases')
      const states = listed(ok)
        .map(({ lease, state }) => (String(lease) === String(one.ucan.cid) ? `one:${state}` : state))
        .sort()
      assert.deepEqual(states, ['expired', 'expired', 'one:revoked', 'valid', 'valid'])
      assert.deepEqual(listed(ok)[0]?.used, { bytes: 5, things: 1 })
    })

    it('is handed on and taken back like every delegation', async () => {
      const world = await begin()
      const { signer, delegation } = readOperator(operatorPath(world.dir))
      const helper = await given(signer, bob, world.did, { can: 'host/requests', proofs: [delegation] })
      await expect(world.call(bob, { can: 'host/requests', subject: world.did, proofs: [helper] }), 'ok')
      await expect(world.call(bob, { can: 'host/leases', subject: world.did, proofs: [helper] }), 'NotOwner')
      await expect(
        world.call(signer, {
          can: 'ucan/revoke',
          subject: world.did,
          nb: { ucan: helper.ucan.cid },
          proofs: [delegation],
          attach: [helper],
        }),
        'ok',
      )
      await expect(world.call(bob, { can: 'host/requests', subject: world.did, proofs: [helper] }), 'Revoked')
      await expect(operate(world, 'requests'), 'ok')
    })
  })

  it('says hello to anybody', async () => {
    const world = await begin({ name: 'shelf' })
    const caller = { signer: alice, host: world.did, subject: alice.did, proofs: [], channel: world.channel, now: () => world.now }
    const { result } = await invoke(caller, access, 'hello', {})
    assert.equal(result.ok?.name, 'shelf')
    assert.deepEqual(
      result.ok?.services.map(({ id }) => id),
      ['jar'],
    )
  })
})
