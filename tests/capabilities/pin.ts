import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { type PinStatus, pin, readStatuses } from '@symbiosis/capabilities/pin'
import { CID } from 'multiformats/cid'
import { all, type Block, failure, file, leaf, pbNode } from '../host/engine/fixtures.ts'
import { stage } from './stage.ts'
import type { Guest, Setup, World, WorldOptions } from './world.ts'

const sizeOf = (blocks: readonly Block[]) => blocks.reduce((sum, { bytes }) => sum + bytes.length, 0)

/** The suite of the pin service. */
export const runPinTests = (setup: Setup): void => {
  const worlds: World[] = []
  const world = async (options?: WorldOptions): Promise<World> => {
    const made = await setup(options)
    worlds.push(made)
    return made
  }
  afterEach(async () => {
    await Promise.all(worlds.splice(0).map((each) => each.close()))
  })
  const until = async (guest: Guest, root: CID, ready: (status: PinStatus) => boolean): Promise<PinStatus> => {
    for (;;) {
      const status = await guest.ask(pin, 'status', { root })
      if (ready(status)) return status
      await setTimeout(10)
    }
  }

  it('answers pinned, with the bytes counted, when everything is here', async () => {
    const host = await world()
    const ada = await host.guest()
    const { root, blocks } = file(20, 1000, 6)
    await stage(ada, root.cid, blocks)
    const status = await ada.ask(pin, 'add', { root: root.cid, name: 'holiday' })
    assert.equal(status.status, 'pinned')
    assert.equal(status.bytes, sizeOf(blocks))
    assert.equal(status.blocks, blocks.length)
    assert.equal(status.name, 'holiday')
    assert.equal('deadline' in status, false)
    assert.deepEqual(await ada.used('pin'), { pins: 1, bytes: sizeOf(blocks) })
    assert.deepEqual(await ada.ask(pin, 'status', { root: root.cid }), status)
  })

  it('counts a block once that stands in a DAG many times', async () => {
    const host = await world()
    const ada = await host.guest()
    const shared = leaf(5000)
    const root = pbNode([shared, pbNode([shared, shared]), shared])
    const blocks = [root, pbNode([shared, shared]), shared]
    await stage(ada, root.cid, blocks)
    assert.equal((await ada.ask(pin, 'add', { root: root.cid })).bytes, sizeOf(blocks))
    assert.equal((await ada.used('pin')).bytes, sizeOf(blocks))
  })

  it('answers a second add as it is, with the new name, and counts nothing more', async () => {
    const host = await world()
    const ada = await host.guest()
    const { root, blocks } = file(3, 100)
    await stage(ada, root.cid, blocks)
    const first = await ada.ask(pin, 'add', { root: root.cid })
    const again = await Promise.all(['b', 'b'].map((name) => ada.ask(pin, 'add', { root: root.cid, name })))
    assert.deepEqual(again, [
      { ...first, name: 'b' },
      { ...first, name: 'b' },
    ])
    assert.deepEqual(await ada.ask(pin, 'add', { root: root.cid }), { ...first, name: 'b' })
    assert.deepEqual(await ada.used('pin'), { pins: 1, bytes: sizeOf(blocks) })
  })

  it('knows a CID of version 0 by version 1', async () => {
    const host = await world()
    const ada = await host.guest()
    const { root, blocks } = file(3, 100)
    await stage(ada, root.cid, blocks)
    const old = CID.createV0(root.cid.multihash as never)
    assert.equal(String((await ada.ask(pin, 'add', { root: old })).root), String(root.cid))
    await ada.ask(pin, 'remove', { root: old })
    await assert.rejects(ada.ask(pin, 'status', { root: root.cid }), failure('NotFound'))
  })

  it('fetches from an origin, and tells each state of it to who watches', async () => {
    const host = await world({ pin: { answerWithinMs: 0, watchEveryMs: 1 } })
    const ada = await host.guest()
    const { root, blocks } = file(200, 2000, 20)
    const origins = await host.origin(blocks)
    const begun = await ada.ask(pin, 'add', { root: root.cid, origins })
    assert.ok(begun.status === 'queued' || begun.status === 'fetching')
    assert.ok((begun.deadline ?? 0) > begun.created)
    const { body } = await ada.call(pin, 'watch', { root: root.cid })
    const states = await all(readStatuses(body as ReadableStream<Uint8Array>))
    const last = states.at(-1) as PinStatus
    assert.equal(last.status, 'pinned')
    assert.equal(last.bytes, sizeOf(blocks))
    assert.ok(states.every(({ blocks: count }, index) => index === 0 || count >= (states[index - 1] as PinStatus).blocks))
    assert.equal((await ada.used('pin')).bytes, sizeOf(blocks))
    const { body: again } = await ada.call(pin, 'watch', { root: root.cid })
    assert.deepEqual(await all(readStatuses(again as ReadableStream<Uint8Array>)), [last])
  })

  it('gives up at the deadline, says why, and gives the bytes back; another add tries anew', async () => {
    const host = await world({ pin: { answerWithinMs: 100, deadline: 1, retryMs: 100 } })
    const ada = await host.guest()
    const { root, blocks } = file(10, 1000)
    const some = await host.origin(blocks.slice(0, 5))
    await ada.ask(pin, 'add', { root: root.cid, origins: some })
    const failed = await until(ada, root.cid, ({ status }) => status === 'failed')
    assert.equal(failed.reason, 'Timeout')
    assert.ok(failed.message)
    assert.deepEqual(await ada.used('pin'), { pins: 1, bytes: 0 })
    await host.collect()
    assert.equal(await host.has((blocks[1] as Block).cid), false)
    const origins = await host.origin(blocks)
    await ada.ask(pin, 'add', { root: root.cid, origins })
    const pinned = await until(ada, root.cid, ({ status }) => status === 'pinned' || status === 'failed')
    assert.equal(pinned.status, 'pinned')
    assert.equal(pinned.reason, undefined)
    assert.deepEqual(await ada.used('pin'), { pins: 1, bytes: sizeOf(blocks) })
  })

  it('tries again where nobody could be reached, and goes on as soon as origins are named', async () => {
    const host = await world({ pin: { answerWithinMs: 0, retryMs: 60_000 } })
    const ada = await host.guest()
    const { root, blocks } = file(3, 100)
    const nobody = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWAFe5duQRnKcQeHK2cJeqZq1eXDbuqrv8hvhKYFM2dpmt'
    await ada.ask(pin, 'add', { root: root.cid, origins: [nobody] })
    assert.equal((await until(ada, root.cid, ({ message }) => message !== undefined)).status, 'queued')
    await ada.ask(pin, 'add', { root: root.cid, origins: await host.origin(blocks) })
    await until(ada, root.cid, ({ status }) => status === 'pinned')
  })

  it('refuses origins that it does not dial, and keeps nothing of the call', async () => {
    const host = await world()
    const ada = await host.guest()
    const { root } = file(3, 100)
    await assert.rejects(ada.ask(pin, 'add', { root: root.cid, origins: ['/dns4/example.com/tcp/1'] }), failure('InvalidInput'))
    await assert.rejects(ada.ask(pin, 'status', { root: root.cid }), failure('NotFound'))
    assert.deepEqual(await ada.used('pin'), { pins: 0 })
  })

  it('refuses one byte too many, leaves nothing behind, and takes what fits to the byte', async () => {
    const host = await world()
    const { root, blocks } = file(30, 999, 8)
    const poor = await host.guest({ pin: { bytes: sizeOf(blocks) - 1 } })
    await stage(poor, root.cid, blocks)
    await assert.rejects(poor.ask(pin, 'add', { root: root.cid }), failure('LimitExceeded', { field: 'bytes', limit: sizeOf(blocks) - 1 }))
    await assert.rejects(poor.ask(pin, 'status', { root: root.cid }), failure('NotFound'))
    assert.deepEqual(await poor.used('pin'), { pins: 0, bytes: 0 })
    const ada = await host.guest({ pin: { bytes: sizeOf(blocks), pins: 1 } })
    assert.equal((await ada.ask(pin, 'add', { root: root.cid })).status, 'pinned')
    await assert.rejects(ada.ask(pin, 'add', { root: leaf().cid }), failure('LimitExceeded', { field: 'pins' }))
  })

  it('fails with LimitExceeded when that shows after the answer', async () => {
    const host = await world({ pin: { answerWithinMs: 0 } })
    const ada = await host.guest({ pin: { bytes: 5000 } })
    const { root, blocks } = file(10, 1000)
    await ada.ask(pin, 'add', { root: root.cid, origins: await host.origin(blocks) })
    const { reason } = await until(ada, root.cid, ({ status }) => status === 'failed')
    assert.equal(reason, 'LimitExceeded')
    assert.deepEqual(await ada.used('pin'), { pins: 1, bytes: 0 })
  })

  it('stays within the limit to the byte under 200 adds at once, and wastes none of it', async () => {
    const host = await world({ pin: { answerWithinMs: 30_000 } })
    const fit = 37
    const files = Array.from({ length: 200 }, () => file(4, 1000))
    const size = sizeOf((files[0] as (typeof files)[0]).blocks)
    const ada = await host.guest({ pin: { bytes: fit * size + 5 } })
    for (const { root, blocks } of files) await stage(ada, root.cid, blocks)
    let most = 0
    const watching = setInterval(async () => {
      most = Math.max(most, (await ada.used('pin')).bytes ?? 0)
    }, 1)
    const results = await Promise.allSettled(files.map(({ root }) => ada.ask(pin, 'add', { root: root.cid })))
    clearInterval(watching)
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, fit)
    for (const result of results) if (result.status === 'rejected') failure('LimitExceeded')(result.reason)
    assert.deepEqual(await ada.used('pin'), { pins: fit, bytes: fit * size })
    assert.ok(most <= fit * size + 5)
    assert.equal((await ada.ask(pin, 'list', { limit: 1000 })).pins.length, fit)
  })

  it('tells nobody of another space whether a pin is there', async () => {
    const host = await world({ pin: { answerWithinMs: 50 } })
    const ada = await host.guest()
    const mallory = await host.guest()
    const { root, blocks } = file(3, 100)
    await stage(ada, root.cid, blocks)
    await ada.ask(pin, 'add', { root: root.cid })
    const nowhere = leaf().cid
    for (const name of ['status', 'watch', 'remove'] as const) {
      const answers = await Promise.all([root.cid, nowhere].map(async (cid) => (await mallory.call(pin, name, { root: cid })).result.error))
      const [foreign, missing] = answers.map((error) => JSON.stringify(error).replaceAll(/baf\w+(…\w+)?/g, 'CID'))
      assert.equal(foreign, missing)
      assert.equal(answers[0]?.name, 'NotFound')
    }
    assert.deepEqual(await mallory.ask(pin, 'list', {}), { pins: [] })
    assert.equal((await ada.ask(pin, 'status', { root: root.cid })).status, 'pinned')
  })

  it('keeps for one space what another removes', async () => {
    const host = await world()
    const [ada, bob] = [await host.guest(), await host.guest()]
    const shared = file(10, 1000)
    const alone = file(10, 1000)
    for (const { root, blocks } of [shared, alone]) {
      await stage(ada, root.cid, blocks)
      await ada.ask(pin, 'add', { root: root.cid })
    }
    await bob.ask(pin, 'add', { root: shared.root.cid })
    for (const { root } of [shared, alone]) await ada.ask(pin, 'remove', { root: root.cid })
    assert.deepEqual(await ada.used('pin'), { pins: 0, bytes: 0 })
    assert.equal((await host.collect()).removed, alone.blocks.length)
    for (const { cid } of shared.blocks) assert.equal(await host.has(cid), true)
    assert.equal((await bob.ask(pin, 'status', { root: shared.root.cid })).status, 'pinned')
    await bob.ask(pin, 'remove', { root: shared.root.cid })
    assert.equal((await host.collect()).removed, shared.blocks.length)
  })

  it('tells who watches a pin that their lease is revoked', async () => {
    const host = await world({ pin: { answerWithinMs: 0, retryMs: 60_000 } })
    const ada = await host.guest()
    const { root } = file(10, 1000)
    await ada.ask(pin, 'add', { root: root.cid })
    const { body } = await ada.call(pin, 'watch', { root: root.cid })
    const end = assert.rejects(all(readStatuses(body as ReadableStream<Uint8Array>)), failure('Revoked'))
    await ada.revokeLease('pin')
    await end
  })

  it('stops a fetch that is removed, and gives back what it reserved', async () => {
    const host = await world({ pin: { answerWithinMs: 0 } })
    const ada = await host.guest()
    const { root, blocks } = file(10, 1000)
    await ada.ask(pin, 'add', { root: root.cid, origins: await host.origin(blocks.slice(0, 8)) })
    await until(ada, root.cid, ({ blocks: count }) => count >= 8)
    const { body } = await ada.call(pin, 'watch', { root: root.cid })
    await ada.ask(pin, 'remove', { root: root.cid })
    const seen = await all(readStatuses(body as ReadableStream<Uint8Array>))
    assert.ok(seen.every(({ status }) => status !== 'pinned'))
    await assert.rejects(ada.ask(pin, 'status', { root: root.cid }), failure('NotFound'))
    assert.deepEqual(await ada.used('pin'), { pins: 0, bytes: 0 })
    await host.collect()
    assert.equal(await host.has((blocks[9] as Block).cid), false)
  })

  it('ends as if adds and removes of one pin had come one after the other', async () => {
    const host = await world()
    const ada = await host.guest()
    const { root, blocks } = file(4, 1000)
    await stage(ada, root.cid, blocks)
    const calls = Array.from({ length: 40 }, (_, index) =>
      index % 2 ? ada.ask(pin, 'remove', { root: root.cid }) : ada.ask(pin, 'add', { root: root.cid }),
    )
    for (const result of await Promise.allSettled(calls)) {
      if (result.status === 'rejected') assert.match(result.reason.name, /^(NotFound|Cancelled)$/)
    }
    const { pins } = await ada.ask(pin, 'list', {})
    assert.deepEqual(await ada.used('pin'), { pins: pins.length, bytes: pins.length * sizeOf(blocks) })
  })

  it('leaves no pin that nobody works on, however adds and removes come', async () => {
    const host = await world({ pin: { answerWithinMs: 0 } })
    const ada = await host.guest()
    const { root, blocks } = file(4, 1000)
    const origins = await host.origin(blocks)
    for (let round = 0; round < 10; round++) {
      await ada.ask(pin, 'add', { root: root.cid })
      const calls = ['remove', 'add', 'remove', 'add'].map((name) => ada.call(pin, name as 'add', { root: root.cid }))
      const errors = (await Promise.all(calls)).map(({ result }) => result.error?.name)
      // An add may learn that it was removed while it waited.
      assert.deepEqual([errors[0], errors[2], errors[3]], [undefined, undefined, undefined])
      assert.ok(errors[1] === undefined || errors[1] === 'Cancelled')
    }
    await ada.ask(pin, 'add', { root: root.cid, origins })
    await until(ada, root.cid, ({ status }) => status === 'pinned')
    assert.deepEqual(await ada.used('pin'), { pins: 1, bytes: sizeOf(blocks) })
  })

  it('tries anew, however close to its failure it is asked', async () => {
    const host = await world({ pin: { answerWithinMs: 0, deadline: 0 } })
    const ada = await host.guest()
    const { cid: root } = leaf()
    for (let round = 0; round < 60; round++) await Promise.all([1, 2, 3].map(() => ada.ask(pin, 'add', { root })))
    assert.equal((await until(ada, root, ({ status }) => status === 'failed')).reason, 'Timeout')
    assert.equal((await ada.used('pin')).pins, 1)
  })

  it('lists in pages, by status if asked', async () => {
    const host = await world()
    const ada = await host.guest()
    const leaves = Array.from({ length: 7 }, () => leaf(100))
    for (const { cid, bytes } of leaves) {
      await stage(ada, cid, [{ cid, bytes }])
      await ada.ask(pin, 'add', { root: cid })
    }
    const found: string[] = []
    let after: string | undefined
    do {
      const { pins, next } = await ada.ask(pin, 'list', { limit: 3, ...(after && { after }) })
      found.push(...pins.map(({ root }) => String(root)))
      after = next
    } while (after)
    assert.deepEqual(found.sort(), leaves.map(({ cid }) => String(cid)).sort())
    assert.equal((await ada.ask(pin, 'list', { status: 'pinned' })).pins.length, 7)
    assert.deepEqual(await ada.ask(pin, 'list', { status: 'failed' }), { pins: [] })
  })

  it('is not kept waiting by content that nobody sends', async () => {
    const host = await world({ pin: { answerWithinMs: 300, fetches: 2, fetchesPerSpace: 2 } })
    const [ada, bob] = [await host.guest(), await host.guest()]
    const [silent] = await host.origin([leaf()])
    await Promise.all(Array.from({ length: 8 }, () => ada.ask(pin, 'add', { root: leaf().cid, origins: [silent as string] })))
    await setTimeout(1500)
    const states = (await ada.ask(pin, 'list', {})).pins.map(({ status }) => status)
    assert.equal(states.filter((status) => status === 'fetching').length, 2)
    assert.equal(states.filter((status) => status === 'queued').length, 6)
    const { root, blocks } = file(3, 100)
    await stage(bob, root.cid, blocks)
    assert.equal((await bob.ask(pin, 'add', { root: root.cid })).status, 'pinned')
  })

  it('takes up after a restart what was being fetched, and charges it as before', async () => {
    const host = await world({ pin: { answerWithinMs: 0 } })
    const ada = await host.guest({ pin: { bytes: 100_000 } })
    const { root, blocks } = file(10, 1000)
    const missing = blocks.slice(8)
    const origins = await host.origin(blocks.slice(0, 8))
    await ada.ask(pin, 'add', { root: root.cid, origins })
    await until(ada, root.cid, ({ blocks: count }) => count >= 8)
    await host.restart()
    const taken = await ada.ask(pin, 'status', { root: root.cid })
    assert.ok(taken.status === 'fetching' || taken.status === 'queued')
    await host.collect()
    await ada.ask(pin, 'add', { root: root.cid, origins: await host.origin(missing) })
    const done = await until(ada, root.cid, ({ status }) => status === 'pinned' || status === 'failed')
    assert.equal(done.status, 'pinned')
    assert.deepEqual(await ada.used('pin'), { pins: 1, bytes: sizeOf(blocks) })
  })
}
