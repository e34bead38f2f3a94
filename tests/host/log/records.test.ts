import assert from 'node:assert/strict'
import { join } from 'node:path'
import { CompactRange, inclusionProof, leafHash, rootAt, tileWidth, verifyInclusion } from '@symbiosis/protocol/revocation'
import { appendEntries, hashReader, readBundle, readEntries, readHead, readTile, writeHead } from '../../../host/log/records.ts'
import { sqliteStore } from '../../../host/store/sqlite.ts'
import { folders } from '../../fixtures.ts'

const entry = (index: number): Uint8Array => new TextEncoder().encode(`entry ${index}`.repeat(1 + (index % 5)))

describe('a log as records', () => {
  const folder = folders()

  it('is the same log however it was appended to, over the edges of tiles', async () => {
    const store = sqliteStore(join(folder(), 'log.sqlite'))
    const whole = new CompactRange()
    // Over a tile of level 1, which takes 65,536 entries.
    for (let [size, step] = [0, 1]; size < 66_000; step = (step * 7 + 1) % 3001) {
      const next = Array.from({ length: step }, (_, at) => entry(size + at))
      await store.write(async (tx) => {
        const range = (await readHead(tx, 'one'))?.range ?? new CompactRange()
        await appendEntries(tx, 'one', range, next)
        await writeHead(tx, 'one', { range, checkpoint: '' })
      })
      for (const each of next) whole.append(leafHash(each))
      size += step
    }
    const size = whole.end
    const head = await readHead(store, 'one')
    assert.deepEqual(head?.range.root(), whole.root())
    assert.deepEqual(await rootAt(size, hashReader(store, 'one', size)), whole.root())
    let index = 0
    for await (const each of readEntries(store, 'one', 0, size)) assert.deepEqual(each, entry(index++))
    assert.equal(index, size)
    for (const at of [0, 255, 256, 65_535, 65_536, size - 1]) {
      const proof = await inclusionProof(at, size, hashReader(store, 'one', size))
      assert.ok(verifyInclusion({ index: at, size, leaf: leafHash(entry(at)), proof, root: whole.root() }), `${at}`)
    }
    await store.close()
  }).timeout(120_000)

  it('is read as it was at a smaller size', async () => {
    const store = sqliteStore(join(folder(), 'log.sqlite'))
    const entries = Array.from({ length: 1000 }, (_, index) => entry(index))
    await store.write((tx) => appendEntries(tx, 'one', new CompactRange(), entries))
    for (const size of [1, 255, 256, 257, 700]) {
      const then = new CompactRange()
      for (const each of entries.slice(0, size)) then.append(leafHash(each))
      assert.deepEqual(await rootAt(size, hashReader(store, 'one', size)), then.root())
      assert.equal((await readTile(store, 'one', 0, 0, size)).length, 32 * tileWidth(0, 0, size))
      assert.equal((await readBundle(store, 'one', 0, size)).length, Math.min(size, 256))
    }
    await store.close()
  })

  it('is no other log', async () => {
    const store = sqliteStore(join(folder(), 'log.sqlite'))
    for (const name of ['one', 'two'])
      await store.write((tx) => appendEntries(tx, name, new CompactRange(), [new TextEncoder().encode(name)]))
    for await (const each of readEntries(store, 'two', 0, 1)) assert.equal(new TextDecoder().decode(each), 'two')
    await store.close()
  })
})
