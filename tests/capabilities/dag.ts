import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { dag } from '@symbiosis/capabilities/dag'
import { pull } from '@symbiosis/capabilities/dag/symbiont'
import { pin } from '@symbiosis/capabilities/pin'
import { Failure, streamFrom, writeCarStream } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import { all, type Block, blockOf, cborNode, failure, file, identityCid, leaf, pbNode, RAW } from '../host/engine/fixtures.ts'
import { stage } from './stage.ts'
import type { Guest, Setup, World, WorldOptions } from './world.ts'

const sizeOf = (blocks: readonly Block[]) => blocks.reduce((sum, { bytes }) => sum + bytes.length, 0)
const each = (blocks: readonly Block[]) =>
  async function* () {
    yield* blocks
  }
/** A batch that's full after two blocks of 1000 bytes. */
const SMALL = { dag: { batchBlocks: 2 } }

/** The suite of the dag service and of what symbionts do with it. */
export const runDagTests = (setup: Setup): void => {
  const worlds: World[] = []
  const world = async (options?: WorldOptions): Promise<World> => {
    const made = await setup(options)
    worlds.push(made)
    return made
  }
  afterEach(async () => {
    await Promise.all(worlds.splice(0).map((made) => made.close()))
  })
  const untilUsed = async (guest: Guest, bytes: number): Promise<void> => {
    while (((await guest.used('dag')).bytes ?? 0) !== bytes) await setTimeout(10)
  }

  it('takes in a DAG and gives it out as it was, depth first', async () => {
    const host = await world()
    const ada = await host.guest()
    const old = file(3, 100)
    const v0 = CID.createV0(old.root.cid.multihash as never)
    const inline = identityCid(RAW, Buffer.from('here'))
    const twice = leaf(1000)
    const root = cborNode({ b: [v0, { x: twice.cid }], a: twice.cid, inline, text: 'x'.repeat(300), big: 2 ** 40, float: 1.5, none: null })
    const blocks = [root, ...old.blocks, twice]
    const { root: answered, ...progress } = await stage(ada, root.cid, blocks)
    assert.equal(String(answered), String(root.cid))
    assert.deepEqual(progress, { blocks: blocks.length, bytes: sizeOf(blocks), complete: true })
    assert.deepEqual(await ada.ask(dag, 'status', { root: root.cid }), { blocks: blocks.length, bytes: sizeOf(blocks), complete: true })
    const pulled = await all(pull(ada, { root: root.cid }))
    assert.equal(String(pulled[0]?.cid), String(root.cid))
    assert.equal(sizeOf(pulled), sizeOf(blocks))
    for (const { cid, bytes } of pulled) {
      assert.ok(
        blocks.some(
          (block) => Buffer.compare(block.bytes, bytes) === 0 && Buffer.compare(block.cid.multihash.bytes, cid.multihash.bytes) === 0,
        ),
      )
    }
  })

  it('tells how much is here, and counts repeated blocks once', async () => {
    const host = await world()
    const ada = await host.guest()
    const { root, blocks } = file(10, 1000)
    const part = [...blocks.slice(0, 4), ...blocks.slice(0, 4)]
    assert.deepEqual(await ada.ask(dag, 'status', { root: root.cid }), { blocks: 0, bytes: 0, complete: false })
    const first = await stage(ada, root.cid, part)
    assert.deepEqual([first.blocks, first.bytes, first.complete], [4, sizeOf(blocks.slice(0, 4)), false])
    assert.equal((await stage(ada, root.cid, blocks)).complete, true)
    assert.equal((await ada.used('dag')).bytes, sizeOf(blocks))
  })

  it('refuses a bent block, and records nothing of its batch', async () => {
    const host = await world(SMALL)
    const ada = await host.guest()
    const { root, blocks } = file(6, 1000)
    const bent = blocks.map((block, index) => {
      if (index !== 3) return block
      const bytes = block.bytes.slice()
      bytes[500] = (bytes[500] as number) ^ 1
      return { cid: block.cid, bytes }
    })
    await assert.rejects(stage(ada, root.cid, bent), failure('BadHash', { link: String((blocks[3] as Block).cid) }))
    const status = await ada.ask(dag, 'status', { root: root.cid })
    assert.deepEqual([status.blocks, status.bytes], [2, sizeOf(blocks.slice(0, 2))])
    assert.equal((await ada.used('dag')).bytes, status.bytes)
    assert.equal(await host.has((blocks[2] as Block).cid), false)
    assert.equal(await host.has((blocks[3] as Block).cid), false)
  })

  it('refuses a stream that is no CAR, ends early or is too large, and keeps what came before', async () => {
    const host = await world({ dag: { batchBlocks: 2, maxBlockBytes: 1000, maxBlocks: 5 } })
    const ada = await host.guest()
    const { root, blocks } = file(4, 1000)
    const car = Buffer.concat(await all(writeCarStream([root.cid], each(blocks)())))
    const send = (bytes: Uint8Array) => ada.ask(dag, 'import', { root: root.cid }, { body: streamFrom(each([bytes] as never)() as never) })
    await assert.rejects(send(car.subarray(0, car.length - 10)), failure('Malformed'))
    assert.equal((await ada.ask(dag, 'status', { root: root.cid })).blocks, 4)
    await assert.rejects(send(new Uint8Array(0)), failure('Malformed'))
    await assert.rejects(send(Buffer.from('GET / HTTP/1.1')), (reason: Error) =>
      ['Malformed', 'NotCanonical', 'TooLarge'].includes(reason.name),
    )
    const large = leaf(1001)
    await assert.rejects(stage(ada, large.cid, [large]), failure('TooLarge', { field: 'block', limit: 1000 }))
    const many = file(6, 10)
    await assert.rejects(stage(ada, many.root.cid, many.blocks), failure('TooLarge', { field: 'blocks', limit: 5 }))
    await assert.rejects(stage(ada, many.root.cid, many.blocks.toReversed()), failure('TooLarge', { field: 'blocks', limit: 5 }))
  })

  it('says why a whole import still is no DAG', async () => {
    const host = await world()
    const ada = await host.guest()
    const strange = blockOf(0x72, Buffer.from('strange'))
    const root = pbNode([strange])
    await assert.rejects(stage(ada, root.cid, [root, strange]), failure('Unsupported', { link: String(strange.cid) }))
  })

  it('refuses what exceeds the limit to the byte, and keeps what fits for going on', async () => {
    const host = await world({ dag: { batchBlocks: 1 } })
    const { root, blocks } = file(6, 1000)
    const ada = await host.guest({ dag: { bytes: sizeOf(blocks) - 1 } })
    await assert.rejects(stage(ada, root.cid, blocks), failure('LimitExceeded', { field: 'bytes' }))
    const here = blocks.slice(0, -1)
    assert.deepEqual(await ada.ask(dag, 'status', { root: root.cid }), { blocks: here.length, bytes: sizeOf(here), complete: false })
    assert.deepEqual(await ada.used('dag'), { bytes: sizeOf(here) })
    const bob = await host.guest({ dag: { bytes: sizeOf(blocks) } })
    assert.equal((await stage(bob, root.cid, blocks)).complete, true)
  })

  it('gives back what it reserved for a batch that the engine could not keep', async () => {
    let full = false
    const host = await world({
      dag: { batchBlocks: 2 },
      engine: (engine) =>
        Object.assign(Object.create(engine), {
          store: (...args: Parameters<typeof engine.store>) =>
            full ? Promise.reject(new Failure('Unavailable', 'The disk is full.')) : engine.store(...args),
        }),
    })
    const ada = await host.guest()
    const { root, blocks } = file(6, 1000)
    await stage(ada, root.cid, blocks.slice(0, 2))
    full = true
    await assert.rejects(stage(ada, root.cid, blocks), failure('Unavailable'))
    assert.deepEqual(await ada.used('dag'), { bytes: sizeOf(blocks.slice(0, 2)) })
    const other = file(6, 1000)
    await assert.rejects(stage(ada, other.root.cid, other.blocks), failure('Unavailable'))
    assert.deepEqual(await ada.used('dag'), { bytes: sizeOf(blocks.slice(0, 2)) })
    full = false
    assert.equal((await stage(ada, root.cid, blocks)).complete, true)
  })

  it('stays within the limit to the byte under many imports at once', async () => {
    const host = await world({ dag: { batchBlocks: 1, importsPerSpace: 64 } })
    const leaves = Array.from({ length: 60 }, () => leaf(1000))
    const ada = await host.guest({ dag: { bytes: 17_500 } })
    const results = await Promise.allSettled(leaves.map((block) => stage(ada, block.cid, [block])))
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 17)
    assert.deepEqual(await ada.used('dag'), { bytes: 17_000 })
  })

  it('gives the bytes back when the space comes to hold the root, and keeps the blocks until then', async () => {
    const host = await world()
    const ada = await host.guest()
    const { root, blocks } = file(6, 1000)
    await stage(ada, root.cid, blocks.slice(1))
    await host.collect()
    await stage(ada, root.cid, blocks)
    assert.equal((await host.collect()).removed, 0)
    assert.equal((await ada.ask(pin, 'add', { root: root.cid })).status, 'pinned')
    assert.deepEqual(await ada.used('dag'), { bytes: 0 })
    assert.deepEqual(await ada.ask(dag, 'status', { root: root.cid }), { blocks: 0, bytes: 0, complete: true })
    assert.equal((await host.collect()).removed, 0)
    assert.equal((await all(pull(ada, { root: root.cid }))).length, blocks.length)
    await stage(ada, root.cid, blocks)
    assert.deepEqual(await ada.used('dag'), { bytes: 0 })
    await ada.ask(pin, 'remove', { root: root.cid })
    assert.equal((await host.collect()).removed, blocks.length)
  })

  it('lets go of what was left lying, after a restart too', async () => {
    const host = await world()
    const ada = await host.guest()
    const { root, blocks } = file(6, 1000)
    await stage(ada, root.cid, blocks)
    await host.restart({ dag: { keepFor: 1, sweepEveryMs: 50 } })
    await untilUsed(ada, 0)
    assert.deepEqual(await ada.ask(dag, 'status', { root: root.cid }), { blocks: 0, bytes: 0, complete: false })
    assert.equal((await host.collect()).removed, blocks.length)
  })

  it('has an import over a restart', async () => {
    const host = await world(SMALL)
    const ada = await host.guest()
    const { root, blocks } = file(6, 1000)
    await stage(ada, root.cid, blocks.slice(0, 4))
    await host.restart()
    assert.equal((await ada.ask(dag, 'status', { root: root.cid })).blocks, 4)
    await host.collect()
    assert.equal((await stage(ada, root.cid, blocks.slice(4))).complete, true)
  })

  it('gives nothing for knowing a CID: not the content of another space, nor whether it is there', async () => {
    const host = await world()
    const [ada, mallory] = [await host.guest(), await host.guest()]
    const { root, blocks } = file(6, 1000)
    await stage(ada, root.cid, blocks)
    await ada.ask(pin, 'add', { root: root.cid })
    const staged = file(6, 1000)
    await stage(ada, staged.root.cid, staged.blocks)
    const answers = await Promise.all(
      [root.cid, staged.root.cid, leaf().cid].map(async (cid) => {
        const { result } = await mallory.call(dag, 'export', { root: cid })
        return JSON.stringify([result.error, await mallory.ask(dag, 'status', { root: cid })]).replaceAll(/baf\w+(…\w+)?/g, 'CID')
      }),
    )
    assert.match(answers[0] as string, /"NotFound"/)
    assert.deepEqual(new Set(answers).size, 1)
    // Nor by pushing no block, or the root alone, where the rest is here already.
    for (const part of [[], blocks.slice(0, 1)]) {
      assert.equal((await stage(mallory, root.cid, part)).complete, false)
      await assert.rejects(all(pull(mallory, { root: root.cid })), failure('NotFound'))
    }
  })

  it('lets a later import of the same root take over, and loses nothing', async () => {
    const host = await world(SMALL)
    const ada = await host.guest()
    const { root, blocks } = file(6, 1000)
    async function* stalling(): AsyncGenerator<Block> {
      yield* blocks.slice(0, 4)
      await new Promise(() => {})
    }
    const first = stage(ada, root.cid, stalling())
    while ((await ada.ask(dag, 'status', { root: root.cid })).blocks < 4) await setTimeout(5)
    const second = stage(ada, root.cid, blocks.slice(4))
    await assert.rejects(first, failure('Cancelled'))
    assert.equal((await second).complete, true)
  })

  it('bounds how many imports a space has under way', async () => {
    const host = await world({ dag: { importsPerSpace: 2 } })
    const [ada, bob] = [await host.guest(), await host.guest()]
    const stop = new AbortController()
    const stalled = Array.from({ length: 2 }, () => {
      const root = leaf().cid
      return ada.ask(dag, 'import', { root }, { body: new ReadableStream(), signal: stop.signal })
    })
    await setTimeout(100)
    const block = leaf()
    await assert.rejects(stage(ada, block.cid, [block]), failure('RateLimited', { retryAfter: 1 }))
    assert.equal((await stage(bob, block.cid, [block])).complete, true)
    stop.abort()
    await Promise.allSettled(stalled)
    // It may take the host a moment to see that they are gone.
    const again = () => stage(ada, block.cid, [block]).catch((reason: Error) => reason)
    let answer = await again()
    while (answer instanceof Error && answer.name === 'RateLimited') answer = await again()
    assert.ok(!(answer instanceof Error) && answer.complete)
  })
}
