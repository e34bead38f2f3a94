import assert from 'node:assert/strict'
import { encode } from '@symbiosis/protocol'
import { CompactRange, leafHash } from '@symbiosis/protocol/revocation'
import fc from 'fast-check'
import { mth } from '../../vectors/revocation/plain-tree.ts'
import { refuses } from '../refusal.ts'
import { entries, entry, Nodes } from './forest.ts'

const over = (begin: number, end: number): CompactRange => {
  const range = new CompactRange(begin)
  for (let index = begin; index < end; index++) range.append(leafHash(entry(index)))
  return range
}

describe('A compact range', () => {
  it('has the root of RFC 6962 at every size', () => {
    const range = new CompactRange()
    for (let size = 0; size <= 130; size++) {
      assert.deepEqual(range.root(), mth(entries(size)), String(size))
      assert.equal(range.end, size)
      range.append(leafHash(entry(size)))
    }
  })

  it('remembers a hash for each bit that is set in its size', () => {
    for (const [size, count] of [
      [0, 0],
      [1, 1],
      [7, 3],
      [64, 1],
      [127, 7],
    ] as const)
      assert.equal(over(0, size).hashes.length, count)
  })

  it('merges with the next one into what appending all gives', () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 3, maxLength: 3 }).map((all) => all.sort((a, b) => a - b))
    fc.assert(
      fc.property(cuts, ([begin = 0, middle = 0, end = 0]) => {
        const merged = over(begin, middle)
        merged.merge(over(middle, end))
        assert.deepEqual(merged.encode(), over(begin, end).encode())
      }),
    )
  })

  it('tells each node once, as it comes to be, whether appended to or merged', () => {
    const nodes = new Nodes(21)
    const told = new Map<string, Uint8Array>()
    const visit = (level: number, index: number, hash: Uint8Array) => {
      assert.ok(!told.has(`${level} ${index}`), `node ${index} of level ${level} was told already`)
      told.set(`${level} ${index}`, hash)
    }
    const grown = (begin: number, end: number) => {
      const range = new CompactRange(begin)
      for (let index = begin; index < end; index++) range.append(leafHash(entry(index)), visit)
      return range
    }
    const range = grown(0, 6)
    range.merge(grown(6, 15), visit)
    range.merge(grown(15, 21), visit)
    const all = nodes.levels.flatMap((hashes, level) => hashes.map((hash, index) => [`${level} ${index}`, hash] as const))
    assert.deepEqual(new Map([...told].sort()), new Map(all.sort()))
  })

  it('is the same after it was written and read, and grows on', () => {
    for (const [begin, end] of [
      [0, 0],
      [0, 1],
      [0, 77],
      [5, 5],
      [5, 77],
    ] as const) {
      const range = CompactRange.decode(over(begin, end).encode())
      assert.deepEqual([range.begin, range.end, range.hashes], [begin, end, over(begin, end).hashes])
      range.append(leafHash(entry(end)))
      assert.deepEqual(range.encode(), over(begin, end + 1).encode())
    }
  })

  it('holds the largest log there can be, and no more', () => {
    const hashes = (count: number) => new Uint8Array(32 * count)
    const full = CompactRange.decode(encode([0, Number.MAX_SAFE_INTEGER, hashes(53)]))
    refuses(() => full.append(new Uint8Array(32)), 'Malformed', { field: 'end' })
    assert.equal(CompactRange.decode(encode([1, Number.MAX_SAFE_INTEGER, hashes(104)])).hashes.length, 104)
    const nearly = CompactRange.decode(encode([0, 2 ** 53 - 2, hashes(52)]))
    nearly.append(new Uint8Array(32))
    assert.equal(nearly.hashes.length, 53)
  })

  it('has no root unless it begins at 0, and is merged only with what begins where it ends', () => {
    refuses(() => over(1, 4).root(), 'Malformed', { field: 'begin' })
    refuses(() => over(0, 4).merge(over(5, 6)), 'Malformed', { field: 'begin' })
    refuses(() => over(0, 4).merge(over(3, 6)), 'Malformed', { field: 'begin' })
  })

  it('takes nothing but hashes, and begins at nothing but an index', () => {
    const range = over(0, 3)
    for (const leaf of [new Uint8Array(31), new Uint8Array(33), 'leaf' as unknown as Uint8Array]) {
      refuses(() => range.append(leaf), 'Malformed', { field: 'leaf' })
    }
    assert.deepEqual(range.encode(), over(0, 3).encode(), 'and is what it was')
    for (const begin of [-1, 0.5, 2 ** 53]) refuses(() => new CompactRange(begin), 'Malformed', { field: 'begin' })
  })

  it('is read in its one form only', () => {
    const three = over(0, 3).hashes.flatMap((hash) => [...hash])
    const bent: [unknown, string][] = [
      [{}, 'Malformed'],
      [null, 'Malformed'],
      [[], 'Malformed'],
      [[0, 3, 'hashes'], 'Malformed'],
      [[0, 3, new Uint8Array(three), 0], 'Malformed'],
      [[0, 3, new Uint8Array(three.slice(1))], 'Malformed'],
      [[0, 3, new Uint8Array([...three, ...three])], 'Malformed'],
      [[0, 2, new Uint8Array(three)], 'Malformed'],
      [[3, 0, new Uint8Array()], 'Malformed'],
      [[-1, 3, new Uint8Array(three)], 'Malformed'],
      [[0, '3', new Uint8Array(three)], 'Malformed'],
      [['0', 3, new Uint8Array(three)], 'Malformed'],
    ]
    for (const [value, code] of bent) refuses(() => CompactRange.decode(encode(value)), code)
    refuses(() => CompactRange.decode(new Uint8Array([...over(0, 3).encode(), 0])), 'NotCanonical')
  })
})
