import assert from 'node:assert/strict'
import { until } from '../capabilities/network.ts'
import type { Stage } from './stage.ts'

/** Streams to pages, and how they end. */
export const streamTests = (stage: Stage): void => {
  it('has the handler told when it cancels a stream, by its signal or its reader', async () => {
    const { page } = await stage.leased()
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

  it('has the handler told when its tab is closed', async () => {
    const { page } = await stage.leased()
    const { released } = stage.seen
    await page.evaluate(async () => {
      const { body } = await kept.symbiont.use(app.tap).drip({})
      await body.getReader().read()
    })
    await page.close()
    await until(() => stage.seen.released > released)
  })

  it('works in two tabs of a browser at once, with streams open in both', async () => {
    const one = await stage.leased()
    const tabs = [one, await stage.leased({}, one)]
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
    const { page } = await stage.leased()
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
}
