import assert from 'node:assert/strict'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Libp2p, PeerId } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { type FoundPeer, readPeers, route } from '@symbiosis/capabilities/route'
import { routeService } from '@symbiosis/capabilities/route/host'
import { getRecord } from '@symbiosis/capabilities/route/symbiont'
import {
  ability,
  type Failure,
  invoke,
  type LocalSigner,
  link,
  type Proof,
  provide,
  type Routing,
  service,
  struct,
} from '@symbiosis/protocol'
import { createIPNSRecord, marshalIPNSRecord } from 'ipns'
import { base36 } from 'multiformats/bases/base36'
import { dhtRouting } from '../../host/engine/routing.ts'
import { alice, bob, expect, setTheStage } from '../fixtures.ts'
import { all, leaf } from '../host/engine/fixtures.ts'

/** Has a space hold a root. */
const shelf = service('shelf', {
  rev: 1,
  about: 'Holds what it is told to',
  abilities: { keep: ability({ about: 'Holds', effect: 'idempotent', nb: struct({ root: link() }), ok: struct({}) }) },
})
const shelfService = () =>
  provide(shelf, {
    async keep({ root }, { commit }) {
      await commit((tx) => tx.hold(root, { complete: true }))
      return {}
    },
  })

const signed = async (sequence: number, key?: Awaited<ReturnType<typeof generateKeyPair>>) => {
  const signer = key ?? (await generateKeyPair('Ed25519'))
  const value = marshalIPNSRecord(await createIPNSRecord(signer as never, leaf().cid, sequence, 3_600_000))
  return {
    signer,
    key: `/ipns/${peerIdFromPrivateKey(signer as never)
      .toCID()
      .toString(base36)}`,
    value,
  }
}

describe('routing on a network that lies', function () {
  this.timeout(15_000)
  /** What the network says, as each test has it. */
  const said: { values: Uint8Array[]; peers: FoundPeer[]; silent: boolean } = { values: [], peers: [], silent: false }
  const done = { put: [] as Uint8Array[], provided: [] as string[], withdrawn: [] as string[] }
  const network: Routing = {
    async *findProviders() {
      yield* said.peers
      if (said.silent) await new Promise(() => {})
    },
    async provide(cid) {
      done.provided.push(String(cid))
      return 1
    },
    async withdraw(cid) {
      done.withdrawn.push(String(cid))
    },
    findPeer: async () => said.peers[0],
    async *getRecords() {
      yield* said.values
    },
    async putRecord(_key, value) {
      done.put.push(value)
      return 1
    },
    async dropRecord() {},
  }
  const stage = setTheStage(() => ({ services: [shelfService(), routeService(network, { queriesPerSpace: 2 })] }))
  const leases = (to: LocalSigner) => Promise.all(['route', 'shelf'].map((id) => stage.world.lease(to, { can: `lease/${id}/*` })))
  const caller = (signer: LocalSigner, proofs: readonly Proof[]) => {
    const { did: host, channel } = stage.world
    return { signer, host, subject: signer.did, proofs, channel, now: () => stage.world.now }
  }
  const call = async (from: LocalSigner, can: string, nb: Record<string, unknown>) =>
    stage.world.call(from, { can, nb, proofs: await leases(from) })
  const find = async (from: LocalSigner, seconds: number) =>
    invoke(caller(from, await leases(from)), route, 'findProviders', { cid: leaf().cid, seconds })
  beforeEach(() => {
    Object.assign(said, { values: [], peers: [], silent: false })
    for (const list of Object.values(done)) list.length = 0
  })

  it('passes on no record of somebody else under a key', async () => {
    const [mine, other] = [await signed(1), await signed(2)]
    said.values = [other.value, new Uint8Array(3)]
    await expect(call(alice, 'route/getrecord', { key: mine.key }), 'NotFound')
    said.values = [other.value, mine.value]
    assert.deepEqual((await call(alice, 'route/getrecord', { key: mine.key })).ok?.value, mine.value)
  })

  it('publishes no record that is not signed by whom the key names', async () => {
    const [mine, other] = [await signed(1), await signed(1)]
    await expect(call(alice, 'route/putrecord', { key: mine.key, value: other.value }), 'InvalidRecord')
    assert.deepEqual(done.put, [])
  })

  it('takes nobody back to an older record', async () => {
    const old = await signed(1)
    const later = await signed(2, old.signer)
    said.values = [later.value]
    await expect(call(alice, 'route/putrecord', { key: old.key, value: old.value }), 'Outdated', { value: later.value })
    assert.deepEqual(done.put, [])
    said.values = [old.value]
    await expect(call(alice, 'route/putrecord', { key: old.key, value: later.value }), 'ok')
  })

  it('lets a symbiont find out a host that passes on a false record', async () => {
    const [mine, other] = [await signed(1), await signed(1)]
    const lying = { call: async () => ({ result: { ok: { key: mine.key, value: other.value } } }) }
    await assert.rejects(getRecord(lying as never, { key: mine.key }), ({ name }: Failure) => name === 'Malformed')
  })

  it('has the host stand in for nothing that the space does not hold', async () => {
    const { cid } = leaf()
    await expect(call(bob, 'shelf/keep', { root: cid }), 'ok')
    await expect(call(alice, 'route/provide', { cid }), 'NotHeld')
    assert.deepEqual(done.provided, [])
  })

  it('ends nothing that another space provides', async () => {
    const { cid } = leaf()
    for (const each of [alice, bob]) {
      await expect(call(each, 'shelf/keep', { root: cid }), 'ok')
      await expect(call(each, 'route/provide', { cid }), 'ok')
    }
    await expect(call(bob, 'route/withdraw', { cid }), 'ok')
    assert.deepEqual(done.withdrawn, [])
    await expect(call(bob, 'route/withdraw', { cid }), 'NotFound')
    await expect(call(alice, 'route/withdraw', { cid }), 'ok')
    assert.deepEqual(done.withdrawn, [String(cid)])
  })

  it('lets a space have few searches at a time', async () => {
    said.silent = true
    const bodies = [await find(alice, 60), await find(alice, 60)].map(({ body }) => body)
    await expect(
      find(alice, 60).then(({ result }) => result),
      'RateLimited',
    )
    const others = await find(bob, 60)
    assert.ok(others.body, 'another space is held up')
    await Promise.all([...bodies, others.body].map((body) => body?.cancel()))
    const { body } = await find(alice, 60)
    assert.ok(body, 'who has left still counts')
    await body.cancel()
  })

  it('ends a search that has no end', async () => {
    said.silent = true
    said.peers = [{ peer: 'somebody', addresses: [] }]
    const { body } = await find(alice, 1)
    assert.deepEqual(await all(readPeers(body as ReadableStream<Uint8Array>)), said.peers)
  })

  it('passes on no more than the contract allows of what peers say of themselves', async () => {
    const addresses = ['x'.repeat(513), ...Array.from({ length: 40 }, (_, at) => `/ip4/192.0.2.1/tcp/${at}`)]
    said.peers = [{ peer: 'somebody', addresses }]
    const { body } = await find(alice, 5)
    const found = await all(readPeers(body as ReadableStream<Uint8Array>))
    assert.deepEqual(found, [{ peer: 'somebody', addresses: addresses.slice(1, 33) }])
  })

  it('tells no address of the host on its own network', async () => {
    const id: PeerId = peerIdFromPrivateKey((await generateKeyPair('Ed25519')) as never)
    const multiaddrs = ['/ip4/192.168.1.9/tcp/1', '/ip6/fe80::1/tcp/1', '/ip4/127.0.0.1/tcp/1', '/ip4/8.8.8.8/tcp/1'].map((text) =>
      multiaddr(text),
    )
    const dht = {
      routingTable: { size: 1 },
      async *findPeer() {
        yield { name: 'FINAL_PEER', peer: { id, multiaddrs } }
      },
    } as unknown as KadDHT
    const libp2p = { peerId: peerIdFromPrivateKey((await generateKeyPair('Ed25519')) as never) } as unknown as Libp2p
    const told = async (allowPrivate: boolean) => {
      const routing = dhtRouting({ libp2p, dht, datastore: { delete: () => {} }, allowPrivate })
      return (await routing.findPeer(String(id), { signal: AbortSignal.timeout(5000) }))?.addresses
    }
    assert.deepEqual(await told(false), ['/ip4/8.8.8.8/tcp/1'])
    assert.equal((await told(true))?.length, 4)
  })

  it('ends a search when the host closes', async () => {
    said.silent = true
    const { body } = await find(alice, 60)
    const reading = all(readPeers(body as ReadableStream<Uint8Array>))
    await Promise.all([stage.world.close(), assert.rejects(reading)])
  })
})
