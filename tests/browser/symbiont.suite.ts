import assert from 'node:assert/strict'
import { until } from '../capabilities/network.ts'
import { setTheStage } from './stage.ts'
import type { Tab } from './tab.ts'

describe('a symbiont in a page', () => {
  const stage = setTheStage()

  /** Opens the page, with a symbiont in it that has a space and leases, as `kept.symbiont`. */
  const leased = async (limits: object = {}, beside?: Tab): Promise<Tab> => {
    const tab = await stage.open(beside && { beside })
    await tab.page.evaluate(
      async ([url, limits]) => {
        const { Symbiont, memoryWallet } = app
        kept.symbiont = await Symbiont.open({ wallet: memoryWallet(), name: 'Albums' })
        await kept.symbiont.createSpace()
        await kept.symbiont.pair(url)
        await kept.symbiont.request({ pin: {}, dag: {}, tap: {}, ...limits }, { why: 'Keep your albums' })
      },
      [stage.url, limits] as const,
    )
    return tab
  }

  it('opens, pairs, asks and calls as the guide says', async () => {
    const { page } = await stage.open()
    const told = await page.evaluate(async (url) => {
      const { Symbiont, memoryWallet, cidOf, pin } = app
      const laptop = await Symbiont.open({ wallet: memoryWallet(), name: 'Albums' })
      const { phrase } = await laptop.createSpace()
      const { name } = await laptop.pair(url)
      const leases = await laptop.request({ pin: { bytes: '1 GB' } }, { why: 'Keep your albums', ttl: '30d' })
      const { error } = await laptop.try(pin).status({ root: cidOf(new TextEncoder().encode('nobody has this'), 0x55) })
      await laptop.close()
      return { words: phrase.split(' ').length, name, space: laptop.space, leases, error: error?.name }
    }, stage.url)
    assert.deepEqual([told.words, told.name, told.error], [24, 'a desktop', 'NotFound'])
    assert.deepEqual(
      told.leases.map(({ can, limits, state }) => [can, limits.bytes, state]),
      [['pin/*', 1e9, 'valid']],
    )
    const { origin, app: claimed, space, why } = stage.asked.at(-1) ?? {}
    assert.deepEqual([origin, claimed, space, why], [stage.site.url, 'Albums', told.space, 'Keep your albums'])
  })

  it('pushes content of several calls, pins it, watches and lists the pin, and pulls it back', async () => {
    const { page } = await leased()
    const told = await page.evaluate(async () => {
      const { pin, push, pull, readStatuses, cidOf, encode } = app
      const { symbiont } = kept
      const leaves = Array.from({ length: 10 }, (_, at) => {
        const bytes = new Uint8Array(1024 * 1024).fill(at)
        return { cid: cidOf(bytes, 0x55), bytes }
      })
      const bytes = encode({ leaves: leaves.map(({ cid }) => cid) })
      const root = { cid: cidOf(bytes), bytes }
      const blocks = async function* () {
        yield root
        yield* leaves
      }
      const pushed = await push(symbiont, { root: root.cid, blocks })
      const pins = symbiont.use(pin)
      const added = await pins.add({ root: root.cid, name: 'holiday' })
      const { body } = await pins.watch({ root: root.cid })
      const seen: string[] = []
      for await (const { status } of readStatuses(body)) seen.push(status)
      const listed = (await pins.list({})).pins.map(({ name, status, blocks }) => [name, status, blocks])
      let pulled = 0
      for await (const { bytes } of pull(symbiont, { root: root.cid })) pulled += bytes.length
      return { pushed, added: String(added.root) === String(root.cid), seen, listed, pulled, total: bytes.length + 10 * 1024 * 1024 }
    })
    assert.deepEqual(told.pushed, { blocks: 11, bytes: told.total, complete: true })
    assert.equal(told.added, true)
    assert.equal(told.seen.at(-1), 'pinned')
    assert.deepEqual(told.listed, [['holiday', 'pinned', 11]])
    assert.equal(told.pulled, told.total)
  })

  it('does so in browsers, too, that let nobody go through a stream itself', async () => {
    const { page } = await stage.open({ before: () => Reflect.deleteProperty(ReadableStream.prototype, Symbol.asyncIterator) })
    const told = await page.evaluate(async (url) => {
      const { Symbiont, memoryWallet, pin, push, pull, readStatuses, cidOf } = app
      const laptop = await Symbiont.open({ wallet: memoryWallet() })
      await laptop.createSpace()
      await laptop.pair(url)
      await laptop.request({ pin: {}, dag: {} })
      const bytes = new Uint8Array(1000)
      const root = cidOf(bytes, 0x55)
      const blocks = async function* () {
        yield { cid: root, bytes }
      }
      await push(laptop, { root, blocks })
      await laptop.use(pin).add({ root })
      const { body } = await laptop.use(pin).watch({ root })
      const seen: string[] = []
      for await (const { status } of readStatuses(body)) seen.push(status)
      let pulled = 0
      for await (const block of pull(laptop, { root })) pulled += block.bytes.length
      return { seen: seen.at(-1), pulled, manifest: (await laptop.manifest()).host }
    }, stage.url)
    assert.deepEqual(told, { seen: 'pinned', pulled: 1000, manifest: stage.host.did })
  })

  it('is refused with a code, what it is about, and what to do', async () => {
    const { page } = await leased({ pin: { pins: 1 } })
    const refused = await page.evaluate(async () => {
      const { pin, push, cidOf, encode } = app
      const pins = kept.symbiont.try(pin)
      const roots = []
      for (const words of ['one', 'another']) {
        const bytes = encode(words)
        const cid = cidOf(bytes)
        roots.push(cid)
        await push(kept.symbiont, {
          root: cid,
          blocks: async function* () {
            yield { cid, bytes }
          },
        })
      }
      const [one, another] = await Promise.all([pins.add({ root: roots[0] as never }), pins.add({ root: roots[1] as never })])
      return one.error ?? another.error
    })
    assert.equal(refused?.name, 'LimitExceeded')
    assert.deepEqual([refused?.limit, refused?.asked], [1, 1])
    assert.ok(refused?.hint)
  })

  it('is told what stops an upload, not that the connection broke', async () => {
    const { page } = await leased({ dag: { bytes: '1 MB' } })
    const refused = await page.evaluate(async () => {
      const { push, cidOf } = app
      const bytes = new Uint8Array(2 * 1024 * 1024)
      const blocks = async function* () {
        for (let at = 0; at < 40; at++) {
          bytes[0] = at
          yield { cid: cidOf(bytes, 0x55), bytes }
        }
      }
      bytes[0] = 0
      const root = cidOf(bytes, 0x55)
      const pushing = push(kept.symbiont, { root, blocks, retries: 1, segmentBytes: 64 * 1024 * 1024 })
      return pushing.then(
        () => 'ok',
        ({ name }: Error) => name,
      )
    })
    assert.equal(refused, 'LimitExceeded')
  })

  it('loads what reads manifests when one is asked for, and calls by what it says', async () => {
    stage.site.asked.length = 0
    const { page } = await leased()
    assert.ok(stage.site.asked.includes('/app.js'))
    const lazy = () => stage.site.asked.filter((path) => /manifests/.test(path)).length
    assert.equal(lazy(), 0)
    const told = await page.evaluate(async () => {
      const { services, host } = await kept.symbiont.manifest()
      const pin = await kept.symbiont.dynamic('pin')
      const { pins } = await pin.list({ limit: 10 })
      const refused = await pin.list({ limit: 'ten' }).catch((error: Error) => error.name)
      return { host, ids: [...services.keys()], pins, refused }
    })
    assert.equal(lazy(), 1)
    assert.equal(told.host, stage.host.did)
    assert.ok(['pin', 'dag', 'tap'].every((id) => told.ids.includes(id)))
    assert.deepEqual([told.pins, told.refused], [[], 'InvalidInput'])
  })

  it('lends to another device, which is refused once that is taken back, in the middle of a stream too', async () => {
    const [laptop, phone] = [await leased(), await stage.open()]
    const device = await phone.page.evaluate(async () => {
      kept.symbiont = await app.Symbiont.open({ wallet: app.memoryWallet() })
      return kept.symbiont.agent
    })
    const lent = await laptop.page.evaluate((device) => kept.symbiont.delegate(device, ['pin/list', 'tap/drip'], { expires: '7d' }), device)
    const accepted = await phone.page.evaluate(async (token) => {
      const { can } = await kept.symbiont.accept(token)
      const { body } = await kept.symbiont.use(app.tap).drip({})
      kept.reader = body.getReader()
      await kept.reader.read()
      return { can, pins: (await kept.symbiont.use(app.pin).list({})).pins }
    }, lent.token)
    assert.deepEqual(accepted, { can: ['pin/list', 'tap/drip'], pins: [] })

    const { hosts } = await laptop.page.evaluate((cid) => kept.symbiont.revoke(cid), lent.cid)
    assert.deepEqual(
      hosts.map(({ did, error, index }) => [did, error, typeof index]),
      [[stage.host.did, undefined, 'number']],
    )
    const { cut, error } = await phone.page.evaluate(async () => {
      const cut = await kept.reader.read().catch(({ name }: Error) => name)
      return { cut, error: (await kept.symbiont.try(app.pin).list({})).error }
    })
    assert.deepEqual([cut, error?.name, error?.link], ['Revoked', 'Revoked', lent.cid])
    assert.ok(error?.hint)
  })

  it('has the handler told when it cancels a stream, by its signal or its reader', async () => {
    const { page } = await leased()
    for (const way of ['signal', 'reader'] as const) {
      const { released } = stage.seen
      await page.evaluate(async (way) => {
        const aborter = new AbortController()
        const { body } = await kept.symbiont.use(app.tap).drip({}, { signal: aborter.signal })
        const reader = body.getReader()
        await reader.read()
        if (way === 'reader') return reader.cancel()
        aborter.abort()
        const ended = await reader.read().catch(({ name }: Error) => name)
        if (ended !== 'AbortError') throw new Error(`The stream ended with ${ended}.`)
      }, way)
      await until(() => stage.seen.released > released)
    }
  })

  it('works in two tabs of a browser at once, with streams open in both', async () => {
    const one = await leased()
    const tabs = [one, await leased({}, one)]
    const told = await Promise.all(
      tabs.map(({ page }) =>
        page.evaluate(async () => {
          const { tap, pin } = app
          const streams = await Promise.all([kept.symbiont.use(tap).flow({}), kept.symbiont.use(tap).flow({})])
          const readers = streams.map(({ body }) => body.getReader())
          const lists = await Promise.all(Array.from({ length: 20 }, () => kept.symbiont.use(pin).list({})))
          const read = await Promise.all(readers.map((reader) => reader.read()))
          await Promise.all(readers.map((reader) => reader.cancel()))
          return { lists: lists.length, read: read.map(({ done }) => done), space: kept.symbiont.space }
        }),
      ),
    )
    for (const { lists, read } of told) assert.deepEqual([lists, read], [20, [false, false]])
    assert.notEqual(told[0]?.space, told[1]?.space)
  })

  it('waits where its streams take all connections that a browser opens, and may give up', async () => {
    const { page } = await leased()
    const told = await page.evaluate(async () => {
      const { tap, pin } = app
      const streams = await Promise.all(Array.from({ length: 6 }, () => kept.symbiont.use(tap).drip({})))
      const list = kept.symbiont.use(pin).list
      const gaveUp = await list({}, { signal: AbortSignal.timeout(500) }).then(
        () => 'ok',
        ({ name }: Error) => name,
      )
      const waiting = list({})
      await streams[0]?.body.cancel()
      return { gaveUp, pins: (await waiting).pins }
    })
    assert.deepEqual(told, { gaveUp: 'Cancelled', pins: [] })
  })
})
