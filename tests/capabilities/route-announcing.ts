import assert from 'node:assert/strict'
import { pin } from '@symbiosis/capabilities/pin'
import { route } from '@symbiosis/capabilities/route'
import type { CID } from 'multiformats/cid'
import { failure, leaf } from '../host/engine/fixtures.ts'
import { type Network, type Node, until } from './network.ts'
import { between, held, joined, worldsIn } from './route-stage.ts'
import type { Guest, Setup, WorldOptions } from './world.ts'

/** What the host told the network, by the text of the CID: told and taken back. */
const listening = () => {
  const told: string[] = []
  const ended: string[] = []
  const engine = between((routing) => ({
    async provide(cid, options) {
      told.push(String(cid))
      return await routing.provide(cid, options)
    },
    async withdraw(cid) {
      ended.push(String(cid))
      await routing.withdraw(cid)
    },
  }))
  return { told, ended, engine }
}

const providesOf = async (guest: Guest) => (await guest.ask(route, 'list', {})).provided.map(({ cid }) => String(cid))

/** The suite of being found. */
export const runAnnounceTests = (setup: Setup, network: () => Network): void => {
  const world = worldsIn(setup, network)
  const sweeping = (over: WorldOptions = {}): WorldOptions => ({ ...over, route: { sweepEveryMs: 20, ...over.route } })
  const readers = async (cid: CID): Promise<string[]> => {
    const [reader] = network().nodes.slice(3) as [Node]
    const found: string[] = []
    for await (const event of reader.services.dht.findProviders(cid, { signal: AbortSignal.timeout(10_000) }))
      if (event.name === 'PROVIDER') found.push(...event.providers.map(({ id }) => String(id)))
    return found
  }

  it('has others find the host as who has the content', async () => {
    const ada = await (await world()).guest()
    await joined(ada)
    const { cid } = await held(ada)
    const provided = await ada.ask(route, 'provide', { cid })
    assert.ok(provided.told > 0 && provided.announced !== undefined, provided.message)
    await until(async () => (await readers(cid)).length === 1)
    assert.deepEqual(await ada.ask(route, 'list', {}), { provided: [provided] })
    assert.deepEqual(await ada.used('route'), { provides: 1 })
    assert.deepEqual(await ada.ask(route, 'provide', { cid }), provided)
    assert.deepEqual(await ada.used('route'), { provides: 1 })
  })

  it('provides what the space holds whole, and nothing else', async () => {
    const host = await world()
    const [ada, bob] = [await host.guest(), await host.guest()]
    const { cid } = await held(bob)
    for (const each of [cid, leaf().cid]) {
      const { result } = await ada.call(route, 'provide', { cid: each })
      assert.equal(result.error?.name, 'NotHeld')
    }
    assert.deepEqual(await providesOf(ada), [])
  })

  it('keeps what one space provides from another, which can neither see nor end it', async () => {
    const { told, ended, engine } = listening()
    const host = await world({ engine })
    const [ada, bob] = [await host.guest(), await host.guest()]
    await joined(ada)
    const block = await held(ada)
    await ada.ask(route, 'provide', { cid: block.cid })
    assert.deepEqual(await providesOf(bob), [])
    await assert.rejects(bob.ask(route, 'withdraw', { cid: block.cid }), failure('NotFound'))
    await held(bob, block)
    await bob.ask(route, 'provide', { cid: block.cid })
    await bob.ask(route, 'withdraw', { cid: block.cid })
    assert.deepEqual(ended, [], 'the other one still provides it')
    assert.deepEqual(await providesOf(ada), [String(block.cid)])
    await ada.ask(route, 'withdraw', { cid: block.cid })
    assert.deepEqual(ended, [String(block.cid)])
    assert.ok(told.length > 0)
    assert.deepEqual([await ada.used('route'), await bob.used('route')], [{ provides: 0 }, { provides: 0 }])
  })

  it('holds a space to how many it may provide, until it withdraws one', async () => {
    const ada = await (await world()).guest({ route: { provides: 1 } })
    const [one, two] = [await held(ada), await held(ada)]
    await ada.ask(route, 'provide', { cid: one.cid })
    await assert.rejects(ada.ask(route, 'provide', { cid: two.cid }), failure('LimitExceeded', { field: 'provides' }))
    await ada.ask(route, 'withdraw', { cid: one.cid })
    await ada.ask(route, 'provide', { cid: two.cid })
    assert.deepEqual(await providesOf(ada), [String(two.cid)])
  })

  it('tells the network again and again, through a restart', async () => {
    const { told, engine } = listening()
    const options = sweeping({ engine, route: { announceEvery: 1 } })
    const host = await world(options)
    const ada = await host.guest()
    await joined(ada)
    const { cid } = await held(ada)
    await ada.ask(route, 'provide', { cid })
    await until(() => told.length > 2)
    await host.restart()
    const before = told.length
    await until(() => told.length > before + 1)
    assert.deepEqual(new Set(told), new Set([String(cid)]))
  })

  it('tells the network as soon as there is one', async () => {
    const nobody = await world(sweeping({ dht: { mode: 'client' } }))
    const ada = await nobody.guest()
    const { cid } = await held(ada)
    const provided = await ada.ask(route, 'provide', { cid })
    assert.deepEqual([provided.told, provided.announced, typeof provided.message], [0, undefined, 'string'])
    const other = await world(sweeping())
    const bob = await other.guest()
    const block = await held(bob)
    await bob.ask(route, 'provide', { cid: block.cid })
    await until(async () => (await bob.ask(route, 'list', {})).provided[0]?.announced !== undefined)
  })

  it('ends with the lease, or sooner where that was asked', async () => {
    const { ended, engine } = listening()
    let ahead = 0
    const host = await world(sweeping({ engine, ahead: () => ahead }))
    const ada = await host.guest({}, 3600)
    const [one, two] = [await held(ada), await held(ada)]
    const long = await ada.ask(route, 'provide', { cid: one.cid })
    const short = await ada.ask(route, 'provide', { cid: two.cid, seconds: 600 })
    assert.ok(Math.abs(long.until - short.until - 3000) < 30, `${long.until} ${short.until}`)
    ahead = 700
    await until(() => ended.length === 1)
    assert.deepEqual(ended, [String(two.cid)])
    assert.deepEqual(await providesOf(ada), [String(one.cid)])
    ahead = 3700
    await until(async () => (await ada.used('route')).provides === 0)
    assert.deepEqual(ended, [two.cid, one.cid].map(String))
  })

  it('ends when the space holds the content no longer', async () => {
    const host = await world(sweeping())
    const ada = await host.guest()
    const { cid } = await held(ada)
    await ada.ask(route, 'provide', { cid })
    await ada.ask(pin, 'remove', { root: cid })
    await until(async () => (await providesOf(ada)).length === 0)
    assert.deepEqual(await ada.used('route'), { provides: 0 })
  })

  it('lists page by page', async () => {
    const ada = await (await world()).guest()
    const cids: string[] = []
    for (let count = 0; count < 3; count++) {
      const { cid } = await held(ada)
      await ada.ask(route, 'provide', { cid })
      cids.push(String(cid))
    }
    const first = await ada.ask(route, 'list', { limit: 2 })
    const second = await ada.ask(route, 'list', { limit: 2, after: first.next as string })
    assert.equal(second.next, undefined)
    assert.deepEqual([...first.provided, ...second.provided].map(({ cid }) => String(cid)).sort(), cids.sort())
  })
}
