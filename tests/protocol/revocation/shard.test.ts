import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Failure } from '@symbiosis/protocol'
import { decodeShard, encodeShard, SHARD_KEYS } from '@symbiosis/protocol/revocation'
import fc from 'fast-check'
import { plainShard, readShard } from '../../vectors/revocation/plain-filter.ts'
import { refuses } from '../refusal.ts'
import { flipped } from './forest.ts'

const randomTags = (count: number): Uint32Array => new Uint32Array(new Uint8Array(randomBytes(4 * count)).buffer).sort()

const refusedOr = (read: () => Iterable<number>): unknown => {
  try {
    return [...read()]
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown.name
    return (thrown as { code?: string }).code ?? assert.fail(String(thrown))
  }
}

describe('A shard of a filter', () => {
  const tags = fc.uint32Array({ maxLength: 300 }).map((some) => some.sort())

  it('is what a second implementation makes of its tags, and reads back', () => {
    fc.assert(
      fc.property(tags, (some) => {
        const bytes = encodeShard(some)
        assert.deepEqual(bytes, plainShard([...some]))
        assert.deepEqual([...decodeShard(bytes)], readShard(bytes))
      }),
    )
  })

  it('holds tags at both ends of their range', () => {
    for (const some of [[0], [2 ** 32 - 1], [0, 0, 2 ** 32 - 1, 2 ** 32 - 1], [1, 2 ** 31, 2 ** 31 + 1]]) {
      const bytes = encodeShard(Uint32Array.from(some))
      assert.deepEqual(bytes, plainShard(some))
      assert.deepEqual([...decodeShard(bytes)], readShard(bytes))
    }
  })

  it('has at most 65,536 keys, and with them at most 79 kB', () => {
    const bytes = encodeShard(randomTags(SHARD_KEYS))
    assert.ok(bytes.length <= 79_000, `${bytes.length} bytes`)
    assert.ok(bytes.length * 8 <= 9.6 * SHARD_KEYS, `${(bytes.length * 8) / SHARD_KEYS} bits a key`)
    assert.deepEqual(bytes, plainShard([...randomTags(0), ...readTags(bytes)]))
    // What tags are mined to lie far apart costs little more.
    const apart = encodeShard(Uint32Array.from({ length: SHARD_KEYS }, (_, at) => (at < SHARD_KEYS - 1 ? 0 : 2 ** 32 - 1)))
    assert.ok(apart.length <= 4 + (10 * SHARD_KEYS) / 8, `${apart.length} bytes`)
    refuses(() => encodeShard(randomTags(SHARD_KEYS + 1)), 'TooLarge', { field: 'keys', limit: SHARD_KEYS })
  })

  it('has one form: bytes that are read are those that are written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (rest) => {
        const bytes = new Uint8Array([0, 0, 0, rest.length % 40, ...rest])
        const read = refusedOr(() => decodeShard(bytes))
        assert.deepEqual(
          read,
          refusedOr(() => readShard(bytes)),
        )
        if (Array.isArray(read)) assert.deepEqual(encodeShard(tagsOf(read)), bytes)
      }),
      { numRuns: 2000 },
    )
  })

  it('is refused or is another one, whichever bit is turned, and wherever it is cut', () => {
    const bytes = encodeShard(randomTags(50))
    const values = [...decodeShard(bytes)]
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const bent = flipped(bytes, bit)
      const read = refusedOr(() => decodeShard(bent))
      assert.deepEqual(
        read,
        refusedOr(() => readShard(bent)),
        `bit ${bit}`,
      )
      assert.notDeepEqual(read, values, `bit ${bit}`)
    }
    for (let length = 0; length < bytes.length; length++) refuses(() => decodeShard(bytes.subarray(0, length)), 'Malformed')
    refuses(() => decodeShard(new Uint8Array([...bytes, 0])), 'NotCanonical', { field: 'shard' })
    refuses(() => decodeShard([...bytes] as unknown as Uint8Array), 'Malformed', { field: 'shard' })
  })

  it('is read from the middle of other bytes', () => {
    const bytes = encodeShard(randomTags(50))
    const among = new Uint8Array([9, 9, 9, ...bytes, 9])
    assert.deepEqual(decodeShard(among.subarray(3, 3 + bytes.length)), decodeShard(bytes))
  })
})

/** Tags that are written as these values: of each the least. */
const tagsOf = (values: readonly number[]): Uint32Array => Uint32Array.from(values, (value) => Math.ceil((value * 2 ** 24) / values.length))
const readTags = (shard: Uint8Array): Uint32Array => tagsOf(readShard(shard))
