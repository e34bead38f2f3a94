import assert from 'node:assert/strict'
import { type Stage, UNWELCOME } from './stage.ts'

/** What a page does with a host: it pairs, asks, calls, lends and takes back. */
export const callingTests = (stage: Stage): void => {
  it('opens, pairs, asks and calls as the guide says', async () => {
    const { page } = await stage.open()
    const told = await page.evaluate(async (url) => {
      const { Symbiont, memoryWallet, cidOf, pin } = app
      const laptop = await Symbiont.open({ wallet: memoryWallet(), name: 'Albums' })
      const { phrase } = await laptop.createSpace()
      const { name } = await laptop.pair(url)
      let words: string | undefined
      const onPending = (code: string | undefined) => {
        words = code
      }
      const leases = await laptop.request({ pin: { bytes: '1 GB' } }, { why: 'Keep your albums', ttl: '30d', onPending })
      const { error } = await laptop.try(pin).status({ root: cidOf(new TextEncoder().encode('nobody has this'), 0x55) })
      await laptop.close()
      return { phrase: phrase.split(' ').length, words, name, space: laptop.space, leases, error: error?.name }
    }, stage.url)
    assert.deepEqual([told.phrase, told.name, told.error], [24, 'a desktop', 'NotFound'])
    assert.deepEqual(
      told.leases.map(({ can, limits, state }) => [can, limits.bytes, state]),
      [['pin/*', 1e9, 'valid']],
    )
    const { origin, app: claimed, space, why, code } = stage.asked.at(-1) ?? {}
    assert.deepEqual([origin, claimed, space, why], [stage.site.url, 'Albums', told.space, 'Keep your albums'])
    assert.equal(told.words, code, 'the owner sees the words that the page shows')
  })

  it('is told when the owner says no', async () => {
    const { page } = await stage.open()
    const refused = await page.evaluate(
      async ([url, why]) => {
        const laptop = await app.Symbiont.open({ wallet: app.memoryWallet() })
        await laptop.pair(url)
        return laptop.request({ pin: {} }, { why }).then(
          () => 'ok',
          ({ name }: Error) => name,
        )
      },
      [stage.url, UNWELCOME] as const,
    )
    assert.equal(refused, 'Denied')
  })

  it('runs in a worker', async () => {
    const { page } = await stage.open()
    const started = page.waitForEvent('worker')
    await page.evaluate(() => void new Worker('/app.js', { type: 'module' }))
    const worker = await started
    const told = await worker.evaluate(async (url) => {
      while (!('app' in globalThis)) await new Promise((resolve) => setTimeout(resolve, 10))
      const laptop = await app.Symbiont.open({ wallet: app.memoryWallet() })
      await laptop.pair(url)
      await laptop.request({ pin: {} })
      return { document: 'document' in globalThis, pins: (await laptop.use(app.pin).list({})).pins }
    }, stage.url)
    assert.deepEqual(told, { document: false, pins: [] })
  })

  it('is refused with a code, what it is about, and what to do', async () => {
    const { page } = await stage.leased({ pin: { pins: 1 } })
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

  it('loads what reads manifests when one is asked for, and calls by what it says', async () => {
    stage.site.asked.length = 0
    const { page } = await stage.leased()
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
    const [laptop, phone] = [await stage.leased(), await stage.open()]
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
}
