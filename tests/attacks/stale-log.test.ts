import { type DID, homeLogsFact, MAX_HOME_LOGS, type Proof } from '@symbiosis/protocol'
import { alice, bob, expect, folders, given, HOUR, laptop, mallory, NOW, phone, World } from '../fixtures.ts'
import { Network, revokeAt, soon, taken } from '../host/log/network.ts'
import { LyingHost, revocationOf } from './lying-host.ts'

const DAY = 24 * HOUR

describe('freshness refuses what depends on a log', () => {
  const folder = folders()
  const open: World[] = []
  let network: Network

  beforeEach(() => {
    network = new Network()
  })
  afterEach(async () => {
    for (const world of open.splice(0)) await world.close()
  })

  const host = async (name: string, follow: string[] = [], dir = folder()): Promise<World> => {
    const world = await network.open(name, { dir, follow, followNamed: 'none' })
    open.push(world)
    return world
  }
  /** A host, and one that follows it and has heard of it at its own now. */
  const pair = async (): Promise<[World, World]> => {
    const a = await host('a')
    const b = await host('b', ['a'])
    await soon(() => b.host.followed()[0]?.contact, NOW)
    return [a, b]
  }
  const naming = (...dids: DID[]) => ({
    facts: [homeLogsFact(dids.map((did) => ({ did, url: 'https://host.example/' })))],
    expiration: null,
  })
  const device = (...dids: DID[]) => given(alice, phone, alice.did, naming(...dids))
  const put = async (world: World, ...proofs: Proof[]) =>
    world.call(phone, { can: 'jar/put', nb: { thing: 'a' }, subject: alice.did, proofs: [...proofs, await world.lease(alice)] })
  const look = async (world: World, ...proofs: Proof[]) =>
    world.call(phone, { subject: alice.did, proofs: [...proofs, await world.lease(alice)] })

  it('of a log that was never heard of', async () => {
    const b = await host('b')
    const proof = await device(bob.did)
    const link = String(proof.ucan.cid)
    await expect(put(b, proof), 'StaleLog', { link, chain: 'owner', log: bob.did, url: 'https://host.example/', since: undefined })
    await expect(look(b, proof), 'StaleLog', { link })
    await expect(put(b, await device()), 'ok')
  })

  it('to the second: what changes something after an hour, what reads after a week', async () => {
    const [a, b] = await pair()
    const proof = await device(a.did)
    network.cut('a', 'b')
    b.now = NOW + HOUR
    await expect(put(b, proof), 'ok')
    b.now = NOW + HOUR + 1
    await expect(put(b, proof), 'StaleLog', { since: NOW })
    b.now = NOW + 7 * DAY
    await expect(look(b, proof), 'ok')
    b.now = NOW + 7 * DAY + 1
    await expect(look(b, proof), 'StaleLog')
    a.now = b.now
    network.heal()
    await soon(async () => (await put(b, proof)).error, undefined)
  })

  it('of the host itself never: what it knows is never behind', async () => {
    const b = await host('b')
    await expect(put(b, await device(b.did)), 'ok')
    await expect(put(b, await device(b.did, bob.did)), 'StaleLog', { log: bob.did })
  })

  it('that any link names: nobody sheds one by delegating onward', async () => {
    const b = await host('b')
    const above = await given(alice, laptop, alice.did, naming(bob.did))
    const below = await given(laptop, phone, alice.did, { proofs: [above] })
    await expect(put(b, below), 'StaleLog', { link: String(above.ucan.cid) })
    const own = await given(alice, laptop, alice.did)
    await expect(put(b, await given(laptop, phone, alice.did, { proofs: [own], ...naming(bob.did) })), 'StaleLog')
  })

  it('but not where another path needs none, or one that was heard of', async () => {
    const [a, b] = await pair()
    const stale = await device(bob.did)
    await expect(put(b, stale, await device()), 'ok')
    await expect(put(b, stale, await device(a.did)), 'ok')
    await expect(put(b, await given(alice, phone, alice.did, { expiration: NOW - HOUR }), stale), 'StaleLog')
  })

  it('unless its ability asks for none: what is open, and revoking above all', async () => {
    const b = await host('b')
    const proof = await given(alice, phone, alice.did, { capabilities: [{ can: '*', with: alice.did }], ...naming(bob.did) })
    await expect(b.call(phone, { can: 'jar/peek', subject: alice.did, proofs: [proof] }), 'ok')
    const lost = await given(alice, laptop, alice.did)
    const nb = { ucan: lost.ucan.cid }
    await expect(b.call(phone, { can: 'ucan/revoke', nb, subject: alice.did, proofs: [proof, await b.lease(alice)], attach: [lost] }), 'ok')
  })

  it('whose contact lies ahead, by a clock that was set back', async () => {
    const [a, b] = await pair()
    const proof = await device(a.did)
    network.cut('a', 'b')
    b.now = NOW - 60
    await expect(put(b, proof), 'ok')
    b.now = NOW - 61
    await expect(put(b, proof), 'StaleLog', { since: undefined })
    // It doesn't grow fresh by waiting until the clock comes there.
    b.now = NOW
    await expect(put(b, proof), 'StaleLog')
  })

  it('by times that outlive the host that knew them', async () => {
    const a = await host('a')
    const dir = folder()
    const b = await host('b', ['a'], dir)
    await soon(() => b.host.followed()[0]?.contact, NOW)
    await b.close()
    network.cut('a', 'b')
    const again = await host('b', ['a'], dir)
    const proof = await device(a.did)
    await expect(put(again, proof), 'ok')
    again.now = NOW + HOUR + 1
    await expect(put(again, proof), 'StaleLog', { since: NOW })
  })

  it('that has contradicted itself, from then on', async () => {
    const proofs = await Promise.all([1, 2, 3].map(() => given(alice, laptop, alice.did)))
    const [first, second, third] = await Promise.all(proofs.map((proof) => revocationOf(alice, proof)))
    const liar = new LyingHost()
    liar.show(first as never, second as never)
    const b = await World.open({
      dir: folder(),
      follow: ['http://liar'],
      followNamed: 'none',
      following: { reach: () => liar.reach, backoff: 0.02, maxBackoff: 0.05, pullEvery: 0.1 },
    })
    open.push(b)
    await soon(() => b.host.followed()[0]?.size, 2)
    const proof = await device(liar.signer.did)
    await soon(async () => (await put(b, proof)).error, undefined)
    liar.show(first as never, third as never)
    await soon(async () => (await put(b, proof)).error?.name, 'StaleLog')
  })

  describe('as its fact names it:', () => {
    const log = { did: bob.did, url: 'https://host.example/' }

    it('beside facts of others', async () => {
      const b = await host('b')
      await expect(put(b, await given(alice, phone, alice.did, { facts: [{ colour: 'red' }, { logs: [log], colour: 'red' }] })), 'StaleLog')
      await expect(put(b, await given(alice, phone, alice.did, { facts: [{ colour: 'red' }, { log: [log] }] })), 'ok')
      await expect(put(b, await given(alice, phone, alice.did, { facts: [{ logs: [] }] })), 'ok')
    })

    it('in no other shape: such a link is void', async () => {
      const b = await host('b')
      const misshapen: readonly unknown[] = [
        log,
        'https://host.example/',
        [bob.did],
        [{ did: bob.did }],
        [{ ...log, name: 'bob' }],
        [{ ...log, did: 'did:web:host.example' }],
        [{ ...log, url: '' }],
        [{ ...log, url: `https://host.example/${'a'.repeat(512)}` }],
        Array.from({ length: MAX_HOME_LOGS + 1 }, () => log),
      ]
      for (const logs of misshapen) {
        const proof = await given(alice, phone, alice.did, { facts: [{ logs: logs as never }] })
        await expect(put(b, proof), 'NotOwner', { link: String(proof.ucan.cid), field: 'fct' })
      }
      const spread = [{ logs: Array.from({ length: MAX_HOME_LOGS }, () => log) }, { logs: [log] }]
      await expect(put(b, await given(alice, phone, alice.did, { facts: spread })), 'NotOwner', { field: 'fct' })
    })
  })

  it('before what it brings is known: a revocation there is met, or the call is refused', async () => {
    const [a, b] = await pair()
    const proof = await device(a.did)
    network.cut('a', 'b')
    await revokeAt(a, { proof })
    // Within the bound that the ability sets it may pass; beyond, never.
    b.now = NOW + HOUR + 1
    await expect(put(b, proof), 'StaleLog')
    a.now = b.now
    network.heal()
    await soon(() => taken(b, proof), 'Revoked')
  })

  it('and nobody is told of a log where no lease would let them', async () => {
    const b = await host('b')
    await expect(b.call(phone, { subject: alice.did, proofs: [await device(bob.did)] }), 'NoLease')
    await expect(b.call(mallory, { subject: alice.did, proofs: [await device(bob.did), await b.lease(alice)] }), 'NotOwner')
  })
})
