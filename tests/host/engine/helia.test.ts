import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs/promises'
import net from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { blockKey } from '../../../host/engine/blocks.ts'
import { type HeliaEngine, type HeliaOptions, helia } from '../../../host/engine/helia.ts'
import { all, type Block, blockOf, cborNode, failure, file, folders, identityCid, leaf, RAW } from './fixtures.ts'

const forever = (): AbortSignal => new AbortController().signal
const recorded = async (): Promise<void> => {}

describe('Helia engine', function () {
  this.timeout(30_000)
  const folder = folders()
  const open: HeliaEngine[] = []
  const start = async (options: Partial<HeliaOptions> = {}): Promise<HeliaEngine> => {
    const engine = await helia({ dir: await folder(), allowPrivateOrigins: true, ...options })
    open.push(engine)
    return engine
  }
  afterEach(async () => {
    await Promise.all(open.splice(0).map((engine) => engine.close()))
  })
  /** Opens a port that takes connections and says nothing. */
  const silence = async (): Promise<{ origin: string; close(): Promise<void> }> => {
    const sockets = new Set<net.Socket>()
    const server = net.createServer((socket) => void sockets.add(socket))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as net.AddressInfo
    return {
      origin: `/ip4/127.0.0.1/tcp/${port}/p2p/12D3KooWAFe5duQRnKcQeHK2cJeqZq1eXDbuqrv8hvhKYFM2dpmt`,
      close: async () => {
        for (const socket of sockets) socket.destroy()
        await new Promise((resolve) => server.close(resolve))
      },
    }
  }

  it('listens on loopback only by default, over TCP and WebSocket', async () => {
    const engine = await start()
    assert.equal(engine.multiaddrs.length, 2)
    for (const address of engine.multiaddrs)
      assert.match(address, new RegExp(`^/ip4/127\\.0\\.0\\.1/tcp/[0-9]+(/ws)?/p2p/${engine.peerId}$`))
  })

  it('keeps its peer id and blocks over a restart, and its key to itself', async () => {
    const dir = await folder()
    const { root, blocks } = file(3, 100)
    const first = await helia({ dir })
    await first.store(blocks, recorded)
    await first.close()
    assert.equal((await fs.stat(join(dir, 'peer.key'))).mode & 0o777, 0o600)
    const second = await start({ dir })
    assert.equal(second.peerId, first.peerId)
    assert.deepEqual(second.stats(), first.stats())
    assert.equal((await all(second.walk(root.cid))).length, 4)
  })

  it('stores before it records, and records nothing when a block is wrong', async () => {
    const engine = await start()
    const { root, blocks } = file(3, 100)
    await engine.store(blocks, async () => {
      assert.equal((await all(engine.walk(root.cid))).length, 4)
    })
    let called = false
    const wrong = { cid: leaf().cid, bytes: leaf().bytes }
    const record = async (): Promise<void> => {
      called = true
    }
    await assert.rejects(engine.store([leaf(), wrong], record), failure('BadHash', { link: wrong.cid.toString() }))
    assert.equal(called, false)
  })

  for (const [way, pick] of [
    ['TCP', 0],
    ['WebSocket', 1],
  ] as const) {
    it(`fetches a DAG over bitswap by ${way}, durably, and reports it`, async () => {
      const [source, sink] = await Promise.all([start(), start()])
      const { root, blocks } = file(40, 10_000, 7)
      await source.store(blocks, recorded)
      const admitted: number[] = []
      const options = { signal: forever(), origins: [source.multiaddrs[pick] as string], admit: (size: number) => void admitted.push(size) }
      const fetched = await all(sink.fetch(root.cid, options))
      assert.deepEqual(fetched.map(({ cid }) => blockKey(cid)).sort(), blocks.map(({ cid }) => blockKey(cid)).sort())
      assert.deepEqual(fetched.map(({ pending }) => pending === 0).indexOf(true), blocks.length - 1)
      const bytes = blocks.reduce((sum, block) => sum + block.bytes.length, 0)
      assert.equal(
        fetched.reduce((sum, { size }) => sum + size, 0),
        bytes,
      )
      assert.equal(
        admitted.reduce((sum, size) => sum + size, 0),
        bytes,
      )
      assert.equal(admitted.length, blocks.length)
      assert.deepEqual(sink.stats(), { blocks: blocks.length, bytes })
      for (const { cid, bytes } of await all(sink.walk(root.cid)))
        assert.ok(blocks.some((block) => block.cid.equals(cid) && Buffer.compare(block.bytes, bytes) === 0))
    })
  }

  it('fetches dag-cbor, sha2-512, identity links, and blocks of 2 MiB', async () => {
    const [source, sink] = await Promise.all([start(), start()])
    const large = leaf(2 ** 21)
    const long = blockOf(RAW, randomBytes(100), 'sha512')
    const root = cborNode({ large: large.cid, long: long.cid, inline: identityCid(RAW, Buffer.from('hi')) })
    await source.store([large, long, root], recorded)
    const fetched = await all(sink.fetch(root.cid, { signal: forever(), origins: source.multiaddrs, admit() {} }))
    assert.equal(fetched.length, 3)
    assert.equal(fetched.at(-1)?.pending, 0)
  })

  it('finds what is here without asking anyone', async () => {
    const engine = await start()
    const { root, blocks } = file(20, 100, 5)
    await engine.store(blocks, recorded)
    const origins = ['/ip4/127.0.0.1/tcp/9/p2p/12D3KooWAFe5duQRnKcQeHK2cJeqZq1eXDbuqrv8hvhKYFM2dpmt']
    assert.equal((await all(engine.fetch(root.cid, { signal: forever(), origins, admit() {} }))).length, blocks.length)
  })

  it('fetches a damaged block again', async () => {
    const dir = await folder()
    const [source, sink] = await Promise.all([start(), start({ dir })])
    const { root, blocks } = file(3, 100)
    await Promise.all([source, sink].map((engine) => engine.store(blocks, recorded)))
    const key = blockKey(root.cid)
    await fs.writeFile(join(dir, 'blocks', key.slice(-2), key), 'damaged')
    await assert.rejects(all(sink.walk(root.cid)), failure('BadHash'))
    await all(sink.fetch(root.cid, { signal: forever(), origins: source.multiaddrs, admit() {} }))
    assert.equal((await all(sink.walk(root.cid))).length, 4)
  })

  it('serves two fetches of one DAG at once, even when one is aborted', async () => {
    const [source, sink] = await Promise.all([start(), start()])
    const { root, blocks } = file(60, 5000, 20)
    await source.store(blocks, recorded)
    const controller = new AbortController()
    const origins = source.multiaddrs
    const aborted = all(sink.fetch(root.cid, { signal: controller.signal, origins, admit: () => controller.abort() }))
    const whole = all(sink.fetch(root.cid, { signal: forever(), origins, admit() {} }))
    await assert.rejects(aborted, { name: 'AbortError' })
    assert.equal((await whole).length, blocks.length)
  })

  it('stops at the quota before it writes the block', async () => {
    const [source, sink] = await Promise.all([start(), start()])
    const { root, blocks } = file(10, 1000)
    await source.store(blocks, recorded)
    let left = 3000
    const over = new Error('over quota')
    const admit = (size: number): void => {
      left -= size
      if (left < 0) throw over
    }
    await assert.rejects(all(sink.fetch(root.cid, { signal: forever(), origins: source.multiaddrs, admit })), over)
    assert.ok(sink.stats().bytes <= 3000)
  })

  it('says so when an origin is absent', async () => {
    const engine = await start()
    const origins = ['/ip4/127.0.0.1/tcp/9/p2p/12D3KooWAFe5duQRnKcQeHK2cJeqZq1eXDbuqrv8hvhKYFM2dpmt']
    await assert.rejects(all(engine.fetch(leaf().cid, { signal: forever(), origins, admit() {} })), failure('Unavailable'))
  })

  it('uses the origins that are there when others are not', async () => {
    const [source, sink] = await Promise.all([start(), start()])
    const { root, blocks } = file(10, 100)
    await source.store(blocks, recorded)
    const { origin, close } = await silence()
    try {
      const origins = ['/ip4/127.0.0.1/tcp/9/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN', origin, ...source.multiaddrs]
      assert.equal((await all(sink.fetch(root.cid, { signal: forever(), origins, admit() {} }))).length, 11)
    } finally {
      await close()
    }
  })

  it('gives up on an origin that takes the connection and says nothing', async () => {
    const engine = await start({ dialMs: 300 })
    const { origin, close } = await silence()
    try {
      await assert.rejects(all(engine.fetch(leaf().cid, { signal: forever(), origins: [origin], admit() {} })), failure('Unavailable'))
    } finally {
      await close()
    }
  })

  it('gives up when the origin lacks a block, naming it, and stops at once when told to', async () => {
    const [source, sink] = await Promise.all([start(), start({ stallMs: 600, retryMs: 200 })])
    const { root, blocks } = file(5, 100)
    const missing = blocks.pop() as Block
    await source.store(blocks, recorded)
    const options = { origins: source.multiaddrs, admit() {} }
    await assert.rejects(
      all(sink.fetch(root.cid, { ...options, signal: forever() })),
      failure('Unavailable', { link: missing.cid.toString() }),
    )
    const controller = new AbortController()
    const fetching = all(sink.fetch(root.cid, { ...options, signal: controller.signal }))
    await setTimeout(100)
    const told = performance.now()
    controller.abort()
    await assert.rejects(fetching, { name: 'AbortError' })
    assert.ok(performance.now() - told < 200)
  })

  it('goes on when the missing block comes to the origin later', async () => {
    const [source, sink] = await Promise.all([start(), start({ retryMs: 200 })])
    const { root, blocks } = file(5, 100)
    const last = blocks.pop() as Block
    await source.store(blocks, recorded)
    const fetching = all(sink.fetch(root.cid, { signal: forever(), origins: source.multiaddrs, admit() {} }))
    await setTimeout(300)
    await source.store([last], recorded)
    assert.equal((await fetching).length, 6)
  })

  it('refuses private origins unless told otherwise', async () => {
    const [source, sink] = await Promise.all([start(), start({ allowPrivateOrigins: false })])
    for (const origin of source.multiaddrs) {
      await assert.rejects(
        all(sink.fetch(leaf().cid, { signal: forever(), origins: [origin], admit() {} })),
        failure('InvalidInput', { field: 'origins' }),
      )
    }
  })

  it('collects beside its own fetches', async () => {
    const [source, sink] = await Promise.all([start(), start()])
    const { root, blocks } = file(60, 2000, 6)
    await source.store(blocks, recorded)
    await sink.store(file(5, 100).blocks, recorded)
    let fetching = true
    const fetched = all(sink.fetch(root.cid, { signal: forever(), origins: source.multiaddrs, admit() {} })).finally(() => {
      fetching = false
    })
    while (fetching) {
      await sink.collect(async function* () {
        if (!fetching) yield { cid: root.cid, deep: true }
      })
    }
    await fetched
    assert.ok(sink.stats().blocks <= blocks.length)
  })
})
