import assert from 'node:assert/strict'
import { cidOf, type DID, decode, delegate, encode, type Proof, proofOf, signerFromSeed } from '@symbiosis/protocol'
import { memoryFilters, memoryWallet, type Symbiont } from '@symbiosis/symbiont'
import { encodeBundle, readBundle } from '../../symbiont/bundle.ts'
import { refused, shelf, World } from './world.ts'

const HOUR = 3600

/** Of a space's devices one lends to another, and a third checks what that one shows. */
class Devices extends World {
  ada!: Symbiont
  bob!: Symbiont
  cora!: Symbiont

  static async at(...hosts: string[]): Promise<Devices> {
    const devices = new Devices()
    for (const name of hosts) await devices.host(name)
    devices.ada = await devices.owner(...hosts)
    devices.bob = await devices.symbiont()
    devices.cora = await devices.symbiont()
    await devices.cora.accept((await devices.ada.delegate(devices.cora.agent, ['shelf'])).token)
    return devices
  }

  lend = (options = {}) => this.ada.delegate(this.bob.agent, ['shelf/list'], options)

  /**
   * Refreshes the filters of a device until they take no good token for a revoked one: each newer filter hashes in another way. Nobody can be reached after it.
   */
  async goAway(device: Symbiont, ...good: string[]): Promise<void> {
    for (let tries = 0; ; tries++) {
      assert.ok(tries < 5, 'every filter has them')
      for (const { error } of await device.refreshFilters()) assert.equal(error, undefined)
      const verified = await Promise.all(good.map((token) => device.verify(token)))
      if (verified.every(({ revocation: { maybe } }) => maybe.length === 0)) break
      this.time += HOUR
    }
    for (const { name } of device.hosts()) this.down(name)
    this.calls.length = 0
  }
}

const codes = async (verified: ReturnType<Symbiont['verify']>) => (await verified).problems.map(({ code }) => code)

/** The same with another signature. */
const forged = ({ ucan, proofs }: Proof): Proof => {
  const content = decode(ucan.bytes) as { s: Uint8Array }
  const bytes = encode({ ...content, s: content.s.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) })
  const cid = cidOf(bytes)
  return proofOf(cid, [{ cid, bytes }, ...proofs])
}

describe('a symbiont out of reach of every host verifies', () => {
  it('what another device shows: good, revoked before the filter, and after it', async () => {
    await using world = await Devices.at('attic')
    const { ada, cora } = world
    const [good, before, after] = [await world.lend(), await world.lend(), await world.lend()]
    await ada.revoke(before.cid)
    await world.goAway(cora, good.token, after.token)
    const time = world.time
    world.up('attic')
    await ada.revoke(after.cid)
    world.down('attic')
    world.time += 300
    world.calls.length = 0

    const { ok, problems, revocation } = await cora.verify(good.token)
    assert.deepEqual([ok, problems, revocation.maybe, revocation.unknown], [true, [], [], []])
    assert.deepEqual(
      revocation.checked.map((each) => [each.name, each.time, each.age]),
      [['attic', time, 300]],
    )
    assert.ok((revocation.checked[0]?.size ?? 0) >= 1)

    const revoked = await cora.verify(before.token)
    assert.deepEqual([revoked.ok, revoked.revocation.maybe], [false, [before.cid]])
    assert.deepEqual(
      revoked.problems.map(({ code, link }) => [code, link]),
      [['Revoked', before.cid]],
    )

    const late = await cora.verify(after.token)
    assert.deepEqual([late.ok, late.revocation.checked[0]?.age], [true, 300])
    assert.deepEqual(await codes(cora.verify(after.token, { maxAge: 299 })), ['StaleLog'])
    assert.equal((await cora.verify(after.token, { maxAge: 299 })).ok, false)
    assert.equal((await cora.verify(after.token, { maxAge: '5m' })).ok, true)
    assert.deepEqual(world.calls, [], 'nobody was asked')
  })

  it('each other: what is revoked above a link takes it along', async () => {
    await using world = await Devices.at('attic')
    const { ada, bob, cora } = world
    const lent = await ada.delegate(bob.agent, ['shelf'])
    await bob.accept(lent.token)
    const onward = await bob.delegate(cora.agent, ['shelf/list'])
    await world.goAway(ada, onward.token)
    assert.equal((await ada.verify(onward.token)).ok, true)
    world.up('attic')
    await ada.revoke(lent.cid)
    world.time += HOUR
    await world.goAway(cora)
    const { ok, chain, revocation } = await cora.verify(onward.token)
    assert.deepEqual([ok, revocation.maybe.includes(lent.cid), chain.above[0]?.usable], [false, true, false])
  })

  it('and says where it knows nothing of revocations', async () => {
    await using world = await Devices.at('attic')
    const { cora } = world
    const { token } = await world.lend()
    world.down('attic')
    const { ok, revocation } = await cora.verify(token)
    assert.deepEqual([ok, revocation.checked, revocation.unknown.map(({ name }) => name)], [true, [], ['attic']])
    assert.deepEqual(await codes(cora.verify(token, { maxAge: '1y' })), ['StaleLog'])
    const lonely = await world.symbiont()
    const bare = encodeBundle({ delegation: readBundle(token).delegation, leases: [], hosts: [] })
    const none = await lonely.verify(bare)
    assert.deepEqual([none.ok, none.revocation], [true, { checked: [], unknown: [], maybe: [], revoked: [], failed: [] }])
    assert.deepEqual(await codes(lonely.verify(bare, { maxAge: '1y' })), ['StaleLog'])
  })

  it('by its own hosts, also where the token was made to name none', async () => {
    await using world = await Devices.at('attic')
    const { ada, cora } = world
    const { cid, token } = await world.lend()
    await ada.revoke(cid)
    await world.goAway(cora)
    const { ok, revocation } = await cora.verify(encodeBundle({ delegation: readBundle(token).delegation, leases: [], hosts: [] }))
    assert.deepEqual([ok, revocation.maybe.includes(cid)], [false, true])
  })

  it('by the logs that its links name, also where the token was made to name none', async () => {
    await using world = await Devices.at('attic')
    const { did } = await world.host('cellar')
    const { token } = await world.lend({ logs: [{ did, url: 'https://cellar.example/' }] })
    await world.goAway(world.cora, token)
    const { delegation } = readBundle(token)
    const { revocation, problems } = await world.cora.verify(encodeBundle({ delegation, leases: [], hosts: [] }), { maxAge: '1d' })
    assert.deepEqual(revocation.unknown, [{ host: did, name: '' }])
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['StaleLog'],
    )
  })

  it('by what it revoked itself', async () => {
    await using world = await Devices.at('attic')
    const { cid, token } = await world.lend()
    await world.ada.revoke(cid)
    world.down('attic')
    const { ok, problems, revocation } = await world.ada.verify(token)
    assert.deepEqual([ok, problems.map(({ code }) => code), revocation.maybe], [false, ['Revoked'], []])
  })

  it('times, and does not go back before its filters', async () => {
    await using world = await Devices.at('attic')
    const { cora } = world
    const { token } = await world.lend({ expires: HOUR })
    const now = world.time
    world.time = now + HOUR + 60
    await world.goAway(cora)
    assert.equal((await cora.verify(token)).ok, true)
    world.time++
    assert.deepEqual(await codes(cora.verify(token)), ['Expired'])
    world.up('attic')
    world.time = now + 3 * HOUR
    await cora.refreshFilters()
    // An empty battery: what a filter leaves out since it has ended must not come to life.
    world.time = now
    const { ok, problems, revocation } = await cora.verify(token)
    assert.deepEqual([ok, problems.map(({ code }) => code), revocation.checked[0]?.age], [false, ['Expired'], 0])
  })

  it('signatures, narrowing, completeness, subject and audience', async () => {
    await using world = await Devices.at('attic')
    const { bob, cora, ada } = world
    await bob.accept((await world.lend()).token)
    const thief = signerFromSeed(new Uint8Array(32).fill(9))
    const { delegation } = readBundle((await bob.delegate(thief.did, ['shelf/list'])).token)
    const made = async (can: string, subjects: string[], proofs = [delegation]) => {
      const capabilities = subjects.map((subject) => ({ can, with: subject }))
      return delegate(thief, { audience: cora.agent, capabilities, expiration: null, proofs })
    }
    const tokenOf = (proof: typeof delegation) => encodeBundle({ delegation: proof, leases: [], hosts: [] })
    assert.equal((await cora.verify(tokenOf(await made('shelf/list', [ada.space])))).ok, true)
    const refusals: { [what: string]: [typeof delegation, string] } = {
      wider: [await made('shelf/put', [ada.space]), 'NotOwner'],
      unfounded: [await made('shelf/list', [ada.space], []), 'NotOwner'],
      forged: [forged(delegation), 'BadSignature'],
      'of another space, too': [await made('shelf/list', [thief.did, ada.space]), 'Malformed'],
    }
    for (const [what, [proof, code]] of Object.entries(refusals)) {
      const verified = await cora.verify(tokenOf(proof))
      assert.deepEqual([verified.ok, verified.problems.some((each) => each.code === code)], [false, true], what)
    }
    const token = (await bob.delegate(thief.did, ['shelf/list'])).token
    assert.deepEqual(await codes(cora.verify(token, { audience: thief.did })), [])
    assert.deepEqual(await codes(cora.verify(token, { audience: bob.agent })), ['WrongAudience'])
    assert.equal((await refused(cora.verify(token.slice(0, -40)))).name, 'Malformed')
  })

  it('a lease by the log of its host only', async () => {
    await using world = await Devices.at('attic', 'cellar')
    const { ada, cora } = world
    const { delegation, leases } = readBundle((await ada.delegate(cora.agent, ['shelf'])).token)
    const attic = ada.hosts().find(({ name }) => name === 'attic')?.did as DID
    const lease = leases.find(({ ucan }) => ucan.issuer === attic) as typeof delegation
    await ada.revoke(String(lease.ucan.cid))
    await world.goAway(cora)
    const verified = await cora.verify(encodeBundle({ delegation: lease, leases: [], hosts: [] }))
    assert.deepEqual(
      [verified.kind, verified.ok, verified.revocation.checked.map(({ host }) => host), verified.revocation.maybe],
      ['lease', false, [attic], [String(lease.ucan.cid)]],
    )
  })

  it('by those parts of a large filter that it has', async () => {
    await using world = await Devices.at('attic')
    const { ada } = world
    const { token } = await world.lend()
    const wallet = memoryWallet()
    const stranger = await world.symbiont(wallet, { maxFilterBytes: 0 })
    await stranger.pair('http://attic.test')
    const [{ filter } = {}] = await stranger.refreshFilters()
    assert.deepEqual([filter?.shards, filter?.of], [0, 1])
    assert.deepEqual(
      (await stranger.verify(token)).revocation.unknown.map(({ name }) => name),
      ['attic'],
    )
    await ada.delegate(ada.agent, ['shelf'])
    const holder = await world.symbiont(memoryWallet(), { maxFilterBytes: 0 })
    await holder.accept((await ada.delegate(holder.agent, ['shelf'])).token)
    const [{ filter: parts } = {}] = await holder.refreshFilters()
    assert.deepEqual([parts?.shards, parts?.of], [1, 1])
  })
})

describe('a symbiont that keeps filters', () => {
  it('fetches them beside its calls when they have grown old, and forgets them with their host', async () => {
    await using world = await Devices.at('attic')
    const { ada } = world
    const filters = memoryFilters()
    const { token } = await world.lend()
    const host = ada.hosts()[0]?.did as DID
    const fetchBeside = async (device: Symbiont) => {
      world.calls.length = 0
      await device.use(shelf).list()
      await device.close()
      return world.calls.length - 1
    }
    const wallet = memoryWallet()
    const first = await world.symbiont(wallet, { filters })
    await first.accept((await ada.delegate(first.agent, ['shelf'])).token)
    assert.equal(await fetchBeside(first), 2, 'the filter and its shard')
    const kept = await filters.load(host)
    assert.equal(kept?.shards.length, 1)
    const again = () => world.symbiont(wallet, { filters })
    world.time += HOUR - 1
    assert.equal(await fetchBeside(await again()), 0)
    world.time += 1
    assert.equal(await fetchBeside(await again()), 3, 'that its log continues the one before, too')
    world.time += HOUR
    world.down('attic')
    const away = await again()
    assert.equal((await away.verify(token)).revocation.checked.length, 1)
    await away.forget(host)
    assert.equal(await filters.load(host), undefined)
  })
})
