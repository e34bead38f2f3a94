import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import {
  type Answered,
  type Channel,
  Failure,
  httpChannel,
  inProcessChannel,
  invoke,
  type LocalSigner,
  type Proof,
  type Refusal,
} from '@symbiosis/protocol'
import { unixChannel } from '@symbiosis/protocol/unix'
import type { Listener } from '../../host/index.ts'
import { alice, bob, expect, folders, given, laptop, mallory, NOW, numbered, phone, World } from '../fixtures.ts'
import { Network } from '../host/log/network.ts'
import { newSeen, type Seen, tap, tapService } from './tap.ts'

/** What is promised: from the acknowledgement of a revocation until the streams that rely on it are at their ends. */
const WITHIN = 1000

/** Milliseconds after which a test gives up: what isn't cut goes on for ever. */
const PATIENCE = 4000

const patiently = <T>(work: Promise<T>): Promise<T> =>
  Promise.race([work, setTimeout(PATIENCE, undefined, { ref: false }).then(() => assert.fail('it goes on'))])

const soon = async <T>(look: () => T | Promise<T>, expected: T): Promise<void> => {
  for (const end = performance.now() + PATIENCE; performance.now() < end; await setTimeout(10)) if ((await look()) === expected) return
  assert.equal(await look(), expected)
}

type Ability = keyof (typeof tap)['abilities'] & string

interface Ended {
  readonly refusal: Refusal | undefined
  /** When, by the clock of `performance`. */
  readonly at: number
}

/** Reads a stream to its end. */
const endOf = async (body: ReadableStream<Uint8Array> | undefined): Promise<Ended> => {
  assert.ok(body, 'there is no stream')
  try {
    const reader = body.getReader()
    while (!(await patiently(reader.read())).done);
    return { refusal: undefined, at: performance.now() }
  } catch (thrown) {
    if (thrown instanceof Failure) return { refusal: thrown.toRefusal(), at: performance.now() }
    throw thrown
  }
}

/** An upload that stands still after its first bytes, and never ends by itself. */
const standingUpload = () => {
  let left = 0
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(1000)),
    cancel: () => {
      left++
    },
  })
  return { body, isLeft: () => left > 0 }
}

const revoke = async (world: World, by: LocalSigner, proof: Proof, proofs: readonly Proof[] = []): Promise<number> => {
  await expect(world.call(by, { can: 'ucan/revoke', nb: { ucan: proof.ucan.cid }, attach: [proof], proofs }), 'ok')
  return performance.now()
}

const KINDS: { readonly [kind: string]: (world: World, listener: Listener) => Channel } = {
  'in process': (world) => inProcessChannel(world.host.door),
  'over HTTP': (_, { url }) => httpChannel(url as string),
  'over a Unix socket': (_, { socket }) => unixChannel(socket as string),
}

for (const [kind, channelTo] of Object.entries(KINDS)) {
  describe(`a stream ${kind} is cut`, () => {
    const folder = folders()
    let seen: Seen
    let world: World
    let listener: Listener
    let channel: Channel
    let lease: Proof

    before(async () => {
      seen = newSeen()
      const dir = folder()
      world = await World.open({ dir, services: [tapService(seen)], grace: 1 })
      listener = await world.host.listen({ socket: `${dir}/s` })
      channel = channelTo(world, listener)
    })
    beforeEach(async () => {
      Object.assign(seen, newSeen())
      lease = await world.lease(alice, { can: 'lease/tap/*' })
    })
    after(() => world.close())

    const open = (name: Ability, signer: LocalSigner, proofs: readonly Proof[], subject = alice.did, body?: ReadableStream<Uint8Array>) => {
      const caller = { signer, host: world.did, subject, proofs, channel, now: () => world.now }
      return invoke(caller, tap, name, {}, body ? { body } : {}) as Promise<Answered<unknown>>
    }
    const streams = async () => /symbiosis_streams (\d+)/.exec(await world.host.metrics.text())?.[1]
    /** alice -> phone -> laptop, for the space of alice. */
    const chain = async () => {
      const first = await given(alice, phone, alice.did, { can: '*' })
      const second = await given(phone, laptop, alice.did, { can: '*', proofs: [first] })
      return { first, second }
    }
    const isCut = ({ refusal, at }: Ended, acknowledged: number, details: Partial<Refusal>) => {
      assert.equal(refusal?.name, 'Revoked', refusal?.message)
      for (const [name, value] of Object.entries(details)) assert.equal(refusal[name], value, name)
      assert.ok(at - acknowledged <= WITHIN, `it took ${at - acknowledged} ms`)
    }

    it('where a delegation is revoked, by whoever may', async () => {
      for (const by of [laptop, phone, alice]) {
        const { second } = await chain()
        const { body } = await open('drip', laptop, [second, lease])
        const end = endOf(body)
        const acknowledged = await revoke(world, by, second, [lease])
        isCut(await end, acknowledged, { link: String(second.ucan.cid), chain: 'owner', by: by.did, at: NOW })
      }
      assert.deepEqual([seen.told, seen.released], [['Revoked', 'Revoked', 'Revoked'], 3])
      assert.equal(await streams(), '0')
    })

    it('where a delegation above is revoked', async () => {
      const { first, second } = await chain()
      const { body } = await open('flow', laptop, [second, lease])
      const end = endOf(body)
      const acknowledged = await revoke(world, alice, first, [lease])
      isCut(await end, acknowledged, { link: String(first.ucan.cid), chain: 'owner', by: alice.did })
      await soon(() => seen.released, 1)
    })

    it('where its lease is revoked', async () => {
      const { body } = await open('drip', alice, [lease])
      const end = endOf(body)
      const acknowledged = await revoke(world, world.signer, lease)
      isCut(await end, acknowledged, { link: String(lease.ucan.cid), chain: 'lease', by: world.did })
    })

    it('where a lease that it came of is revoked, and where its sub-lease is', async () => {
      for (const which of ['above', 'below'] as const) {
        const above = await world.lease(alice, { can: 'lease/tap/*' })
        const below = await world.sublease(alice, bob, { can: 'lease/tap/*', proofs: [above] })
        const gone = { above, below }[which]
        const { body } = await open('drip', bob, [below], bob.did)
        const end = endOf(body)
        const acknowledged = await revoke(world, which === 'above' ? world.signer : alice, gone)
        isCut(await end, acknowledged, { link: String(gone.ucan.cid), chain: 'lease' })
      }
    })

    it('where any of its leases is revoked, since none is charged yet; who calls again goes on by the other', async () => {
      const other = await world.lease(alice, { can: 'lease/tap/drip' })
      const { body } = await open('drip', alice, [lease, other])
      const end = endOf(body)
      const acknowledged = await revoke(world, world.signer, other)
      isCut(await end, acknowledged, { link: String(other.ucan.cid), chain: 'lease' })
      const again = await open('drip', alice, [lease, other])
      assert.ok(again.body)
      await again.body.cancel()
    })

    it('where an upload is in progress: its answer is Revoked, and the connection is left in order', async () => {
      const { second } = await chain()
      const { body, isLeft } = standingUpload()
      const answer = open('sink', laptop, [second, lease], alice.did, body)
      await soon(() => seen.taken, 1000)
      const acknowledged = await revoke(world, alice, second, [lease])
      const { result } = await patiently(answer)
      isCut({ refusal: result.error, at: performance.now() }, acknowledged, { link: String(second.ucan.cid), chain: 'owner' })
      assert.deepEqual([seen.told, seen.whole], [['Revoked'], 0])
      await soon(isLeft, true)
      const { body: next } = await open('drip', alice, [lease])
      await next?.cancel()
      await soon(streams, '0')
    })

    it('where its handler heeds nothing: its caller waits for nobody', async () => {
      const { second } = await chain()
      const answer = open('deaf', laptop, [second, lease], alice.did, standingUpload().body)
      await soon(() => seen.release.length, 1)
      const acknowledged = await revoke(world, alice, second, [lease])
      const { result } = await patiently(answer)
      isCut({ refusal: result.error, at: performance.now() }, acknowledged, { chain: 'owner' })
      assert.equal(await streams(), '0')
      for (const release of seen.release) release()
    })

    it('where its handler has not begun to answer: then that is the answer', async () => {
      const { second } = await chain()
      const answer = open('late', laptop, [second, lease])
      await soon(streams, '1')
      const acknowledged = await revoke(world, alice, second, [lease])
      const { result, body } = await patiently(answer)
      isCut({ refusal: result.error, at: performance.now() }, acknowledged, { link: String(second.ucan.cid) })
      assert.equal(body, undefined)
      for (const release of seen.release) release()
      await soon(() => seen.released, 1)
    })

    it('and no other: not of another device, not by a revocation that bears on another path', async () => {
      const { first } = await chain()
      const own = await given(mallory, phone, alice.did, { can: '*' })
      // mallory is an issuer above it, of a path that doesn't hold.
      const two = await given(phone, bob, alice.did, { can: '*', proofs: [first, own] })
      const going = [await open('drip', bob, [two, lease]), await open('drip', alice, [lease])]
      const ends = going.map(({ body }) => endOf(body))
      const other = await given(phone, bob, alice.did, { can: '*', proofs: [first] })
      await revoke(world, alice, other, [lease])
      await revoke(world, mallory, two, [lease])
      const cut = await Promise.race([...ends, setTimeout(200, 'going on')])
      assert.equal(cut, 'going on')
      // The same link, taken back by one who may.
      const acknowledged = await revoke(world, alice, two, [lease])
      isCut((await ends[0]) as Ended, acknowledged, { by: alice.did })
      assert.equal(await streams(), '1')
      await revoke(world, world.signer, lease)
      await ends[1]
    })

    it('among many, each that relies on it', async () => {
      const devices = Array.from({ length: 20 }, (_, at) => numbered(1000 + at))
      const first = await given(alice, phone, alice.did, { can: '*' })
      const opened = devices.map(async (device, at) => {
        const below = await given(phone, device, alice.did, {
          can: '*',
          proofs: at % 2 === 0 ? [first] : [await given(alice, phone, alice.did, { can: '*' })],
        })
        return open('drip', device, [below, lease])
      })
      const ends = (await Promise.all(opened)).map(({ body }) => endOf(body))
      const acknowledged = await revoke(world, alice, first, [lease])
      for (const end of ends.filter((_, at) => at % 2 === 0)) isCut(await end, acknowledged, { link: String(first.ucan.cid) })
      assert.equal(await streams(), '10')
      await revoke(world, world.signer, lease)
      for (const end of ends) await end
      assert.equal(await streams(), '0')
    })

    it('and is forgotten however else it ends', async () => {
      const { body } = await open('flow', alice, [lease])
      assert.equal(await streams(), '1')
      await body?.cancel()
      await soon(streams, '0')
      const aborter = new AbortController()
      const caller = { signer: alice, host: world.did, subject: alice.did, proofs: [lease], channel, now: () => world.now }
      const { body: idle } = await invoke(caller, tap, 'drip', {}, { signal: aborter.signal })
      const end = endOf(idle).catch(() => {})
      aborter.abort()
      await end
      await soon(streams, '0')
      const { result } = await open('sink', alice, [lease], alice.did, new Blob([new Uint8Array(9)]).stream())
      assert.deepEqual(result.ok, { bytes: 9 })
      assert.equal(await streams(), '0')
    })
  })
}

describe('a call that was cut', () => {
  const folder = folders()

  it('is waited for by who closes the host, as long as its handler is at it', async () => {
    const seen = newSeen()
    const world = await World.open({ dir: folder(), services: [tapService(seen)] })
    const lease = await world.lease(alice, { can: 'lease/tap/*' })
    const caller = { signer: alice, host: world.did, subject: alice.did, proofs: [lease], channel: world.channel, now: () => NOW }
    const answer = invoke(caller, tap, 'deaf', {}, { body: standingUpload().body })
    await soon(() => seen.release.length, 1)
    await revoke(world, world.signer, lease)
    assert.equal((await answer).result.error?.name, 'Revoked')
    const closed = world.close().then(() => 'closed')
    assert.equal(await Promise.race([closed, setTimeout(300, 'waiting')]), 'waiting')
    for (const release of seen.release) release()
    assert.equal(await closed, 'closed')
  })
})

describe('a stream is cut by what another host says', () => {
  const folder = folders()

  it('as soon as it is taken over from its log', async () => {
    const network = new Network()
    const seen = newSeen()
    const a = await network.open('a', { dir: folder() })
    const b = await network.open('b', { dir: folder(), follow: ['a'], services: [tapService(seen)] })
    try {
      const proof = await given(alice, phone, alice.did, { can: '*' })
      const caller = { signer: phone, host: b.did, subject: alice.did, proofs: [proof, await b.lease(alice, { can: 'lease/tap/*' })] }
      const { body } = await invoke({ ...caller, channel: b.channel, now: () => NOW }, tap, 'drip', {})
      const end = endOf(body)
      await soon(() => b.host.followed()[0]?.problem, undefined)
      const acknowledged = await revoke(a, alice, proof, [await a.lease(alice)])
      const { refusal, at } = await end
      assert.deepEqual([refusal?.name, refusal?.link, refusal?.by], ['Revoked', String(proof.ucan.cid), alice.did])
      assert.ok(at - acknowledged <= WITHIN, `it took ${at - acknowledged} ms`)
    } finally {
      await a.close()
      await b.close()
    }
  })
})
