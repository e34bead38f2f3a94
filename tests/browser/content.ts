import assert from 'node:assert/strict'
import type { Stage } from './stage.ts'

/** How content goes up from a page, and comes back. */
export const contentTests = (stage: Stage): void => {
  it('pushes content of several calls, pins it, watches and lists the pin, and pulls it back', async () => {
    const { page } = await stage.leased()
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

  it('is told what stops an upload, not that the connection broke', async () => {
    const { page } = await stage.leased({ dag: { bytes: '1 MB' } })
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
}
