import assert from 'node:assert/strict'
import { createCipheriv } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { dag } from '@symbiosis/capabilities/dag'
import { type Calls, pull, push } from '@symbiosis/capabilities/dag/symbiont'
import type { HeliaEngine } from '@symbiosis/host/helia'
import { Failure, streamFrom, writeCarStream } from '@symbiosis/protocol'
import { all, type Block, blockOf, failure, file, leaf, pbNode, RAW } from '../host/engine/fixtures.ts'
import { stage } from './stage.ts'
import type { Guest, Setup, World, WorldOptions } from './world.ts'

const sizeOf = (blocks: readonly Block[]) => blocks.reduce((sum, { bytes }) => sum + bytes.length, 0)
const each = (blocks: readonly Block[]) =>
  async function* () {
    yield* blocks
  }

/** Blocks of a large file, the same each time and made on the way: leaves first, then their root. */
const largeFile = (leaves: number, size: number) => {
  const leafAt = (index: number): Block => {
    const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.from(index.toString(16).padStart(32, '0'), 'hex'))
    return blockOf(RAW, cipher.update(Buffer.alloc(size)))
  }
  const links = Array.from({ length: leaves }, (_, index) => ({ cid: leafAt(index).cid, bytes: new Uint8Array() }))
  const root = pbNode(links)
  return {
    root,
    bytes: leaves * size + root.bytes.length,
    async *blocks() {
      for (let index = 0; index < leaves; index++) yield leafAt(index)
      yield root
    },
  }
}

setFlagsFromString('--expose-gc')
const collectHeap = runInNewContext('gc') as () => void
/** Bytes that are in use, what only waits to be freed not counted: buffers are freed a moment after the collection. */
const inUse = async (): Promise<number> => {
  collectHeap()
  await setTimeout(5)
  collectHeap()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** The suite of what symbionts do with the dag service: pushing and pulling. */
export const runPushTests = (setup: Setup): void => {
  const worlds: World[] = []
  const world = async (options?: WorldOptions): Promise<World> => {
    const made = await setup(options)
    worlds.push(made)
    return made
  }
  afterEach(async () => {
    await Promise.all(worlds.splice(0).map((made) => made.close()))
  })

  describe('push', () => {
    /** Calls that break imports off after so many bytes, when `arrived` says so. */
    const breaking = (guest: Guest, bytes: number, times: number, arrived = async () => {}): Calls & { sent: number } => {
      const calls: Calls & { sent: number } = {
        sent: 0,
        call: async (service, name, input, options = {}) => {
          if (!options.body) return guest.call(service, name, input, options)
          const source = options.body
          const broken = times-- > 0
          const cut = async function* () {
            let left = bytes
            for await (const chunk of source) {
              calls.sent += chunk.length
              yield chunk
              left -= chunk.length
              if (!broken || left >= 0) continue
              await arrived()
              throw new Failure('Unavailable', 'The connection broke.')
            }
          }
          const { result, ...answer } = await guest.call(service, name, input, { ...options, body: streamFrom(cut()) })
          if (broken && result.error) throw new Failure('Unavailable', 'The connection broke.')
          return { result, ...answer }
        },
      }
      return calls
    }

    it('goes on where it broke off, sending little twice', async () => {
      const host = await world({ dag: { batchBlocks: 4 } })
      const ada = await host.guest()
      const { root, blocks } = file(40, 1000)
      let here = 0
      const calls = breaking(ada, 10_000, 3, async () => {
        const before = here
        while (here < before + 8) here = (await ada.ask(dag, 'status', { root: root.cid })).blocks
      })
      const progress: number[] = []
      const done = await push(calls, { root: root.cid, blocks: each(blocks), retryMs: 1, onProgress: ({ bytes }) => progress.push(bytes) })
      assert.deepEqual(done, { blocks: blocks.length, bytes: sizeOf(blocks), complete: true })
      assert.equal(progress.at(-1), sizeOf(blocks))
      assert.ok(calls.sent < sizeOf(blocks) + 3 * 6_000, `${calls.sent} bytes for ${sizeOf(blocks)}`)
    })

    it('goes on where a revocation cut it, by another lease', async () => {
      const host = await world({ dag: { batchBlocks: 4, imports: 1 }, http: true })
      const ada = await host.guest()
      const { root, blocks } = file(40, 1000)
      const standing = async function* () {
        yield* blocks.slice(0, 10)
        while ((await ada.ask(dag, 'status', { root: root.cid })).blocks < 8) await setTimeout(5)
        await ada.revokeLease('dag')
        await new Promise(() => {})
      }
      const { result } = await ada.call(dag, 'import', { root: root.cid }, { body: writeCarStream([root.cid], standing()) })
      assert.deepEqual([result.error?.name, result.error?.chain], ['Revoked', 'lease'])
      await ada.leaseAgain('dag')
      const kept = await ada.ask(dag, 'status', { root: root.cid })
      assert.deepEqual([kept.blocks, kept.complete], [8, false])
      assert.equal((await ada.used('dag')).bytes, kept.bytes)
      let sent = 0
      const counting: Calls = {
        call: (service, name, input, options = {}) => {
          const count = new TransformStream<Uint8Array, Uint8Array>({
            transform: (chunk, controller) => {
              sent += chunk.length
              controller.enqueue(chunk)
            },
          })
          return ada.call(service, name, input, options.body ? { ...options, body: options.body.pipeThrough(count) } : options)
        },
      }
      assert.equal((await push(counting, { root: root.cid, blocks: each(blocks), retryMs: 1 })).complete, true)
      assert.ok(sent < sizeOf(blocks) - kept.bytes + 5000, `${sent} bytes were sent for what was missing`)
    })

    it('gives up when nothing moves any more', async () => {
      const host = await world()
      const ada = await host.guest()
      const { root, blocks } = file(40, 1000)
      await assert.rejects(push(breaking(ada, 10, 1000), { root: root.cid, blocks: each(blocks), retryMs: 1 }), failure('Unavailable'))
    })

    it('sends everything where another order was skipped by', async () => {
      const host = await world()
      const ada = await host.guest()
      const { root, blocks } = file(10, 1000)
      await stage(ada, root.cid, blocks.slice(0, 5))
      assert.equal((await push(ada, { root: root.cid, blocks: each(blocks.toReversed()) })).complete, true)
    })

    it('sends in segments where a channel cannot stream', async () => {
      const host = await world({ dag: { batchBlocks: 4 } })
      const ada = await host.guest()
      const { root, blocks } = file(40, 1000)
      let imports = 0
      const calls: Calls = {
        call: (service, name, ...rest) => {
          if (name === 'import') imports++
          return ada.call(service, name, ...rest)
        },
      }
      assert.equal((await push(calls, { root: root.cid, blocks: each(blocks), segmentBytes: 10_000 })).complete, true)
      assert.ok(imports >= 5)
    })

    it('tells a refusal as it is, and an error of the blocks own too', async () => {
      const host = await world()
      const ada = await host.guest({ dag: { bytes: 2000 } })
      const { root, blocks } = file(10, 1000)
      await assert.rejects(push(ada, { root: root.cid, blocks: each(blocks) }), failure('LimitExceeded'))
      const unreadable = async function* (): AsyncGenerator<Block> {
        yield blocks[0] as Block
        throw new RangeError('the file went away')
      }
      await assert.rejects(push(ada, { root: root.cid, blocks: unreadable }), RangeError)
    })

    it('stops when it is aborted, and can be taken up', async () => {
      const host = await world({ dag: { batchBlocks: 2 } })
      const ada = await host.guest()
      const { root, blocks } = file(20, 1000)
      const stop = new AbortController()
      const slow = async function* () {
        for (const [index, block] of blocks.entries()) {
          if (index === 10) stop.abort()
          await setTimeout(1)
          yield block
        }
      }
      await assert.rejects(push(ada, { root: root.cid, blocks: slow, signal: stop.signal }), { name: 'AbortError' })
      while ((await ada.ask(dag, 'status', { root: root.cid })).blocks < 4) await setTimeout(5)
      assert.equal((await push(ada, { root: root.cid, blocks: each(blocks) })).complete, true)
    })

    it('holds little of 300 MB in memory, and neither does pulling them', async function () {
      this.timeout(300_000)
      const host = await world()
      const ada = await host.guest()
      const { root, blocks, bytes } = largeFile(1200, 256 * 1024)
      const before = await inUse()
      let most = 0
      const measured = async function* (source: AsyncIterable<Block>) {
        let count = 0
        for await (const block of source) {
          if (count++ % 100 === 0) most = Math.max(most, (await inUse()) - before)
          yield block
        }
      }
      const done = await push(ada, { root: root.cid, blocks: () => measured(blocks()) })
      assert.deepEqual(done, { blocks: 1201, bytes, complete: true })
      assert.ok(most < 24 * 1024 * 1024, `${most} bytes while pushing`)
      most = 0
      let pulled = 0
      for await (const block of measured(pull(ada, { root: root.cid }))) pulled += block.bytes.length
      assert.equal(pulled, bytes)
      assert.ok(most < 24 * 1024 * 1024, `${most} bytes while pulling`)
    })
  })

  describe('pull', () => {
    it('ends where a revocation cuts it, and the walk over the content with it', async () => {
      let walks = 0
      const walking = async function* (walk: AsyncIterable<Block>) {
        walks++
        try {
          yield* walk
        } finally {
          walks--
        }
      }
      const engine = (inner: HeliaEngine): HeliaEngine =>
        Object.assign(Object.create(inner) as HeliaEngine, {
          store: inner.store.bind(inner),
          walk: (...asked: Parameters<HeliaEngine['walk']>) => walking(inner.walk(...asked)),
        })
      const host = await world({ http: true, engine })
      const ada = await host.guest()
      const { root, blocks } = largeFile(40, 1024 * 1024)
      await push(ada, { root: root.cid, blocks })
      const pulled = pull(ada, { root: root.cid })
      assert.equal((await pulled.next()).done, false)
      assert.equal(walks, 1)
      await ada.revokeLease('dag')
      await assert.rejects(all(pulled), failure('Revoked'))
      for (let tries = 0; walks > 0 && tries < 200; tries++) await setTimeout(10)
      assert.equal(walks, 0)
    })

    it('refuses a host that sends too little, too much, or something else', async () => {
      const host = await world()
      const ada = await host.guest()
      const { root, blocks } = file(6, 1000)
      await stage(ada, root.cid, blocks)
      const sending = (sent: readonly Block[]): Calls => ({
        call: async (...args) => ({ ...(await ada.call(...args)), body: writeCarStream([root.cid], each(sent)()) }),
      })
      const bent = { cid: (blocks[1] as Block).cid, bytes: leaf(1000).bytes }
      for (const [sent, code] of [
        [blocks.slice(0, -1), 'Malformed'],
        [[], 'Malformed'],
        [[...blocks, leaf()], 'Malformed'],
        [[root, root], 'Malformed'],
        [[root, bent], 'BadHash'],
      ] as const) {
        await assert.rejects(all(pull(sending(sent), { root: root.cid })), failure(code))
      }
    })

    it('reads no further than its reader does', async () => {
      const host = await world()
      const ada = await host.guest()
      const { root, blocks } = file(100, 1000)
      await stage(ada, root.cid, blocks)
      for await (const block of pull(ada, { root: root.cid })) {
        assert.equal(String(block.cid), String(root.cid))
        break
      }
      const { result, body } = await ada.call(dag, 'export', { root: root.cid })
      assert.ok(result.ok && body)
      await body.cancel()
    })
  })
}
