import assert from 'node:assert/strict'
import type { Host } from '@symbiosis/host'
import { inProcessChannel } from '@symbiosis/protocol'
import { memoryWallet, type Symbiont } from '@symbiosis/symbiont'
import { lyingDoor } from '../attacks/lying-door.ts'
import { refused, World } from './world.ts'

describe('what a symbiont learns of hosts', () => {
  let world: World

  beforeEach(() => {
    world = new World()
  })
  afterEach(() => world[Symbol.asyncDispose]())

  describe('by a client without a contract', () => {
    let device: Symbiont
    let attic: Host

    beforeEach(async () => {
      attic = await world.host('attic')
      device = await world.owner('attic')
    })

    it('calls as one with a contract does', async () => {
      const shelf = await device.dynamic('shelf')
      assert.deepEqual(await shelf.put({ name: 'a' }), { things: 1 })
      assert.deepEqual(await shelf.list(), { things: ['a'] })
      assert.deepEqual(await shelf.ring({}), { at: 'attic' })
      const { ok, body } = await shelf.pour({ bytes: 10 })
      assert.deepEqual(ok, { bytes: 10 })
      assert.equal((await new Response(body).arrayBuffer()).byteLength, 10)
      assert.deepEqual(await shelf.fill({}, { body: new Response(new Uint8Array(7)).body }), { bytes: 7 })
      assert.equal((await refused(shelf.put({ name: 'taken' }))).by, 'bob')
    })

    it('sends nothing that the manifest does not admit', async () => {
      const shelf = await device.dynamic('shelf')
      const before = world.calls.length
      for (const input of [{}, { name: 1 }, { name: 'a', size: -1 }, { name: 'a', more: 1 }, 'a'])
        assert.equal((await refused(() => shelf.put(input))).name, 'InvalidInput')
      assert.equal(world.calls.length, before)
      assert.equal(shelf.then, undefined)
      assert.equal(shelf.throw, undefined)
    })

    it('returns what the other door throws, and throws nothing that it refuses', async () => {
      const shelf = await device.tryDynamic('shelf')
      assert.deepEqual(await shelf.put({ name: 'a' }), { ok: { things: 1 } })
      const { ok, body, error } = await shelf.pour({ bytes: 10 })
      assert.deepEqual([ok, error], [{ bytes: 10 }, undefined])
      assert.equal((await new Response(body).arrayBuffer()).byteLength, 10)
      assert.deepEqual(await shelf.fill({}, { body: new Response(new Uint8Array(7)).body }), { ok: { bytes: 7 } })
      const taken = await shelf.put({ name: 'taken' })
      assert.deepEqual([taken.error.name, taken.error.by], ['Taken', 'bob'])
      world.down('attic')
      assert.equal((await shelf.list()).error.name, 'Unavailable')
      assert.equal(shelf.then, undefined)
    })

    it('returns, or throws, that input or answer are not what the manifest admits: nothing is sent, and nothing is handed on', async () => {
      const [trying, throwing] = [await device.tryDynamic('shelf'), await device.dynamic('shelf')]
      const before = world.calls.length
      for (const input of [{}, { name: 1 }, { name: 'a', more: 1 }, 'a']) {
        const { error } = await trying.put(input)
        assert.deepEqual([error.name, (await refused(() => throwing.put(input))).field], ['InvalidInput', error.field])
      }
      assert.equal(world.calls.length, before)
      world.place('http://attic.test/', {
        door: lyingDoor(attic, { 'shelf/list': () => ({ things: 'a' }) }),
        did: attic.did,
        name: 'attic',
      })
      const { ok, error } = await trying.list()
      assert.deepEqual([ok, error.name, error.field], [undefined, 'Malformed', 'things'])
      const { name, field } = await refused(() => throwing.list())
      assert.deepEqual([name, field], ['Malformed', 'things'])
    })

    it('is not had by either door where there is no manifest to make it of', async () => {
      world.down('attic')
      assert.equal((await refused(device.tryDynamic('shelf'))).name, 'Unavailable')
      world.up('attic')
      assert.equal((await refused(device.tryDynamic('rack', { host: 'attic' }))).name, 'NotFound')
    })

    it('is had of a host that leases it, and stays with that one', async () => {
      await world.host('cellar')
      await device.pair('http://cellar.test/')
      await device.request({ shelf: {} }, { host: 'cellar' })
      world.down('attic')
      const shelf = await device.dynamic('shelf')
      world.up('attic')
      assert.deepEqual(await shelf.ring({}), { at: 'cellar' })
      world.down('cellar')
      assert.equal((await refused(shelf.ring({}))).name, 'Unavailable')
      assert.equal((await refused(device.dynamic('shelf', { host: 'cellar' }))).name, 'Unavailable')
      assert.deepEqual(await (await device.dynamic('shelf', { host: 'attic' })).ring({}), { at: 'attic' })
    })

    it('tells what there is where there is no such service', async () => {
      const { name, hint } = await refused(device.dynamic('rack'))
      assert.equal(name, 'NotFound')
      assert.match(hint as string, /shelf/)
      assert.equal((await refused((await world.symbiont()).dynamic('shelf'))).name, 'NotFound')
    })
  })

  it('is pinned: nothing older is believed afterwards, by another process either, until the host is forgotten', async () => {
    const attic = await world.host('attic')
    const wallet = memoryWallet()
    const device = await world.symbiont(wallet)
    await device.pair('http://attic.test/')
    const { seq, root } = await device.manifest()
    const { log, ...remembered } = device.hosts()[0]?.manifest ?? {}
    assert.deepEqual(remembered, { seq, root: String(root) })
    assert.equal(log?.size, 1)

    // The host comes back with a backup of before it published that.
    await wallet.update((state) => {
      if (!state) throw new TypeError('The wallet is empty.')
      for (const host of state.hosts) host.manifest = { seq: seq + 1, root: String(root) }
      return state
    })
    const other = await world.symbiont(wallet)
    for (const ask of [() => other.manifest({ host: attic.did }), () => other.dynamic('shelf'), () => device.manifest()]) {
      const { name, limit, asked } = await refused(ask)
      assert.deepEqual([name, limit, asked], ['Replayed', seq + 1, seq])
    }
    await other.pair('http://attic.test/')
    assert.equal((await refused(() => other.manifest())).name, 'Replayed')
    await other.forget(attic.did)
    await other.pair('http://attic.test/')
    assert.equal((await other.manifest()).seq, seq)
  })

  it('is of the host that was paired with, whoever answers now', async () => {
    const [attic, cellar] = [await world.host('attic'), await world.host('cellar')]
    const device = await world.symbiont()
    await device.pair('http://attic.test/')
    world.place('http://attic.test/', cellar)
    assert.equal((await refused(() => device.manifest({ host: attic.did }))).name, 'WrongAudience')
  })

  it('costs what changed since it was last asked for', async () => {
    const attic = await world.host('attic')
    const device = await world.symbiont()
    const sizes: number[] = []
    const channel = inProcessChannel(attic.door)
    const counting = async (message: Uint8Array) => {
      const answer = await channel.request(message)
      sizes.push(answer.length)
      return { message: answer }
    }
    world.place('http://attic.test/', { did: attic.did, name: 'attic', door: ({ message }) => counting(message) })
    await device.pair('http://attic.test/')
    const { blocks } = await device.manifest()
    const again = await device.manifest()
    assert.deepEqual(again.blocks, blocks)
    const [, first, second] = sizes as [number, number, number]
    const bytes = blocks.reduce((sum, block) => sum + block.bytes.length, 0)
    assert.ok(first - second >= bytes, `${first} bytes, then ${second}`)
  })
})
