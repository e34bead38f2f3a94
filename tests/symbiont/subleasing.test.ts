import assert from 'node:assert/strict'
import { delegate, type LocalSigner, type Proof, proofOf, signerFromSeed } from '@symbiosis/protocol'
import { memoryWallet, type Symbiont } from '@symbiosis/symbiont'
import { base64url } from 'multiformats/bases/base64'
import type { CID } from 'multiformats/cid'
import { type Bundle, encodeBundle, readBundle } from '../../symbiont/bundle.ts'
import { refused, shelf, World } from './world.ts'

const HOUR = 3600

/** An app with a lease of so many bytes for itself, as one has who leases onward to those who use it. */
const lessee = async (world: World, bytes: number, ttl = HOUR, wallet = memoryWallet()): Promise<Symbiont> => {
  const app = await world.symbiont(wallet)
  await app.pair('http://attic.test/')
  await app.request({ shelf: { bytes } }, { ttl })
  return app
}

/** Somebody with a space, who knows no host. */
const guest = async (world: World): Promise<Symbiont> => {
  const symbiont = await world.symbiont()
  await symbiont.createSpace()
  return symbiont
}

describe('leasing onward', () => {
  it('lets another space use a part, and no more than that', async () => {
    await using world = new World()
    await world.host('attic')
    const app = await lessee(world, 1000)
    const ada = await guest(world)
    const { token, expires, cid } = await app.sublease(ada.space, { shelf: { bytes: '100' } }, { ttl: '10m' })
    assert.equal(expires, world.time + 600)
    const accepted = await ada.accept(token)
    assert.deepEqual([accepted.cid, accepted.space, accepted.can, accepted.expires], [cid, ada.space, ['shelf/*'], expires])
    assert.deepEqual(
      accepted.hosts.map(({ name }) => name),
      ['attic'],
    )
    assert.deepEqual(
      ada.leases().map(({ limits, state }) => [limits, state]),
      [[{ bytes: 100 }, 'valid']],
    )
    assert.deepEqual(await ada.use(shelf).put({ name: 'lamp', size: 100 }), { things: 1 })
    const { name, limit, used } = await refused(ada.use(shelf).put({ name: 'shade', size: 1 }))
    assert.deepEqual([name, limit, used], ['LimitExceeded', 100, 100])
    assert.deepEqual((await app.use(shelf).list()).things, [], 'and each has a shelf of their own')
  })

  it('counts what all parts take against the whole', async () => {
    await using world = new World()
    await world.host('attic')
    const app = await lessee(world, 150)
    const guests = [await guest(world), await guest(world)]
    for (const each of guests) await each.accept((await app.sublease(each.space, { shelf: { bytes: 100 } })).token)
    const [first, second] = guests as [Symbiont, Symbiont]
    await first.use(shelf).put({ name: 'lamp', size: 100 })
    const { name, limit, used } = await refused(second.use(shelf).put({ name: 'lamp', size: 100 }))
    assert.deepEqual([name, limit, used], ['LimitExceeded', 150, 100])
  })

  it('inherits what it does not say, and ends with the lease it is made from', async () => {
    await using world = new World()
    await world.host('attic')
    const app = await lessee(world, 150)
    const ada = await guest(world)
    const { token, expires } = await app.sublease(ada.space, { 'shelf/put': {} }, { ttl: '9d' })
    assert.equal(expires, world.time + HOUR)
    await ada.accept(token)
    assert.equal((await refused(ada.use(shelf).put({ name: 'lamp', size: 151 }))).limit, 150)
    assert.equal((await refused(ada.use(shelf).list())).name, 'NoLease', 'of other abilities it says nothing')
    world.time += HOUR + 61
    assert.equal((await refused(ada.use(shelf).put({ name: 'lamp' }))).name, 'Expired')
  })

  it('goes on from part to part', async () => {
    await using world = new World()
    await world.host('attic')
    const app = await lessee(world, 1000)
    const team = await world.symbiont()
    await team.accept((await app.sublease(team.space, { shelf: { bytes: 100 } })).token)
    const ada = await guest(world)
    const over = await refused(team.sublease(ada.space, { shelf: { bytes: 101 } }))
    assert.deepEqual([over.name, over.field, over.limit, over.asked], ['LimitExceeded', 'bytes', 100, 101])
    await ada.accept((await team.sublease(ada.space, { 'shelf/*': {} })).token)
    assert.equal((await refused(ada.use(shelf).put({ name: 'lamp', size: 101 }))).limit, 100)
    await ada.use(shelf).put({ name: 'lamp', size: 100 })
  })

  it('is taken back by who leased it, and by the host for all below', async () => {
    await using world = new World()
    await world.host('attic')
    const app = await lessee(world, 1000)
    const [ada, bob] = [await guest(world), await guest(world)]
    const parts = { ada: await app.sublease(ada.space, { shelf: {} }), bob: await app.sublease(bob.space, { shelf: {} }) }
    await ada.accept(parts.ada.token)
    await bob.accept(parts.bob.token)
    await app.revoke(parts.ada.cid)
    assert.equal((await refused(ada.use(shelf).list())).name, 'Revoked')
    await bob.use(shelf).list()
    const [lease] = app.leases()
    await app.revoke(lease?.cid as string)
    assert.equal((await refused(bob.use(shelf).list())).name, 'Revoked')
  })

  it('chooses the lease that has enough', async () => {
    await using world = new World()
    await world.host('attic')
    const app = await lessee(world, 1000)
    await app.request({ shelf: { bytes: 10 } })
    const ada = await guest(world)
    await ada.accept((await app.sublease(ada.space, [{ can: 'shelf/put', limits: { bytes: 500 } }])).token)
    await ada.use(shelf).put({ name: 'lamp', size: 500 })
  })

  it('refuses what nobody would take', async () => {
    await using world = new World()
    await world.host('attic')
    const app = await lessee(world, 1000)
    const ada = await guest(world)
    const codes = {
      'no space': app.sublease('did:web:ada', { shelf: {} }),
      itself: app.sublease(app.space, { shelf: {} }),
      nothing: app.sublease(ada.space, {}),
      'several, of which one CID would take back one': app.sublease(ada.space, { 'shelf/put': {}, 'shelf/list': {} }),
      'no duration': app.sublease(ada.space, { shelf: {} }, { ttl: 'soon' }),
      'another host': app.sublease(ada.space, { shelf: {} }, { host: 'cellar' }),
      'what it has no lease of': app.sublease(ada.space, { lamp: {} }),
      'more than it has': app.sublease(ada.space, { shelf: { bytes: 1001 } }),
    }
    const expected = [...Array(5).fill('InvalidInput'), 'NotFound', 'NoLease', 'LimitExceeded']
    assert.deepEqual(await Promise.all(Object.values(codes).map(async (code) => (await refused(code)).name)), expected)
    const owner = await world.owner('attic')
    const { name, hint } = await refused(owner.sublease(ada.space, { shelf: {} }))
    assert.deepEqual([name, hint?.includes('its own space')], ['NoLease', true], "a space's key isn't its devices'")
  })

  it('takes no lease that is for another, void, or from nobody', async () => {
    await using world = new World()
    const host = await world.host('attic')
    const wallet = memoryWallet()
    const app = await lessee(world, 100, HOUR, wallet)
    const [ada, bob] = [await guest(world), await guest(world)]
    const { token } = await app.sublease(ada.space, { shelf: { bytes: 50 } })
    assert.equal((await refused(bob.accept(token))).name, 'WrongAudience')
    const { delegation: part, hosts } = readBundle(token)
    const above = proofOf(part.ucan.proofs[0] as CID, part.proofs)
    const own = signerFromSeed(base64url.decode((await wallet.load())?.seed as string))
    const signed = async (by: LocalSigner, proofs: Proof[], bytes = 50): Promise<Proof> => {
      const capabilities = [{ can: 'lease/shelf/*', with: host.did, nb: { bytes } }]
      return delegate(by, { audience: ada.space, capabilities, expiration: world.time + 60, proofs })
    }
    const stranger = signerFromSeed(new Uint8Array(32).fill(7))
    const of = (delegation: Proof, ...leases: Proof[]): Bundle => ({ delegation, leases, hosts })
    const bad: Readonly<Record<string, [Bundle, string]>> = {
      'of a host that it does not name': [{ ...of(part), hosts: [] }, 'Malformed'],
      'by somebody who was leased nothing': [of(await signed(stranger, [above])), 'NoLease'],
      'from nothing': [of(await signed(own, [])), 'NoLease'],
      'one of two': [of(part, await signed(stranger, [])), 'NoLease'],
      'wider than what is above it': [of(await signed(own, [above], 101)), 'NoLease'],
    }
    await ada.accept(encodeBundle(of(await signed(own, [above], 100))))
    await ada.forget(host.did)
    for (const [what, [bundle, code]] of Object.entries(bad)) {
      assert.equal((await refused(ada.accept(encodeBundle(bundle)))).name, code, what)
    }
    assert.deepEqual([ada.leases(), ada.hosts()], [[], []], 'and nothing of it is kept')
  })
})
