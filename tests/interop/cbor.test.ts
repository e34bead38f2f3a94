import assert from 'node:assert/strict'
import * as dagCbor from '@ipld/dag-cbor'
import { decode, encode, Failure } from '@symbiosis/protocol'
import fc from 'fast-check'
import { anyValue, bent, SEED } from './values.ts'

const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0
const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))

const ours = (bytes: Uint8Array): boolean => {
  try {
    decode(bytes)
    return true
  } catch (error) {
    assert.ok(error instanceof Failure, `${error} instead of a refusal, for ${Buffer.from(bytes).toString('hex')}`)
    return false
  }
}

/** What the strict reader stands in for: read with the stock codec, write again, compare. */
const stock = (bytes: Uint8Array): boolean => {
  try {
    return same(dagCbor.encode(dagCbor.decode(bytes)), bytes)
  } catch {
    return false
  }
}

/**
 * Numbers that the stock codec takes beyond the subset: integers over 2^53 - 1 either side, and floats as large, which JavaScript
 * holds as integers. The random inputs hit no other difference.
 */
const hasHugeNumber = (value: unknown): boolean => {
  if (typeof value === 'bigint') return true
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value)
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && Object.values(value).some(hasHugeNumber)
}

const agree = (bytes: Uint8Array): void => {
  const [mine, its] = [ours(bytes), stock(bytes)]
  if (mine === its || (its && hasHugeNumber(dagCbor.decode(bytes)))) return
  assert.fail(`ours ${mine}, stock ${its}: ${Buffer.from(bytes).toString('hex')}`)
}

describe('DAG-CBOR, against @ipld/dag-cbor', () => {
  it('writes the same bytes', () => {
    fc.assert(
      fc.property(anyValue, (value) => assert.deepEqual(Buffer.from(encode(value)), Buffer.from(dagCbor.encode(value)))),
      { seed: SEED, numRuns: 3000 },
    )
  })

  it('reads back what it wrote, and as stock reads it', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = encode(value)
        assert.deepEqual(encode(decode(bytes)), bytes)
        assert.deepEqual(dagCbor.encode(decode(bytes)), dagCbor.encode(value))
      }),
      { seed: SEED, numRuns: 2000 },
    )
  })

  describe('admits bytes exactly where stock decodes them and encodes them to the same', () => {
    it('for values that were bent', () => {
      fc.assert(fc.property(bent(anyValue.map(encode)), agree), { seed: SEED, numRuns: 10_000 })
    })

    it('for random bytes', () => {
      fc.assert(fc.property(fc.uint8Array({ maxLength: 16 }), agree), { seed: SEED, numRuns: 10_000 })
    })

    it('for every input of one and two bytes', () => {
      for (let first = 0; first < 256; first++) {
        agree(Uint8Array.of(first))
        for (let second = 0; second < 256; second++) agree(Uint8Array.of(first, second))
      }
    })
  })

  describe('differs on purpose', () => {
    const differences: { what: string; bytes: Uint8Array; ours: boolean; stock: boolean }[] = [
      { what: 'an integer of 2^53: a number can not hold its neighbours', bytes: hex('1b 0020000000000000'), ours: false, stock: true },
      { what: 'an integer of -2^53', bytes: hex('3b 001fffffffffffff'), ours: false, stock: true },
      { what: 'a float of 2^53 or more: an integer, as JavaScript has it', bytes: hex('fb 4340000000000000'), ours: false, stock: true },
      { what: 'a CID with a longer varint in its multihash', bytes: hex('d82a 46 00 01 55 8000 00'), ours: false, stock: true },
      {
        what: 'more than 64 levels',
        bytes: Uint8Array.of(...new Array(65).fill(0x81), 0x80),
        ours: false,
        stock: true,
      },
      // Stock takes it for a CID of another copy of its library.
      { what: 'a map whose "/" and "bytes" are the same', bytes: hex('a2 61 2f 61 71 65 6279746573 61 71'), ours: true, stock: false },
      // Stock drops the mark when it reads, so it can't write the text again.
      { what: 'a text that begins with a byte order mark', bytes: hex('64 efbbbf 61'), ours: true, stock: false },
    ]
    for (const { what, bytes, ...expected } of differences) {
      it(what, () => assert.deepEqual({ ours: ours(bytes), stock: stock(bytes) }, expected))
    }
  })

  describe('agrees where one might not expect it', () => {
    const agreements: { what: string; bytes: Uint8Array; admitted: boolean }[] = [
      { what: 'the least integer, -(2^53 - 1)', bytes: hex('3b 001ffffffffffffe'), admitted: true },
      { what: 'the greatest integer, 2^53 - 1', bytes: hex('1b 001fffffffffffff'), admitted: true },
      { what: 'a small integer written as a float', bytes: hex('fb 3ff0000000000000'), admitted: false },
      { what: 'minus zero', bytes: hex('fb 8000000000000000'), admitted: false },
      { what: 'a float of 16 bits', bytes: hex('f9 3800'), admitted: false },
      { what: 'the key __proto__', bytes: hex('a1 69 5f5f70726f746f5f5f 01'), admitted: false },
      { what: 'a key twice', bytes: hex('a2 6161 01 6161 01'), admitted: false },
      { what: 'keys out of order', bytes: hex('a2 626161 01 6162 01'), admitted: false },
      { what: 'a text that is not UTF-8', bytes: hex('62 c328'), admitted: false },
      { what: 'half of a surrogate pair as UTF-8', bytes: hex('63 eda080'), admitted: false },
      { what: 'undefined', bytes: hex('f7'), admitted: false },
      { what: 'a list of indefinite length', bytes: hex('9f ff'), admitted: false },
      { what: 'a tag other than 42', bytes: hex('c0 61 61'), admitted: false },
      { what: 'bytes after the end', bytes: hex('00 00'), admitted: false },
      { what: 'nothing', bytes: hex(''), admitted: false },
    ]
    for (const { what, bytes, admitted } of agreements) {
      it(`${what}: ${admitted ? 'admitted' : 'refused'}`, () =>
        assert.deepEqual({ ours: ours(bytes), stock: stock(bytes) }, { ours: admitted, stock: admitted }))
    }
  })

  it('refuses to write what it would not read', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 1e300, '\ud800', undefined, 1n, () => 0, Symbol('a')]) {
      assert.throws(() => encode(value), TypeError)
    }
  })
})
