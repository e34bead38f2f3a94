import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { type DhtOptions, type HeliaEngine, type HeliaOptions, helia } from '@symbiosis/host/helia'
import type { Routing } from '@symbiosis/protocol'
import { addressOf, Network, type Node, PROTOCOL, provideBy, until } from '../../capabilities/network.ts'
import { all, failure, folders, leaf } from './fixtures.ts'

const briefly = () => ({ signal: AbortSignal.timeout(10_000) })

const routingOf = ({ routing }: HeliaEngine): Routing => {
  assert.ok(routing, 'the engine takes part in no network')
  return routing
}

const provide = (engine: HeliaEngine) => routingOf(engine).provide(leaf().cid, briefly())

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

describe('routing of the Helia engine', function () {
  this.timeout(60_000)
  const folder = folders()
  const open: HeliaEngine[] = []
  let network: Network
  before(async () => {
    network = await Network.open(5)
  })
  after(() => network?.close())
  afterEach(async () => {
    await Promise.all(open.splice(0).map((engine) => engine.close()))
  })

  const start = async (dht: Partial<DhtOptions>, options: Partial<HeliaOptions> = {}): Promise<HeliaEngine> => {
    const engine = await helia({
      dir: await folder(),
      allowPrivateOrigins: true,
      dht: { mode: 'client', protocol: PROTOCOL, rejoinMs: 100, ...dht },
      ...options,
    })
    open.push(engine)
    return engine
  }
  const knowsSomebody = (engine: HeliaEngine) =>
    until(async () => {
      try {
        await routingOf(engine).findPeer(engine.peerId, briefly())
        return true
      } catch (reason) {
        return failure('Unavailable')(reason) && false
      }
    })

  it('is there where it was asked for only', async () => {
    const engine = await helia({ dir: await folder() })
    open.push(engine)
    assert.equal(engine.routing, undefined)
  })

  it('refuses a peer to join by that has no name, and opens nothing', async () => {
    const dir = await folder()
    for (const address of ['/ip4/127.0.0.1/tcp/1', 'nonsense', ''])
      await assert.rejects(start({ bootstrap: [address] }, { dir }), failure('InvalidInput', { field: 'bootstrap' }))
    await helia({ dir }).then((engine) => open.push(engine))
  })

  it('joins by a peer that comes later', async () => {
    const late = await network.add(await freePort())
    network.nodes.pop()
    const address = addressOf(late)
    await late.stop()
    const engine = await start({ bootstrap: [address] })
    await assert.rejects(provide(engine), failure('Unavailable'))
    await late.start()
    await knowsSomebody(engine)
    await late.stop()
  })

  it('goes on by the others when the peer that it joined by goes away, and tells who has gone no less', async () => {
    const [entry, provider] = [await network.add(), await network.add()]
    const { cid } = leaf()
    await until(async () => {
      await provideBy(provider, cid)
      return (await network.keepers(cid)).some((node) => node !== entry && node !== provider)
    })
    const engine = await start({ bootstrap: [addressOf(entry)] })
    await knowsSomebody(engine)
    const find = async () => (await all(routingOf(engine).findProviders(cid, briefly()))).map(({ peer }) => peer)
    assert.deepEqual(await find(), [String(provider.peerId)])
    network.nodes.splice(-2)
    await Promise.all([entry.stop(), provider.stop()])
    // What others keep in mind of a provider ends by itself, not with the provider.
    await until(async () => (await find()).includes(String(provider.peerId)))
  })

  it('answers others as a server, and not as a client', async () => {
    const bootstrap = [addressOf(network.nodes[0] as Node)]
    const [server, client] = [await start({ mode: 'server', bootstrap }), await start({ bootstrap })]
    await Promise.all([server, client].map(knowsSomebody))
    const table = async () => {
      const names: string[] = []
      for (const node of network.nodes)
        for (const { id, protocols } of await node.peerStore.all()) if (protocols.includes(PROTOCOL)) names.push(String(id))
      return names
    }
    await until(async () => (await table()).includes(server.peerId))
    assert.equal((await table()).includes(client.peerId), false)
  })

  it('neither dials nor tells of private addresses unless allowed, but for the peers to join by', async () => {
    const engine = await start({ bootstrap: network.nodes.map(addressOf) }, { allowPrivateOrigins: false })
    // Peers with private addresses only are nobody to this network: there's nobody to ask, though they can be dialled.
    await until(() => network.nodes.every((node) => node.getPeers().some((peer) => String(peer) === engine.peerId)))
    await assert.rejects(provide(engine), failure('Unavailable'))
    const other = await start({ bootstrap: [addressOf(network.nodes[0] as Node)] }, { allowPrivateOrigins: false })
    await until(() => (network.nodes[0] as Node).getPeers().some((peer) => String(peer) === other.peerId))
    for (const node of network.nodes.slice(1))
      assert.equal(
        node.getPeers().some((peer) => String(peer) === other.peerId),
        false,
      )
  })

  it('keeps no record any more that was dropped', async () => {
    const dir = await folder()
    const engine = await start({ bootstrap: [addressOf(network.nodes[0] as Node)] }, { dir })
    await knowsSomebody(engine)
    const key = new TextEncoder().encode('/ipns/x')
    await routingOf(engine).putRecord(key, new Uint8Array(5), briefly())
    const kept = () => readdir(join(dir, 'datastore/dht/record')).then(({ length }) => length)
    assert.equal(await kept(), 1)
    await routingOf(engine).dropRecord(key)
    assert.equal(await kept(), 0)
    await routingOf(engine).dropRecord(key)
  })
})
