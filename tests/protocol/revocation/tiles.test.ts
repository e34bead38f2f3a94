import assert from 'node:assert/strict'
import {
  consistencyProof,
  decodeEntries,
  decodeTile,
  encodeEntries,
  encodeTile,
  inclusionProof,
  leafHash,
  newTiles,
  parseTilePath,
  rootAt,
  type Tile,
  tilePath,
  tileReader,
  tileWidth,
} from '@symbiosis/protocol/revocation'
import fc from 'fast-check'
import { refuses, rejects } from '../refusal.ts'
import { entries, Nodes } from './forest.ts'

/** A log as files, as it grows. */
class Files {
  readonly files = new Map<string, Uint8Array>()

  constructor(nodes: Nodes, all: readonly Uint8Array[], sizes: readonly number[]) {
    for (const [at, size] of sizes.entries()) {
      for (const tile of newTiles(sizes[at - 1] ?? 0, size)) this.files.set(tilePath(tile), bytesOf(nodes, all, tile))
    }
  }

  readonly read = (tile: Tile): Uint8Array => {
    const bytes = this.files.get(tilePath(tile))
    if (!bytes) throw new Error(`There is no ${tilePath(tile)}.`)
    return bytes
  }
}

const bytesOf = (nodes: Nodes, all: readonly Uint8Array[], { level, index, width }: Tile): Uint8Array => {
  const [from, to] = [index * 256, index * 256 + width]
  return level === 'entries' ? encodeEntries(all.slice(from, to)) : encodeTile((nodes.levels[8 * level] as Uint8Array[]).slice(from, to))
}

describe('The path of a tile', () => {
  it('is as the specification has it, and reads back', () => {
    const paths: [Tile, string][] = [
      [{ level: 0, index: 0, width: 256 }, 'tile/0/000'],
      [{ level: 0, index: 1234067, width: 256 }, 'tile/0/x001/x234/067'],
      [{ level: 0, index: 999, width: 255 }, 'tile/0/999.p/255'],
      [{ level: 1, index: 1000, width: 1 }, 'tile/1/x001/000.p/1'],
      [{ level: 63, index: 5, width: 256 }, 'tile/63/005'],
      [{ level: 'entries', index: 1000000, width: 17 }, 'tile/entries/x001/x000/000.p/17'],
      [{ level: 0, index: Number.MAX_SAFE_INTEGER, width: 256 }, 'tile/0/x009/x007/x199/x254/x740/991'],
    ]
    for (const [tile, path] of paths) {
      assert.equal(tilePath(tile), path)
      assert.deepEqual(parseTilePath(path), tile)
    }
  })

  it('is Malformed in any other spelling', () => {
    const bent = [
      '',
      'tile/0',
      'tile/0/',
      'tile/0/0',
      'tile/0/00',
      'tile/0/0000',
      'tile/00/000',
      'tile/64/000',
      'tile/-1/000',
      'tile/x/000',
      'tile/entry/000',
      'tile/0/001/000',
      'tile/0/x001',
      'tile/0/x000/001',
      'tile/0/x001/x000',
      'tile/0/000.p/0',
      'tile/0/000.p/256',
      'tile/0/000.p/01',
      'tile/0/000.p/1000',
      'tile/0/000.p/',
      'tile/0/000.p',
      'tile/0/000.p/1/',
      '/tile/0/000',
      'tile/0/000\n',
      'tile/0/x009/x007/x199/x254/x740/992',
      'tile/0/x001/x001/x001/x001/x001/x001/001',
      '../tile/0/000',
    ]
    for (const path of bent) refuses(() => parseTilePath(path), 'Malformed')
  })

  it('is not written of what is no tile', () => {
    const tile: Tile = { level: 0, index: 0, width: 256 }
    for (const level of [-1, 64, 0.5]) refuses(() => tilePath({ ...tile, level }), 'Malformed', { field: 'level' })
    for (const index of [-1, 0.5, 2 ** 53]) refuses(() => tilePath({ ...tile, index }), 'Malformed', { field: 'index' })
    for (const width of [0, 257, 1.5]) refuses(() => tilePath({ ...tile, width }), 'Malformed', { field: 'width' })
  })
})

describe('Tiles', () => {
  it('of 70,000 entries are those that the specification counts', () => {
    const tiles = newTiles(0, 70_000).filter(({ level }) => level !== 'entries')
    const counts = new Map<string, number>()
    for (const { level, width } of tiles) counts.set(`${level} ${width}`, (counts.get(`${level} ${width}`) ?? 0) + 1)
    assert.deepEqual(Object.fromEntries(counts), { '0 256': 273, '0 112': 1, '1 256': 1, '1 17': 1, '2 1': 1 })
    assert.deepEqual(
      newTiles(0, 256).filter(({ level }) => level !== 'entries'),
      [
        { level: 0, index: 0, width: 256 },
        { level: 1, index: 0, width: 1 },
      ],
    )
  })

  it('are as wide as the log is long', () => {
    assert.deepEqual(
      [0, 1, 2].map((index) => tileWidth(0, index, 300)),
      [256, 44, 0],
    )
    assert.deepEqual(
      [0, 1].map((level) => tileWidth(level, 0, 65_535)),
      [256, 255],
    )
    assert.equal(tileWidth('entries', 1, 300), 44)
  })

  it('written as the log grows let each size of it be proved, from nothing else', async () => {
    const size = 700
    const [nodes, all] = [new Nodes(size), entries(size)]
    const sizes = fc
      .uniqueArray(fc.integer({ min: 1, max: size }), { minLength: 2, maxLength: 4 })
      .map((list) => list.sort((a, b) => a - b))
    await fc.assert(
      fc.asyncProperty(sizes, async (grown) => {
        const files = new Files(nodes, all, grown)
        for (const [at, to] of grown.entries()) {
          const hashAt = tileReader(to, files.read)
          assert.deepEqual(await rootAt(to, hashAt), await rootAt(to, nodes.hashAt))
          assert.deepEqual(await inclusionProof(to >> 1, to, hashAt), await inclusionProof(to >> 1, to, nodes.hashAt))
          const from = grown[at - 1] ?? 1
          assert.deepEqual(await consistencyProof(from, to, hashAt), await consistencyProof(from, to, nodes.hashAt))
          const bundle = { level: 'entries', index: (to - 1) >> 8, width: tileWidth('entries', (to - 1) >> 8, to) } as const
          const leaves = decodeEntries(files.read(bundle), bundle.width).map(leafHash)
          assert.deepEqual(leaves, decodeTile(files.read({ ...bundle, level: 0 }), bundle.width))
        }
      }),
      { numRuns: 30 },
    )
  })

  it('that did not change are not written again', () => {
    assert.deepEqual(newTiles(300, 300), [])
    assert.deepEqual(newTiles(256, 257).map(tilePath), ['tile/0/001.p/1', 'tile/entries/001.p/1'])
    assert.deepEqual(newTiles(255, 257).map(tilePath), [
      'tile/0/000',
      'tile/0/001.p/1',
      'tile/1/000.p/1',
      'tile/entries/000',
      'tile/entries/001.p/1',
    ])
    refuses(() => newTiles(2, 1), 'Malformed')
    refuses(() => newTiles(-1, 1), 'Malformed', { field: 'from' })
  })

  it('of another length are Malformed', async () => {
    const tile = encodeTile([new Uint8Array(32), new Uint8Array(32).fill(1)])
    assert.deepEqual(decodeTile(tile, 2)[1], new Uint8Array(32).fill(1))
    for (const [bytes, width] of [
      [tile, 1],
      [tile, 3],
      [tile.subarray(1), 2],
    ] as const) {
      refuses(() => decodeTile(bytes, width), 'Malformed', { field: 'tile' })
    }
    for (const width of [0, 257, -1])
      refuses(() => decodeTile(new Uint8Array(Math.max(width, 0) * 32), width), 'Malformed', { field: 'width' })
    const short = tileReader(2, () => tile.subarray(32))
    await rejects(rootAt(2, short), 'Malformed', { field: 'tile' })
  })

  it('give no node that the log does not have', async () => {
    const nodes = new Nodes(300)
    const read = tileReader(300, new Files(nodes, entries(300), [300]).read)
    await rejects(Promise.resolve(read(0, 300)), 'Malformed', { field: 'tile' })
    await rejects(Promise.resolve(read(8, 1)), 'Malformed', { field: 'tile' })
    await rejects(Promise.resolve(read(2, 75)), 'Malformed', { field: 'tile' })
  })
})

describe('A bundle of entries', () => {
  it('reads back, whatever the entries', () => {
    const bundles = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 256 })
    fc.assert(fc.property(bundles, (list) => assert.deepEqual(decodeEntries(encodeEntries(list), list.length), list)))
    const longest = new Uint8Array(65_535).fill(7)
    assert.deepEqual(decodeEntries(encodeEntries([longest]), 1), [longest])
  })

  it('has two bytes of length before each entry', () => {
    assert.deepEqual(
      encodeEntries([Uint8Array.of(7), new Uint8Array(), new Uint8Array(258)]).subarray(0, 7),
      Uint8Array.of(0, 1, 7, 0, 0, 1, 2),
    )
    refuses(() => encodeEntries([new Uint8Array(65_536)]), 'TooLarge', { field: 'entry', limit: 65_535 })
  })

  it('is Malformed where it is cut, or holds more or fewer entries', () => {
    const bundle = encodeEntries(entries(3))
    for (let length = 0; length < bundle.length; length++)
      refuses(() => decodeEntries(bundle.subarray(0, length), 3), 'Malformed', { field: 'bundle' })
    for (const width of [2, 4]) refuses(() => decodeEntries(bundle, width), 'Malformed', { field: 'bundle' })
    for (const width of [0, 257]) refuses(() => decodeEntries(bundle, width), 'Malformed', { field: 'width' })
  })
})
