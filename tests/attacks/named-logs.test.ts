import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type DID, homeLogsFact, type LocalSigner, type Proof } from '@symbiosis/protocol'
import type { FollowNamed, FollowOptions, Listener, Reach } from '../../host/index.ts'
import { allowedUnder, reachWithin } from '../../host/log/dialling.ts'
import { alice, bob, expect, folders, given, HOUR, laptop, mallory, NOW, phone, World } from '../fixtures.ts'
import { Network, revokeAt, soon } from '../host/log/network.ts'
import { type Entries, LyingHost, revocationOf } from './lying-host.ts'

type Entry = Entries[number]

describe('logs that delegations name', () => {
  const folder = folders()
  const open: World[] = []
  let network: Network
  /** Addresses that were dialled. */
  let dialled: string[]

  beforeEach(() => {
    network = new Network()
    dialled = []
  })
  afterEach(async () => {
    for (const world of open.splice(0)) await world.close()
  })

  const plain = async (name: string): Promise<World> => {
    const world = await network.open(name, { dir: folder(), followNamed: 'none' })
    open.push(world)
    return world
  }
  /** A host that follows nobody but by name. */
  const host = async (following: Partial<FollowOptions> = {}, followNamed: FollowNamed = 'any', dir = folder()): Promise<World> => {
    const reachNamed = (url: string): Reach => {
      const { channel, about } = network.reach('b', url)
      const dial = () => void dialled.push(new URL(url).hostname)
      return {
        about,
        channel: {
          url,
          request: (...sent) => {
            dial()
            return channel.request(...sent)
          },
          open: (...sent) => {
            dial()
            return channel.open(...sent)
          },
        },
      }
    }
    const world = await network.open('b', {
      dir,
      followNamed,
      following: { reachNamed, namedBackoff: 0.05, maxNamedBackoff: 0.1, ...following },
    })
    open.push(world)
    return world
  }

  const at = (name: string, did: DID, over: { from?: LocalSigner } = {}) => {
    const { from = alice } = over
    return given(from, phone, from.did, { facts: [homeLogsFact([{ did, url: `http://${name}/` }])], expiration: null })
  }
  const put = async (world: World, proof: Proof, from: LocalSigner = alice) =>
    world.call(phone, { can: 'jar/put', nb: { thing: 'a' }, subject: from.did, proofs: [proof, await world.lease(from)] })

  it('are heard of before a call is decided, and bring what was revoked there', async () => {
    const [a, b] = [await plain('a'), await host()]
    const [good, lost] = [await at('a', a.did), await at('a', a.did)]
    await revokeAt(a, { proof: lost })
    await expect(put(b, lost), 'Revoked')
    await expect(put(b, good), 'ok')
    assert.deepEqual(b.host.followed(), [])
  })

  it('are not asked again while they are fresh, and beside the call when they are due', async () => {
    const [a, b] = [await plain('a'), await host()]
    const [good, lost] = [await at('a', a.did), await at('a', a.did)]
    await expect(put(b, good), 'ok')
    const asked = dialled.length
    a.now = b.now = NOW + 300
    await expect(put(b, good), 'ok')
    assert.equal(dialled.length, asked)
    await revokeAt(a, { proof: lost })
    a.now = b.now = NOW + 301
    await expect(put(b, good), 'ok')
    await soon(async () => (await put(b, lost)).error?.name, 'Revoked')
  })

  describe('are looked for by nobody', () => {
    it('who has no lease here: a stranger makes the host dial nothing', async () => {
      const [a, b] = [await plain('a'), await host()]
      const proof = await at('a', a.did)
      const nb = { thing: 'a' }
      const calls = (proofs: readonly Proof[], from: LocalSigner = phone) =>
        b.call(from, { can: 'jar/put', nb, subject: alice.did, proofs })
      await expect(calls([proof]), 'NoLease')
      await expect(calls([proof, await b.lease(alice, { expiration: NOW - HOUR })]), 'Expired')
      await expect(calls([proof, await b.lease(alice, { can: 'lease/jarring/*' })]), 'NoLease')
      await expect(calls([proof, await b.sublease(mallory, alice)]), 'NoLease')
      await expect(calls([proof, await b.lease(alice)], mallory), 'NotOwner')
      const lost = await revokeAt(b, { proof: await at('a', a.did) })
      await expect(calls([lost, await b.lease(alice)]), 'Revoked')
      await expect(b.call(phone, { can: 'jar/peek', subject: alice.did, proofs: [proof] }), 'ok')
      await expect(calls([await given(alice, phone, alice.did), await b.lease(alice)]), 'ok')
      assert.equal(dialled.length, 0)
      await expect(calls([proof, await b.lease(alice)]), 'ok')
      assert.ok(dialled.includes('a'))
    })

    it('where the operator wants none', async () => {
      const [a, b] = [await plain('a'), await host({}, 'none')]
      await expect(put(b, await at('a', a.did)), 'StaleLog')
      assert.deepEqual(dialled, [])
    })
  })

  it('have to be the logs of who is named', async () => {
    const [a, c, b] = [await plain('a'), await plain('c'), await host()]
    const lost = await revokeAt(c, { proof: await at('c', a.did) })
    await expect(put(b, lost), 'StaleLog')
    assert.equal(await b.host.revocationLog.size(), 0)
    // Nor does it tell against who is really there.
    await expect(put(b, await at('c', c.did)), 'ok')
  })

  it('pin nobody to an address, and are bound by nobody who was pinned there', async () => {
    const [a, c, b] = [await plain('a'), await plain('c'), await host()]
    await expect(put(b, await at('a', a.did)), 'ok')
    const { dir } = b
    await b.close()
    // Another one is at the address, and the operator has it followed.
    const reach = () => network.reach('b', 'http://c/')
    const moved = await World.open({ dir, follow: ['http://a/'], followNamed: 'any', following: { reach, reachNamed: reach } })
    open.push(moved)
    await soon(() => moved.host.followed()[0]?.did, c.did)
    await moved.close()
    const back = await host({}, 'any', dir)
    a.now = back.now = NOW + HOUR + 1
    await expect(put(back, await at('a', a.did)), 'ok')
  })

  it('count for themselves where they are many: all of them have to be fresh', async () => {
    const [a, c, b] = [await plain('a'), await plain('c'), await host()]
    const logs = [a, c].map(({ did }, index) => ({ did, url: `http://${'ac'[index]}/` }))
    const proof = await given(alice, phone, alice.did, { facts: [homeLogsFact(logs)], expiration: null })
    network.cut('b', 'c')
    await expect(put(b, proof), 'StaleLog', { log: c.did })
    network.heal()
    await soon(async () => (await put(b, proof)).error, undefined)
  })

  describe('are bounded:', () => {
    const silent = (): Reach => {
      const never = (_: unknown, { signal }: { signal?: AbortSignal } = {}) => {
        dialled.push('silent')
        return new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
      }
      return { channel: { url: 'http://silent/', request: never, open: never }, about: () => never(undefined) }
    }

    /** Fails where it takes so long that nobody would have waited. */
    const bounded = <T>(answers: Promise<T>): Promise<T> =>
      Promise.race([answers, setTimeout(10_000, undefined, { ref: false }).then(() => assert.fail('They are still waiting.'))])

    it('a call waits no longer than it may, and all that wait share one attempt', async () => {
      const patience = { contactPatience: 0.2, patience: 1000, pullPatience: 1000 }
      const b = await host({ reachNamed: silent, namedBackoff: 60, maxNamedBackoff: 60, ...patience })
      const proof = await at('a', bob.did)
      const codes = await bounded(Promise.all(Array.from({ length: 20 }, async () => (await put(b, proof)).error?.name)))
      assert.deepEqual(new Set(codes), new Set(['StaleLog']))
      assert.deepEqual(dialled, ['silent'])
      await expect(put(b, proof), 'StaleLog')
      assert.deepEqual(dialled, ['silent'])
    })

    it('a log that could not be had is not asked for again too soon', async () => {
      const [a, b] = [await plain('a'), await host({ namedBackoff: 60, maxNamedBackoff: 60 })]
      const proof = await at('a', a.did)
      network.cut('a', 'b')
      for (let times = 0; times < 3; times++) await expect(put(b, proof), 'StaleLog')
      assert.deepEqual(dialled, ['a'])
    })

    it('in number, and for each lessee: who was asked for longest ago is let go, and nothing is left of it', async () => {
      const names = ['a', 'c', 'd', 'e']
      const hosts = new Map<string, World>()
      for (const name of names) hosts.set(name, await plain(name))
      const dir = folder()
      const b = await host({ maxNamedLogs: 3, maxNamedLogsPerLessee: 2 }, 'any', dir)
      const ask = async (name: string, from: LocalSigner) =>
        expect(put(b, await at(name, (hosts.get(name) as World).did, { from }), from), 'ok')
      const isKept = async (name: string, from: LocalSigner) => {
        const before = dialled.length
        await ask(name, from)
        return dialled.length === before
      }
      await ask('a', alice)
      await ask('c', alice)
      await ask('d', alice)
      assert.deepEqual([await isKept('c', alice), await isKept('d', alice)], [true, true])
      assert.equal(await isKept('a', alice), false, 'the third of alice let it go, and it lets c go')
      await ask('e', bob)
      assert.deepEqual([await isKept('d', alice), await isKept('a', alice), await isKept('e', bob)], [true, true, true])
      await ask('c', bob)
      assert.equal(await isKept('d', alice), false)
    })

    it('in what they bring, by the lessee for whom they are asked', async () => {
      const [a, c, b] = [await plain('a'), await plain('c'), await host({ maxNamedRevocationsPerLessee: 2 })]
      for (const world of [a, a, c]) await revokeAt(world, { by: mallory, proof: await given(mallory, bob, mallory.did) })
      await expect(put(b, await at('a', a.did, { from: mallory }), mallory), 'ok')
      await expect(put(b, await at('c', c.did, { from: mallory }), mallory), 'StaleLog')
      assert.equal(await b.host.revocationLog.size(), 2)
      // Nor does it help to lease onward: spaces are made for nothing.
      await setTimeout(200)
      const [proof, space] = [await at('c', c.did, { from: laptop }), laptop.did]
      const leased = await b.sublease(mallory, laptop, { proofs: [await b.lease(mallory)] })
      await expect(b.call(phone, { can: 'jar/put', nb: { thing: 'a' }, subject: space, proofs: [proof, leased] }), 'StaleLog')
      // What mallory has used up is nobody else's.
      await soon(async () => (await put(b, await at('c', c.did))).error, undefined)
    })

    it('in proofs that they contradict themselves', async () => {
      const proofs = await Promise.all([1, 2, 3].map(() => given(alice, laptop, alice.did)))
      const [first, second, third] = (await Promise.all(proofs.map((each) => revocationOf(alice, each)))) as [Entry, Entry, Entry]
      let liar = new LyingHost()
      const b = await host({ maxForks: 1, reachNamed: () => liar.reach })
      for (const _ of ['kept', 'not kept']) {
        liar = new LyingHost()
        liar.show(first, second)
        const proof = await at('liar', liar.signer.did)
        await expect(put(b, proof), 'ok')
        liar.show(first, third)
        b.now += 301
        await soon(async () => (await put(b, proof)).error?.name, 'StaleLog')
        await expect(put(b, proof), 'StaleLog')
      }
      assert.equal(readdirSync(join(b.dir, 'frauds')).length, 1)
    })

    it('in length', async () => {
      const [a, b] = [await plain('a'), await host({ maxEntriesPerNamed: 1 })]
      const proof = await at('a', a.did)
      await revokeAt(a)
      await expect(put(b, proof), 'ok')
      await revokeAt(a)
      a.now = b.now = NOW + HOUR + 1
      await expect(put(b, proof), 'StaleLog')
    })
  })

  it('are remembered with their times over a restart', async () => {
    const a = await plain('a')
    const dir = folder()
    const b = await host({}, 'any', dir)
    const proof = await at('a', a.did)
    await expect(put(b, proof), 'ok')
    await b.close()
    network.cut('a', 'b')
    dialled = []
    const again = await host({}, 'any', dir)
    await expect(put(again, proof), 'ok')
    assert.deepEqual(dialled, [])
  })

  it('are followed as well as the operator has them followed, in one mirror', async () => {
    const a = await plain('a')
    const b = await network.open('b', {
      dir: folder(),
      follow: ['a'],
      followNamed: 'any',
      following: { reachNamed: (url) => network.reach('b', url), pullEvery: 60 },
    })
    open.push(b)
    await soon(() => b.host.followed()[0]?.contact, NOW)
    const lost = await at('a', a.did)
    a.now = b.now = NOW + HOUR + 1
    await revokeAt(a, { proof: lost })
    await expect(put(b, lost), 'Revoked')
    await expect(put(b, await at('a', a.did)), 'ok')
    assert.equal(b.host.followed()[0]?.contact, NOW + HOUR + 1)
  })
})

describe('a named address', () => {
  const folder = folders()
  const dials = (url: string, policy: FollowNamed, isLocal: boolean) => allowedUnder(url, policy, isLocal) !== undefined

  it('leads to the public internet over HTTPS, and nowhere else', () => {
    for (const url of ['https://host.example/', 'https://1.1.1.1/', 'https://[2606:4700::1111]:8443/'])
      assert.ok(dials(url, 'public', false), url)
    const never = [
      'http://host.example/', 'https://127.0.0.1/', 'https://2130706433/', 'https://0x7f.1/', 'https://10.0.0.1/', 'https://169.254.169.254/',
      'https://[::1]/', 'https://[::ffff:10.0.0.1]/', 'https://[fe80::1]/', 'https://[fd00::1]/', 'https://0.0.0.0/', 'https://user:pw@host.example/',
      'unix:/run/symbiosis.sock', 'file:///etc/passwd', 'ftp://1.1.1.1/', 'nonsense', '',
    ] // biome-ignore format: a table
    for (const url of never) assert.ok(!dials(url, 'public', false), url)
  })

  it('leads to this machine where its host listens there alone', () => {
    for (const url of ['http://127.0.0.1:4747/', 'http://[::1]/', 'https://localhost/', 'https://1.1.1.1/'])
      assert.ok(dials(url, 'public', true), url)
    for (const url of ['http://1.1.1.1/', 'http://10.0.0.1/', 'https://10.0.0.1/']) assert.ok(!dials(url, 'public', true), url)
    for (const url of ['https://1.1.1.1/', 'http://127.0.0.1/']) assert.ok(!dials(url, 'none', true), url)
    for (const url of ['ftp://1.1.1.1/', 'file:///etc/passwd', 'unix:/run/symbiosis.sock']) assert.ok(!dials(url, 'any', true), url)
    for (const url of ['http://10.0.0.1/', 'http://127.0.0.1/', 'https://host.example/']) assert.ok(dials(url, 'any', false), url)
  })

  it('is judged by what its name resolves to when it is dialled', async () => {
    let connections = 0
    const server = createServer((socket) => {
      connections++
      socket.destroy()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    try {
      const url = `https://localhost:${port}/`
      const reach = (policy: FollowNamed) => reachWithin(url, allowedUnder(url, policy, false) ?? (() => false))
      await expect(reach('public').channel.request(new Uint8Array(1)) as never, 'Unavailable')
      assert.equal(connections, 0)
      await expect(reach('any').channel.request(new Uint8Array(1)) as never, 'Unavailable')
      assert.equal(connections, 1)
    } finally {
      server.close()
    }
  })

  it('is of this machine where the host listens there, and is known by no name elsewhere', async () => {
    const [a, b] = [await World.open({ dir: folder() }), await World.open({ dir: folder() })]
    const listeners: Listener[] = []
    try {
      const { url } = await a.host.listen()
      const proof = await given(alice, phone, alice.did, { facts: [homeLogsFact([{ did: a.did, url: url as string }])] })
      const put = async () =>
        b.call(phone, { can: 'jar/put', nb: { thing: 'a' }, subject: alice.did, proofs: [proof, await b.lease(alice)] })
      await expect(put(), 'StaleLog')
      listeners.push(await b.host.listen({ names: ['host.example'] }))
      await expect(put(), 'StaleLog')
      await listeners.pop()?.close()
      const c = await World.open({ dir: folder() })
      listeners.push(await c.host.listen())
      const call = { can: 'jar/put', nb: { thing: 'a' }, subject: alice.did, proofs: [proof, await c.lease(alice)] }
      await expect(c.call(phone, call), 'ok')
      await c.close()
    } finally {
      await Promise.all([a.close(), b.close()])
    }
  })
})
