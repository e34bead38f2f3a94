import assert from 'node:assert/strict'
import { readPeers, route } from '@symbiosis/capabilities/route'
import { findProviders } from '@symbiosis/capabilities/route/symbiont'
import { all, failure, leaf } from '../host/engine/fixtures.ts'
import { addressOf, type Network, type Node, PROTOCOL, provideBy, until } from './network.ts'
import { joined, worldsIn } from './route-stage.ts'
import type { Setup } from './world.ts'

/** Content that the last node provides, and that is kept in mind by others than the first. */
const providedFar = async (network: Network) => {
  const [entry, far] = [network.nodes[0] as Node, network.nodes.at(-1) as Node]
  for (;;) {
    const { cid } = leaf()
    await provideBy(far, cid)
    await until(async () => (await network.keepers(cid)).length > 1)
    if (!(await network.keepers(cid)).includes(entry)) return { cid, provider: far }
  }
}

/** The suite of finding content and peers. */
export const runFindTests = (setup: Setup, network: () => Network): void => {
  const world = worldsIn(setup, network)

  it('finds providers that the peers it joined by know nothing of', async () => {
    const { cid, provider } = await providedFar(network())
    const ada = await (await world()).guest()
    await joined(ada)
    const found = await all(findProviders(ada, { cid }))
    assert.deepEqual(
      found.map(({ peer }) => peer),
      [String(provider.peerId)],
    )
    assert.ok(found[0]?.addresses.includes(addressOf(provider).replace(/\/p2p\/.*/, '')), found[0]?.addresses.join())
  })

  it('tells each provider once, and no more than were asked for', async () => {
    const { cid } = leaf()
    const providers = network().nodes.slice(2, 5)
    for (const node of providers) await provideBy(node, cid)
    const ada = await (await world()).guest()
    await joined(ada)
    const names = async (limit?: number) => (await all(findProviders(ada, { cid, ...(limit && { limit }) }))).map(({ peer }) => peer).sort()
    await until(async () => (await names()).length === 3)
    assert.deepEqual(await names(), providers.map(({ peerId }) => String(peerId)).sort())
    assert.equal((await names(2)).length, 2)
  })

  it('tells a provider while the search for others goes on, and ends the search when its reader leaves', async () => {
    const { cid, provider } = await providedFar(network())
    // One that takes every question and answers none: a search that comes by it lasts as long as it may.
    const silent = await network().add()
    await silent.unhandle(PROTOCOL)
    await silent.handle(PROTOCOL, () => {})
    try {
      const dht = {
        mode: 'client',
        protocol: PROTOCOL,
        bootstrap: [network().nodes[0] as Node, silent].map(addressOf),
        rejoinMs: 200,
      } as const
      const ada = await (await world({ dht, route: { queriesPerSpace: 1 } })).guest()
      const where = { peer: String(provider.peerId) }
      await until(async () => {
        // Until it knows both of them it finds nobody, or is done too soon.
        const leaving = new AbortController()
        const { body } = await ada.call(route, 'findProviders', { cid, seconds: 60 }, { signal: leaving.signal })
        if (!body) return false
        const peers = readPeers(body)
        const { value: first } = await peers.next()
        const more = peers.next().then(
          () => false,
          () => false,
        )
        const goesOn = await Promise.race([more, new Promise<boolean>((resolve) => setTimeout(resolve, 300, true))])
        if (first && goesOn) {
          assert.equal(first.peer, where.peer)
          await assert.rejects(ada.ask(route, 'findPeer', where), failure('RateLimited'))
        }
        leaving.abort()
        return first !== undefined && goesOn
      })
      // Its reader has left, so its place is free long before its minute is over.
      await until(async () => (await ada.call(route, 'findPeer', where)).result.error?.name !== 'RateLimited')
    } finally {
      network().nodes.pop()
      await silent.stop()
    }
  })

  it('finds where a peer is', async () => {
    const ada = await (await world()).guest()
    await joined(ada)
    const far = network().nodes.at(-1) as Node
    const found = await ada.ask(route, 'findPeer', { peer: String(far.peerId) })
    assert.equal(found.peer, String(far.peerId))
    assert.ok(
      found.addresses.some((address) => addressOf(far).startsWith(address)),
      found.addresses.join(),
    )
    await assert.rejects(ada.ask(route, 'findPeer', { peer: 'somebody' }), failure('InvalidInput', { field: 'peer' }))
  })

  it('finds nothing where there is nothing', async () => {
    const ada = await (await world()).guest()
    await joined(ada)
    assert.deepEqual(await all(findProviders(ada, { cid: leaf().cid })), [])
  })

  it('says so where it knows nobody to ask', async () => {
    const ada = await (await world({ dht: { mode: 'client', protocol: PROTOCOL } })).guest()
    await assert.rejects(all(findProviders(ada, { cid: leaf().cid })), failure('Unavailable'))
    await assert.rejects(ada.ask(route, 'getRecord', { key: `/ipns/${network().nodes[0]?.peerId}` }), failure('Unavailable'))
  })
}
