import assert from 'node:assert/strict'
import { type Door, Failure, streamFrom } from '@symbiosis/protocol'
import { memoryWallet, Symbiont } from '@symbiosis/symbiont'
import { refused, shelf, World } from './world.ts'

describe('a symbiont calls', () => {
  it('through both doors, typed by the contract', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.owner('attic')
    const things = ada.use(shelf)
    assert.deepEqual(await things.put({ name: 'lamp' }), { things: 1 })
    assert.deepEqual(await things.list(), { things: ['lamp'] })
    assert.deepEqual(await refused(things.put({ name: 'taken' })), { name: 'Taken', message: 'Taken', by: 'bob' })
    const { ok, error } = await ada.try(shelf).put({ name: 'taken' })
    assert.equal(ok, undefined)
    assert.equal(error?.name === 'Taken' && error.by, 'bob')
    const over = await ada.try(shelf).put({ name: 'piano', size: 5000 })
    assert.equal(over.error?.name, 'LimitExceeded')
  })

  it('with bytes up and bytes down', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.owner('attic')
    const body = streamFrom(chunks(3, 1000))
    assert.deepEqual(await ada.use(shelf).fill({}, { body }), { bytes: 3000 })
    const poured = await ada.use(shelf).pour({ bytes: 4000 })
    assert.equal(poured.ok.bytes, 4000)
    assert.equal((await new Response(poured.body).arrayBuffer()).byteLength, 4000)
    const tried = await ada.try(shelf).pour({ bytes: 5 })
    assert.equal(tried.error, undefined)
    assert.equal((await new Response(tried.body).arrayBuffer()).byteLength, 5)
  })

  it('says what is missing before anything is sent', async () => {
    await using world = new World()
    const ada = await world.symbiont()
    await ada.createSpace()
    assert.equal((await refused(ada.use(shelf).list())).name, 'NoLease')
    await world.host('attic')
    await ada.pair('http://attic.test')
    world.calls.length = 0
    const none = await refused(ada.use(shelf).list())
    assert.equal(none.name, 'NoLease')
    assert.match(none.hint ?? '', /symbiosis request shelf/)
    assert.equal((await refused(ada.call(shelf, 'weigh', { thing: 'text' as never }))).name, 'InvalidInput')
    await ada.request({ shelf: {} }, { ttl: '1h' })
    world.time += 3600 + 61
    world.calls.length = 0
    const ended = await refused(ada.use(shelf).list())
    assert.equal(ended.name, 'Expired')
    assert.equal(ended.chain, 'lease')
    assert.equal((await ada.try(shelf).list()).error?.name, 'Expired')
    assert.deepEqual(world.calls, [])
    assert.equal(ada.leases()[0]?.state, 'expired')
  })

  it('finds a lease that another process came by', async () => {
    await using world = new World()
    await world.host('attic')
    const wallet = memoryWallet()
    const ada = await world.symbiont(wallet)
    const again = await world.symbiont(wallet)
    assert.equal(again.agent, ada.agent)
    await again.createSpace()
    await again.pair('http://attic.test')
    await again.request({ shelf: {} })
    assert.deepEqual(await ada.use(shelf).list(), { things: [] })
  })

  it('works without a space: the device is its own', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.symbiont()
    assert.equal(ada.space, ada.agent)
    await ada.pair('http://attic.test')
    await ada.request([{ can: 'shelf/put', limits: { bytes: '2 kB' } }])
    assert.equal(ada.leases()[0]?.limits.bytes, 2000)
    assert.deepEqual(await ada.use(shelf).put({ name: 'lamp' }), { things: 1 })
    assert.equal((await refused(ada.use(shelf).list())).name, 'NoLease')
  })

  it('is cancelled by a signal', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.owner('attic')
    const { error } = await ada.try(shelf).list({}, { signal: AbortSignal.abort() })
    assert.equal(error?.name, 'Cancelled')
    const why = new Error('the user went on')
    const stop = new AbortController()
    const listing = ada.use(shelf).list({}, { signal: stop.signal })
    stop.abort(why)
    await assert.rejects(listing, (thrown: Error) => thrown.name === 'Cancelled' && thrown.cause === why)
  })
})

describe('a symbiont whom a host asks to come back', () => {
  /** A host that refuses the next so many messages, before it looks at them. */
  const busy = async (world: World, retryAfter: number) => {
    const host = await world.host('attic')
    const state = { refuse: 0, asked: 0 }
    const door: Door = async (call) => {
      state.asked++
      if (state.refuse-- > 0) throw new Failure('RateLimited', 'Too much.', { field: 'connection', retryAfter })
      return host.door(call)
    }
    world.place('http://attic.test/', { door, did: host.did, name: 'attic' })
    const ada = await world.owner('attic')
    state.asked = 0
    return { ada, state }
  }

  it('does, whatever the effect, since nothing ran', async () => {
    await using world = new World()
    const { ada, state } = await busy(world, 0.01)
    state.refuse = 3
    assert.deepEqual(await ada.use(shelf).ring(), { at: 'attic' })
    assert.equal(state.asked, 4)
    state.refuse = 1
    assert.deepEqual(await ada.use(shelf).fill({}, { body: streamFrom(chunks(2, 10)) }), { bytes: 20 })
  })

  it('tells who calls where that would take longer than they want to wait', async () => {
    await using world = new World()
    const { ada, state } = await busy(world, 0.02)
    state.refuse = 1000
    const { name, retryAfter } = await refused(ada.use(shelf).list({}, { patience: 0.05 }))
    assert.deepEqual([name, retryAfter], ['RateLimited', 0.02])
    assert.equal(state.asked, 3)
    assert.equal((await ada.try(shelf).list({}, { patience: 0 })).error?.name, 'RateLimited')
    assert.equal(state.asked, 4)
  })

  it('is cancelled while it waits', async () => {
    await using world = new World()
    const { ada, state } = await busy(world, 9)
    state.refuse = 1000
    const stop = new AbortController()
    const listing = ada.try(shelf).list({}, { signal: stop.signal })
    setTimeout(() => stop.abort(), 20)
    assert.equal((await listing).error?.name, 'Cancelled')
    assert.equal(state.asked, 1)
  })
})

describe('of several hosts a symbiont', () => {
  const twoHosts = async (world: World) => {
    const [attic, cellar] = [await world.host('attic'), await world.host('cellar')]
    return { attic, cellar, ada: await world.owner('attic', 'cellar') }
  }

  it('takes the first that leases, or the one that is named', async () => {
    await using world = new World()
    const { ada, cellar } = await twoHosts(world)
    assert.deepEqual(await ada.use(shelf).ring(), { at: 'attic' })
    assert.deepEqual(await ada.use(shelf, { host: 'cellar' }).ring(), { at: 'cellar' })
    assert.deepEqual(await ada.use(shelf).ring({}, { host: cellar.did }), { at: 'cellar' })
    assert.equal((await refused(ada.use(shelf).ring({}, { host: 'nowhere' }))).name, 'NotFound')
  })

  it('takes the nearest', async () => {
    await using world = new World()
    await world.host('far', { url: 'https://far.example/' })
    await world.host('near', { url: 'http://192.168.1.5:4747/' })
    await world.host('here', { url: 'http://127.0.0.1:4747/' })
    const ada = await world.symbiont()
    await ada.createSpace()
    for (const url of ['https://far.example/', 'http://192.168.1.5:4747', 'http://127.0.0.1:4747']) {
      const { did } = await ada.pair(url)
      await ada.request({ shelf: {} }, { host: did })
    }
    assert.deepEqual(await ada.use(shelf).ring(), { at: 'here' })
  })

  it('falls over to the next, but never with what must happen once', async () => {
    await using world = new World()
    const { ada } = await twoHosts(world)
    world.down('attic')
    assert.deepEqual(await ada.use(shelf).list(), { things: [] })
    assert.equal((await refused(ada.use(shelf).ring())).name, 'Unavailable')
    assert.deepEqual(await ada.use(shelf).fill({}, { body: streamFrom(chunks(2, 10)) }), { bytes: 20 })
    world.down('cellar')
    const away = await refused(ada.use(shelf).list())
    assert.equal(away.name, 'Unavailable')
    assert.equal((away.hosts as unknown[]).length, 2)
  })

  it('tries every address of one host with the same invocation', async () => {
    await using world = new World()
    const attic = await world.host('attic')
    world.place('http://attic.example/', attic)
    const ada = await world.owner('attic')
    await ada.pair('http://attic.example/')
    assert.deepEqual(ada.hosts()[0]?.urls, ['http://attic.example/', 'http://attic.test/'])
    world.place('http://attic.example/', {
      ...attic,
      door: () => Promise.reject(new Failure('Unavailable', 'gone')),
    })
    assert.deepEqual(await ada.use(shelf).ring(), { at: 'attic' })
  })

  it('never sends elsewhere what is left of a body', async () => {
    await using world = new World()
    const attic = await world.host('attic')
    await world.host('cellar')
    const ada = await world.owner('attic', 'cellar')
    const breaks: Door = async ({ body }) => {
      await body?.getReader().read()
      throw new Failure('Unavailable', 'gone')
    }
    world.place('http://attic.test/', { ...attic, door: breaks })
    world.calls.length = 0
    assert.equal((await refused(ada.use(shelf).fill({}, { body: streamFrom(chunks(3, 10)) }))).name, 'Unavailable')
    assert.deepEqual(world.calls, ['http://attic.test/'])
    // Nor to another address of the same host.
    world.place('http://attic.example/', attic)
    await ada.pair('http://attic.example/')
    world.place('http://attic.example/', { ...attic, door: breaks })
    world.place('http://attic.test/', attic)
    world.calls.length = 0
    assert.equal((await refused(ada.use(shelf).fill({}, { body: streamFrom(chunks(3, 10)), host: 'attic' }))).name, 'Unavailable')
    assert.deepEqual(world.calls, ['http://attic.example/'])
  })

  it('closes a body that nobody took', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.owner('attic')
    world.down('attic')
    let closed = false
    const body = new ReadableStream<Uint8Array>({
      cancel() {
        closed = true
      },
    })
    assert.equal((await refused(ada.use(shelf).fill({}, { body }))).name, 'Unavailable')
    assert.ok(closed)
  })

  it('forgets one with its leases', async () => {
    await using world = new World()
    const { ada } = await twoHosts(world)
    await ada.forget('attic')
    assert.deepEqual(
      ada.hosts().map(({ name }) => name),
      ['cellar'],
    )
    assert.deepEqual(await ada.use(shelf).ring(), { at: 'cellar' })
  })
})

describe('closing a symbiont', () => {
  it('is quick when nothing is under way', async () => {
    const symbiont = await Symbiont.open({ wallet: memoryWallet() })
    const began = Date.now()
    await symbiont.close()
    assert.ok(Date.now() - began < 1000)
  })
})

async function* chunks(count: number, length: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index++) yield new Uint8Array(length)
}
