import assert from 'node:assert/strict'
import {
  archive,
  cidOf,
  decode,
  decodeCar,
  delegate,
  encode,
  encodeCar,
  extract,
  type Proof,
  signerFromSeed,
  type Ucan,
} from '@symbiosis/protocol'
import { inspect, type Symbiont } from '@symbiosis/symbiont'
import { base64url } from 'multiformats/bases/base64'
import { type Bundle, encodeBundle, readBundle } from '../../symbiont/bundle.ts'
import { refused, shelf, World } from './world.ts'

/** Ada, who owns a space with a lease of the attic, and Bob, a device with nothing. */
const adaAndBob = async (world: World) => {
  await world.host('attic')
  return { ada: await world.owner('attic'), bob: await world.symbiont() }
}

/** A token with something done to it. */
const bent = (token: string, change: (bundle: Bundle) => Bundle): string => encodeBundle(change(readBundle(token)))

describe('a token', () => {
  it('is all that a second device needs', async () => {
    await using world = new World()
    const { ada, bob } = await adaAndBob(world)
    await ada.use(shelf).put({ name: 'lamp' })
    const { token, cid, expires } = await ada.delegate(bob.agent, ['shelf/*'], { expires: '7d' })
    assert.match(token, /^u[\w-]+$/)
    assert.equal(expires, world.time + 7 * 86_400)
    const accepted = await bob.accept(`${token}\n`)
    assert.deepEqual([accepted.cid, accepted.space, accepted.can, accepted.expires], [cid, ada.space, ['shelf/*'], expires])
    assert.equal(accepted.leases[0]?.hostName, 'attic')
    assert.equal(bob.space, ada.space)
    assert.deepEqual(await bob.use(shelf).list(), { things: ['lamp'] })
    world.time += 7 * 86_400 + 61
    assert.equal((await refused(bob.use(shelf).list())).chain, 'owner')
    assert.deepEqual(await ada.use(shelf).list(), { things: ['lamp'] })
  })

  it('gives what it says and no more', async () => {
    await using world = new World()
    const { ada, bob } = await adaAndBob(world)
    await bob.accept((await ada.delegate(bob.agent, ['shelf/list'])).token)
    assert.deepEqual(await bob.use(shelf).list(), { things: [] })
    assert.equal((await refused(bob.use(shelf).put({ name: 'lamp' }))).name, 'NotOwner')
    assert.equal((await refused(bob.request({ shelf: {} }))).name, 'NotOwner')
    const cora = await world.symbiont()
    const refusal = await refused(bob.delegate(cora.agent, ['shelf/*']))
    assert.equal(refusal.name, 'NotOwner')
    assert.match(refusal.hint ?? '', /Delegate what it has/)
    await cora.accept((await bob.delegate(cora.agent, ['shelf/list'])).token)
    assert.deepEqual(await cora.use(shelf).list(), { things: [] })
  })

  it('carries only the leases that matter', async () => {
    await using world = new World()
    const { ada, bob } = await adaAndBob(world)
    await ada.request([{ can: 'shelf/list' }])
    assert.equal(readBundle((await ada.delegate(bob.agent, ['shelf/list'])).token).leases.length, 2)
    assert.equal(readBundle((await ada.delegate(bob.agent, ['shelf/put'])).token).leases.length, 1)
    assert.equal(readBundle((await ada.delegate(bob.agent, ['other'])).token).leases.length, 0)
    assert.equal(readBundle((await ada.delegate(bob.agent, ['*'])).token).leases.length, 2)
  })

  it('ends no later than what it is made from', async () => {
    await using world = new World()
    const { ada, bob } = await adaAndBob(world)
    await bob.accept((await ada.delegate(bob.agent, ['shelf'], { expires: '1d' })).token)
    const cora = await world.symbiont()
    assert.equal((await bob.delegate(cora.agent, ['shelf'], { expires: '9d' })).expires, world.time + 86_400)
    assert.equal((await ada.delegate(cora.agent, ['shelf'])).expires, null)
  })

  it('is refused by another device, which says whose it is', async () => {
    await using world = new World()
    const { ada, bob } = await adaAndBob(world)
    const refusal = await refused((await world.symbiont()).accept((await ada.delegate(bob.agent, ['shelf'])).token))
    assert.equal(refusal.name, 'WrongAudience')
    assert.ok(refusal.message.includes(bob.agent))
  })

  it('is refused for abilities and devices that are none', async () => {
    await using world = new World()
    const { ada, bob } = await adaAndBob(world)
    for (const can of [[], [''], ['shelf/'], ['/list'], ['shelf/*/x'], ['sh*'], ['lease/ x']]) {
      assert.equal((await refused(ada.delegate(bob.agent, can))).name, 'InvalidInput', String(can))
    }
    for (const audience of ['', 'bob', 'did:key:z6Mk', 'did:web:a.example', `${bob.agent}x`]) {
      assert.equal((await refused(ada.delegate(audience, ['shelf']))).name, 'InvalidInput', audience)
    }
    assert.equal((await refused(ada.delegate(bob.agent, ['shelf'], { expires: 'soon' }))).name, 'InvalidInput')
  })

  it('is refused when malformed, and leaves nothing behind', async () => {
    await using world = new World()
    const { ada, bob } = await adaAndBob(world)
    const { token } = await ada.delegate(bob.agent, ['shelf/*'])
    const bytes = base64url.decode(token)
    const car = decodeCar(bytes, { maxBlocks: 99, maxBlockBytes: 99_999 })
    const root = car.blocks.find(({ cid }) => cid.equals(car.roots[0] as never)) as (typeof car.blocks)[0]
    const rest = car.blocks.filter((block) => block !== root)
    const withRoot = (content: unknown, blocks = rest) => {
      const encoded = encode(content as never)
      return base64url.encode(encodeCar({ roots: [cidOf(encoded)], blocks: [{ cid: cidOf(encoded), bytes: encoded }, ...blocks] }))
    }
    const content = decode(root.bytes) as {
      'symbiosis/bundle@1': { delegation: unknown; leases: unknown[]; hosts: { did: string; name: string; urls: string[] }[] }
    }
    const inner = content['symbiosis/bundle@1']
    const host = inner.hosts[0] as (typeof inner.hosts)[0]
    const cases: { [what: string]: [string, RegExp] } = {
      empty: ['', /Malformed/],
      'not base64url': ['u***', /Malformed/],
      'another base': [`z${token.slice(1)}`, /Malformed/],
      padded: [`${token}==`, /Malformed/],
      'cut short': [token.slice(0, -40), /Malformed/],
      'cut in half': [token.slice(0, token.length / 2), /Malformed/],
      'the front missing': [`u${token.slice(40)}`, /./],
      'with bytes behind it': [base64url.encode(Uint8Array.of(...bytes, 1)), /Malformed/],
      'no root': [base64url.encode(encodeCar({ roots: car.roots, blocks: rest })), /Malformed/],
      'no roots at all': [base64url.encode(encodeCar({ roots: [], blocks: car.blocks })), /Malformed/],
      'a later version': [withRoot({ 'symbiosis/bundle@2': inner }), /Malformed/],
      'a field too many': [withRoot({ 'symbiosis/bundle@1': { ...inner, more: 1 } }), /Malformed/],
      'a field too few': [withRoot({ 'symbiosis/bundle@1': { delegation: inner.delegation, leases: [] } }), /Malformed/],
      'a text for a link': [withRoot({ 'symbiosis/bundle@1': { ...inner, delegation: String(inner.delegation) } }), /Malformed/],
      'a host without a DID': [withRoot({ 'symbiosis/bundle@1': { ...inner, hosts: [host, { ...host, did: 'attic' }] } }), /Malformed/],
      'no host for its lease': [withRoot({ 'symbiosis/bundle@1': { ...inner, hosts: [] } }), /Malformed/],
      'a lease as the delegation': [withRoot({ 'symbiosis/bundle@1': { ...inner, delegation: inner.leases[0] } }), /WrongAudience/],
      'a delegation as a lease': [withRoot({ 'symbiosis/bundle@1': { ...inner, leases: [inner.delegation] } }), /Malformed/],
      'too large': [`u${'A'.repeat(5_000_000)}`, /TooLarge/],
      text: ['bafyreib', /Malformed/],
    }
    for (const dropped of rest) {
      cases[`without ${dropped.cid}`] = [
        withRoot(
          content,
          rest.filter((block) => block !== dropped),
        ),
        /Malformed/,
      ]
    }
    for (const [what, [text, code]] of Object.entries(cases)) assert.match((await refused(bob.accept(text))).name, code, what)
    for (let index = 0; index < bytes.length; index += 7) {
      const flipped = bytes.slice()
      flipped[index] = (flipped[index] as number) ^ 0x10
      assert.match((await refused(bob.accept(base64url.encode(flipped)))).name, /./, `byte ${index}`)
    }
    assert.deepEqual([bob.spaces(), bob.hosts(), bob.leases()], [[], [], []])
    await bob.accept(token)
  })

  it('is refused when forged', async () => {
    await using world = new World()
    const { ada, bob } = await adaAndBob(world)
    const { token } = await ada.delegate(bob.agent, ['shelf/list'], { expires: '1d' })
    const mallory = signerFromSeed(new Uint8Array(32).fill(7))
    const { delegation, leases } = readBundle(token)
    const bobs = (capabilities: { can: string; with: string }[], expiration: number | null, proofs: Proof[] = []) =>
      delegate(mallory, { audience: bob.agent as never, capabilities, expiration, proofs })
    const forged: { [what: string]: [Bundle['delegation'], string] } = {
      'signed by a stranger': [await bobs([{ can: '*', with: ada.space }], null), 'NotOwner'],
      'a stranger passes on what is not his': [await bobs([{ can: '*', with: ada.space }], null, [delegation]), 'NotOwner'],
      'two spaces': [
        await bobs(
          [
            { can: '*', with: ada.space },
            { can: '*', with: mallory.did },
          ],
          null,
        ),
        'Malformed',
      ],
      'about anything': [await bobs([{ can: '*', with: 'ucan:*' }], null), 'Malformed'],
      'no longer in force': [await bobs([{ can: '*', with: mallory.did }], world.time - 61), 'Expired'],
      'a broken signature': [resigned(delegation), 'BadSignature'],
    }
    for (const [what, [bad, code]] of Object.entries(forged)) {
      assert.equal((await refused(bob.accept(bent(token, (bundle) => ({ ...bundle, delegation: bad }))))).name, code, what)
    }
    const lease = leases[0] as Proof
    const badLeases: { [what: string]: [Proof, string] } = {
      'a lease with a broken signature': [resigned(lease), 'BadSignature'],
      'a lease to another space': [await leaseTo(mallory, bob.agent, world), 'WrongAudience'],
    }
    for (const [what, [bad, code]] of Object.entries(badLeases)) {
      assert.equal((await refused(bob.accept(bent(token, (bundle) => ({ ...bundle, leases: [bad] }))))).name, code, what)
    }
    assert.deepEqual(bob.spaces(), [])
  })

  it('does not take an address away from a host that proved it', async () => {
    await using world = new World()
    const { ada, bob } = await adaAndBob(world)
    await bob.pair('http://attic.test')
    const mallory = signerFromSeed(new Uint8Array(32).fill(7))
    const { token } = await ada.delegate(bob.agent, ['shelf'])
    const host = { did: mallory.did, name: 'attic', urls: ['http://attic.test/'] }
    await bob.accept(bent(token, (bundle) => ({ ...bundle, hosts: [...bundle.hosts, host] })))
    assert.deepEqual(bob.hosts()[0]?.urls, ['http://attic.test/'])
    assert.deepEqual(await bob.use(shelf).list(), { things: [] })
  })
})

describe('inspecting', () => {
  const chain = async (world: World): Promise<{ ada: Symbiont; bob: Symbiont; token: string; agent: string }> => {
    const { ada, bob } = await adaAndBob(world)
    await bob.accept((await ada.delegate(bob.agent, ['shelf/*'], { expires: '7d' })).token)
    const cora = await world.symbiont()
    const { token } = await bob.delegate(cora.agent, ['shelf/list'], { expires: '1d' })
    return { ada, bob, token, agent: cora.agent }
  }

  it('shows the chain as a tree, and which link narrows', async () => {
    await using world = new World()
    const { ada, bob, token, agent } = await chain(world)
    const seen = inspect(token, { now: world.time, agent })
    assert.equal(seen.kind, 'delegation')
    assert.equal(seen.subject, ada.space)
    assert.ok(seen.usable)
    assert.deepEqual(seen.problems, [])
    const links = [seen.chain, seen.chain.above[0], seen.chain.above[0]?.above[0]]
    assert.deepEqual(
      links.map((link) => link?.audience),
      [agent, bob.agent, ada.agent],
    )
    assert.deepEqual(
      links.map((link) => link?.narrows),
      [['ability', 'expiry'], ['ability', 'expiry'], []],
    )
    assert.deepEqual(
      seen.hosts.map(({ name }) => name),
      ['attic'],
    )
    assert.ok(seen.leases.every(({ usable }) => usable))
  })

  it('says what would fail now', async () => {
    await using world = new World()
    const { bob, token } = await chain(world)
    const other = inspect(token, { now: world.time, agent: bob.agent })
    assert.deepEqual([other.usable, other.problems.map(({ code }) => code)], [false, ['WrongAudience']])
    const late = inspect(token, { now: world.time + 86_400 + 61 })
    assert.deepEqual(
      late.problems.map(({ code, link }) => [code, link]),
      [['Expired', late.chain.cid]],
    )
    const { above } = late.chain
    const gone = inspect(token, { now: world.time, revoked: (cid) => cid === above[0]?.cid })
    assert.deepEqual(
      gone.problems.map(({ code, link }) => [code, link]),
      [['Revoked', above[0]?.cid]],
    )
    assert.ok(!gone.usable)
    const bundle = readBundle(token)
    const orphan = inspect(archive({ ucan: bundle.delegation.ucan, proofs: [] }), { now: world.time })
    assert.deepEqual(
      orphan.problems.map(({ code }) => code),
      ['NotOwner'],
    )
  })

  it('reads archives, of leases too', async () => {
    await using world = new World()
    const { token } = await chain(world)
    const [lease] = readBundle(token).leases as [Proof]
    const seen = inspect(archive(lease), { now: world.time })
    assert.deepEqual([seen.kind, seen.usable, seen.chain.capabilities[0]?.nb], ['lease', true, { bytes: 1000 }])
    const wider = await delegate(signerFromSeed(new Uint8Array(32).fill(9)), {
      audience: signerFromSeed(new Uint8Array(32).fill(7)).did,
      capabilities: lease.ucan.capabilities.map((capability) => ({ ...capability, nb: { bytes: 2000 } })),
      expiration: lease.ucan.expiration,
    })
    assert.equal(inspect(archive(wider), { now: world.time }).problems[0]?.code, 'NoLease')
  })

  it('finds a sub-lease that widens, and shows one that narrows', async () => {
    const [host, provider, space] = [1, 2, 3].map((byte) => signerFromSeed(new Uint8Array(32).fill(byte))) as [never, never, never]
    const { did } = host as { did: string }
    const give = (signer: never, to: { did: string }, can: string, nb: object, expiration: number, proofs: Proof[] = []) =>
      delegate(signer, { audience: to.did as never, capabilities: [{ can, with: did, nb: nb as never }], expiration, proofs })
    const top = await give(host, provider, 'lease/shelf/*', { bytes: 100 }, 1000)
    const reads = async (can: string, nb: object, end: number) =>
      inspect(archive(await give(provider, space, can, nb, end, [top])), { now: 10 })
    assert.deepEqual((await reads('lease/shelf/put', { bytes: 50 }, 900)).chain.narrows, ['ability', 'limits', 'expiry'])
    assert.deepEqual((await reads('lease/shelf/*', {}, 1000)).chain.narrows, [])
    for (const [can, nb, end] of [
      ['lease/other/*', {}, 900],
      ['lease/shelf/*', { bytes: 101 }, 900],
      ['lease/shelf/*', {}, 1001],
    ] as const) {
      assert.deepEqual(
        (await reads(can, nb, end)).problems.map(({ code }) => code),
        ['NoLease'],
      )
    }
  })

  it('gives up on chains that branch without end', async () => {
    const signer = signerFromSeed(new Uint8Array(32).fill(1))
    const other = signerFromSeed(new Uint8Array(32).fill(2))
    const capabilities = [{ can: '*', with: signerFromSeed(new Uint8Array(32).fill(3)).did }]
    let proofs: Proof[] = []
    for (let level = 0; level < 14; level++) {
      const [from, to] = level % 2 ? [signer, other] : [other, signer]
      proofs = await Promise.all([0, 1].map(() => delegate(from, { audience: to.did, capabilities, expiration: null, proofs })))
    }
    assert.equal((await refused(() => inspect(archive(proofs[0] as Proof)))).name, 'TooLarge')
  })
})

/** The same UCAN with another signature. */
const resigned = ({ ucan, proofs }: Proof): Proof => {
  const model = decode(ucan.bytes) as { s: Uint8Array }
  const s = model.s.slice()
  s[20] = (s[20] as number) ^ 1
  const bytes = encode({ ...model, s } as never)
  const cid = cidOf(bytes)
  const bad = { ...ucan, cid, bytes } as Ucan
  return extract(archive({ ucan: bad, proofs }))
}

const leaseTo = (signer: ReturnType<typeof signerFromSeed>, audience: string, world: World): Promise<Proof> =>
  delegate(signer, {
    audience: audience as never,
    capabilities: [{ can: 'lease/shelf/*', with: signer.did }],
    expiration: world.time + 3600,
  })
