import assert from 'node:assert/strict'
import { allow, ask, deny } from '@symbiosis/host'
import { delegate, extract, signerFromSeed } from '@symbiosis/protocol'
import { memoryWallet } from '@symbiosis/symbiont'
import { base64url } from 'multiformats/bases/base64'
import { encodeBundle, readBundle } from '../../symbiont/bundle.ts'
import { refused, shelf, World } from './world.ts'

const DAY = 86_400

describe('asking for leases', () => {
  it('waits for the owner, and shows what the owner sees', async () => {
    await using world = new World()
    let seen: { code: string; why?: string; app?: string; ttl: number } | undefined
    let answer: (granted: { allow: true }) => void = () => {}
    await world.host('attic', {
      consent: (request) => {
        seen = request
        return new Promise((resolve) => {
          answer = resolve
        })
      },
    })
    const ada = await world.symbiont()
    await ada.createSpace()
    await ada.pair('http://attic.test')
    let code: string | undefined
    const leases = ada.request(
      { shelf: { bytes: '2 kB' } },
      {
        why: 'Keep your lamps',
        ttl: '30d',
        onPending(shown, expires) {
          code = shown
          assert.equal(expires, world.time + 600)
          setTimeout(() => answer({ allow: true }), 200)
        },
      },
    )
    const [lease] = await leases
    assert.deepEqual([seen?.code, seen?.why, seen?.app, seen?.ttl], [code, 'Keep your lamps', 'tests', 30 * DAY])
    assert.deepEqual(
      [lease?.can, lease?.limits, lease?.expires, lease?.state, lease?.hostName],
      ['shelf/*', { bytes: 2000 }, world.time + 30 * DAY, 'valid', 'attic'],
    )
    assert.deepEqual(ada.leases(), [lease])
  })

  it('is told no, or nothing', async () => {
    await using world = new World()
    await world.host('attic', { consent: deny })
    await world.host('cellar', { consent: ask })
    const ada = await world.symbiont()
    await ada.createSpace()
    await ada.pair('http://attic.test')
    const refusal = await refused(ada.request({ shelf: {} }))
    assert.equal(refusal.name, 'Denied')
    await ada.pair('http://cellar.test')
    const waiting = ada.request(
      { shelf: {} },
      {
        host: 'cellar',
        onPending: () =>
          void setTimeout(() => {
            world.time += 700
          }, 20),
      },
    )
    assert.equal((await refused(waiting)).name, 'Expired')
    const stop = new AbortController()
    const cancelled = ada.request({ shelf: {} }, { host: 'cellar', signal: stop.signal, onPending: () => stop.abort() })
    assert.equal((await refused(cancelled)).name, 'Cancelled')
    assert.deepEqual(ada.leases(), [])
  })

  it('outlives a host that is away while its owner thinks', async () => {
    await using world = new World()
    let answer: (granted: { allow: true }) => void = () => {}
    await world.host('attic', {
      consent: () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    })
    const ada = await world.symbiont()
    await ada.createSpace()
    await ada.pair('http://attic.test')
    const leases = ada.request(
      { shelf: {} },
      {
        onPending() {
          world.down('attic')
          setTimeout(() => {
            answer({ allow: true })
            world.up('attic')
          }, 300)
        },
      },
    )
    assert.equal((await leases).length, 1)
  })

  it('refuses what is no ability, no amount, or not leased', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.owner('attic')
    assert.equal((await refused(ada.request({}))).name, 'InvalidInput')
    assert.equal((await refused(ada.request({ 'shelf/put/more': {} }))).name, 'InvalidInput')
    assert.equal((await refused(ada.request({ shelf: { bytes: 'much' } }))).name, 'InvalidInput')
    assert.equal((await refused(ada.request({ shelf: {} }, { ttl: 'long' }))).name, 'InvalidInput')
    assert.equal((await refused(ada.request({ other: {} }))).name, 'UnknownAbility')
    assert.equal((await refused(ada.request({ shelf: {} }, { host: 'nowhere' }))).name, 'NotFound')
    assert.equal((await refused((await world.symbiont()).request({ shelf: {} }))).name, 'NotFound')
  })
})

describe('leases', () => {
  it('are renewed beside a call, in the last third of their life', async () => {
    await using world = new World()
    await world.host('attic')
    const wallet = memoryWallet()
    const ada = await world.symbiont(wallet)
    await ada.createSpace()
    await ada.pair('http://attic.test')
    const [lease] = await ada.request({ shelf: {} }, { ttl: '30d' })
    world.time += 19 * DAY
    await ada.use(shelf).list()
    assert.deepEqual(await ada.renewLeases(), [])
    world.time += 2 * DAY
    await ada.use(shelf).list()
    await ada.close()
    const again = await world.symbiont(wallet)
    const [renewed, ...more] = again.leases()
    assert.deepEqual(more, [])
    assert.notEqual(renewed?.cid, lease?.cid)
    assert.equal(renewed?.expires, world.time + 30 * DAY)
    world.time += 29 * DAY
    assert.deepEqual(await again.use(shelf).list(), { things: [] })
  })

  it('are renewed when told, within a time', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.owner('attic')
    const [before] = ada.leases()
    world.time += 12 * DAY
    assert.deepEqual(await ada.renewLeases({ within: '1d' }), [])
    const [renewal] = await ada.renewLeases({ within: '20d' })
    assert.equal(renewal?.lease, before?.cid)
    assert.equal(renewal?.renewed?.expires, world.time + 30 * DAY)
    assert.deepEqual(
      ada.leases().map(({ cid }) => cid),
      [renewal?.renewed?.cid],
    )
  })

  it('that are not renewed cost no call, and are good to their end', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.owner('attic')
    await ada.revoke(ada.leases()[0]?.cid as string)
    await ada.request({ shelf: {} }, { ttl: '3d' })
    await ada.forget('attic')
    await ada.pair('http://attic.test')
    const [lease] = await ada.request({ shelf: {} }, { ttl: '3d' })
    world.time += 2 * DAY + 3600
    world.down('attic')
    const [renewal] = await ada.renewLeases()
    assert.deepEqual([renewal?.lease, renewal?.error?.name], [lease?.cid, 'Unavailable'])
    world.up('attic')
    assert.deepEqual(await ada.use(shelf).list(), { things: [] })
    assert.equal(ada.leases()[0]?.cid, lease?.cid)
  })

  it('of a borrowed device are left to the lender, unless it lends that as well', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.owner('attic')
    const [bob, cora] = [await world.symbiont(), await world.symbiont()]
    await bob.accept((await ada.delegate(bob.agent, ['shelf'])).token)
    await cora.accept((await ada.delegate(cora.agent, ['shelf', 'access/renew'])).token)
    world.time += 25 * DAY
    assert.deepEqual(await bob.renewLeases({ within: '30d' }), [])
    assert.equal((await cora.renewLeases({ within: '30d' }))[0]?.renewed?.state, 'valid')
  })

  it('that a space leased onward are renewed by that space', async () => {
    await using world = new World()
    const attic = await world.host('attic')
    const wallet = memoryWallet()
    const provider = await world.symbiont(wallet)
    await provider.pair('http://attic.test')
    await provider.request({ shelf: { bytes: 100 } })
    const seed = base64url.decode((await wallet.load())?.seed as string)
    const lease = extract(base64url.decode((await wallet.load())?.leases[0]?.archive as string))
    const ada = await world.symbiont()
    await ada.createSpace()
    const bob = await world.symbiont()
    const bundle = readBundle((await ada.delegate(bob.agent, ['*'])).token)
    const onward = await delegate(signerFromSeed(seed), {
      audience: ada.space,
      capabilities: [{ can: 'lease/shelf/*', with: attic.did, nb: { bytes: 50 } }],
      expiration: lease.ucan.expiration,
      proofs: [lease],
    })
    await bob.accept(
      encodeBundle({ ...bundle, leases: [onward], hosts: [{ did: attic.did, name: 'attic', urls: ['http://attic.test/'] }] }),
    )
    assert.deepEqual(await bob.use(shelf).put({ name: 'lamp', size: 40 }), { things: 1 })
    assert.equal((await refused(bob.use(shelf).put({ name: 'table', size: 40 }))).name, 'LimitExceeded')
    assert.deepEqual(await bob.renewLeases({ within: '60d' }), [])
  })

  it('are kept renewed as long as an app runs', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.owner('attic')
    const [lease] = ada.leases()
    world.time += 25 * DAY
    const stop = new AbortController()
    const running = ada.keepRenewed({ signal: stop.signal })
    while (ada.leases()[0]?.cid === lease?.cid) await new Promise((resolve) => setTimeout(resolve, 10))
    stop.abort()
    await running
    assert.equal(ada.leases()[0]?.expires, world.time + 30 * DAY)
  })

  it('that have ended go when the same is leased anew', async () => {
    await using world = new World()
    await world.host('attic', { consent: allow })
    const ada = await world.owner('attic')
    world.time += 31 * DAY
    assert.equal((await refused(ada.use(shelf).list())).name, 'Expired')
    await ada.request({ shelf: {} })
    assert.deepEqual(
      ada.leases().map(({ state }) => state),
      ['valid'],
    )
    assert.deepEqual(await ada.use(shelf).list(), { things: [] })
  })
})
