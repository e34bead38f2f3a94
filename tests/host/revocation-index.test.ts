import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { MAX_PLACES } from '../../host/fingerprint-table.ts'
import { DIGEST_BYTES, RevocationIndex } from '../../host/revocation-index.ts'
import { refuses } from '../protocol/refusal.ts'

const digestOf = (entry: number | string): Uint8Array => new Uint8Array(createHash('sha256').update(String(entry)).digest())
const digests = (count: number): Uint8Array[] => Array.from({ length: count }, (_, entry) => digestOf(entry))
const found = (index: RevocationIndex, digest: Uint8Array): number[] => [...index.find(digest)].sort((a, b) => a - b)

/** A digest with the first bytes of another: the same fingerprint, another UCAN. */
const twin = (digest: Uint8Array): Uint8Array => new Uint8Array([...digest.subarray(0, DIGEST_BYTES), ...digestOf('twin').subarray(8)])

/** Enough for some hundred entries in each table: so that they stand in each other's way. */
const MANY = 200_000

/** From here on the smallest size of a table counts for nothing. */
const SETTLED = 50_000

describe('The index of revocations', () => {
  it('answers as a list of places for each UCAN does, whatever is added and deleted', () => {
    const universe = digests(12_000)
    for (const [at, digest] of universe.entries()) if (at % 7 === 0) universe[at + 1] = twin(digest)
    const nameOf = (digest: Uint8Array) => Buffer.from(digest.subarray(0, DIGEST_BYTES)).toString('hex')
    const stretch = fc.record({
      isAdding: fc.boolean(),
      from: fc.integer({ min: 0, max: universe.length - 1 }),
      step: fc.constantFrom(1, 3, 7),
      count: fc.integer({ min: 1, max: 9000 }),
    })
    fc.assert(
      fc.property(fc.array(stretch, { minLength: 1, maxLength: 12 }), (stretches) => {
        const index = new RevocationIndex()
        const lists = new Map<string, number[]>()
        let [size, place] = [0, 0]
        for (const { isAdding, from, step, count } of stretches) {
          for (let at = from; at < Math.min(universe.length, from + step * count); at += step) {
            const digest = universe[at] as Uint8Array
            const list = lists.get(nameOf(digest)) ?? []
            lists.set(nameOf(digest), list)
            if (isAdding) {
              index.add(digest, place)
              list.push(place++)
              size++
            } else {
              assert.equal(index.delete(digest, place), false, 'nothing stands there')
              const first = list.shift()
              if (first === undefined) continue
              assert.ok(index.delete(digest, first))
              size--
            }
          }
          assert.equal(index.size, size)
        }
        for (const digest of universe) assert.deepEqual(found(index, digest), lists.get(nameOf(digest)) ?? [])
      }),
      { numRuns: 25 },
    )
  })

  it('takes at most 16 bytes an entry, however many come and go', () => {
    const index = new RevocationIndex()
    const all = digests(MANY)
    const check = () => {
      if (index.size >= SETTLED) assert.ok(index.bytes <= 16 * index.size, `${index.bytes} bytes for ${index.size}`)
    }
    for (const [at, digest] of all.entries()) {
      index.add(digest, at)
      check()
    }
    assert.ok(all.every((digest, at) => index.find(digest)[0] === at))
    const full = index.bytes
    for (const [at, digest] of all.entries()) {
      assert.ok(index.delete(digest, at))
      check()
      if (at % 20_000 === 0) assert.ok(all.every((each, other) => index.find(each).length === (other > at ? 1 : 0)))
    }
    assert.equal(index.size, 0)
    assert.ok(index.bytes < full / 10, `${index.bytes} bytes are left of ${full}`)
  })

  it('grows a table at a time: no entry makes it a hundredth larger', () => {
    const index = new RevocationIndex()
    let before = 0
    for (const [at, digest] of digests(MANY).entries()) {
      before = index.bytes
      index.add(digest, at)
      if (index.size >= SETTLED) assert.ok(index.bytes < 1.01 * before, `from ${before} to ${index.bytes} bytes`)
    }
  })

  it('tells entries of one fingerprint apart by their places', () => {
    const index = new RevocationIndex()
    const [one, other] = [digestOf('one'), twin(digestOf('one'))]
    assert.equal(index.delete(one, 0), false)
    index.add(one, 7)
    assert.deepEqual(found(index, other), [7], 'it says maybe')
    index.add(other, 0)
    assert.deepEqual([found(index, one), index.size], [[0, 7], 2])
    assert.equal(index.delete(one, 6), false)
    assert.ok(index.delete(one, 7))
    assert.deepEqual([found(index, one), found(index, other)], [[0], [0]])
    assert.ok(index.delete(other, 0))
    assert.deepEqual([found(index, one), index.delete(other, 0), index.size], [[], false, 0])
  })

  it('holds any digest and any place, up to what a slot can tell', () => {
    const index = new RevocationIndex()
    for (const digest of [new Uint8Array(32), new Uint8Array(32).fill(255)]) {
      assert.deepEqual(found(index, digest), [])
      for (const place of [0, MAX_PLACES - 1]) index.add(digest, place)
      assert.deepEqual(found(index, digest), [0, MAX_PLACES - 1])
      refuses(() => index.add(digest, MAX_PLACES), 'TooLarge', { field: 'place', limit: MAX_PLACES })
    }
    assert.equal(index.size, 4)
  })

  it('asks digests of other lengths for nothing that it hasn’t', () => {
    const index = new RevocationIndex()
    index.add(digestOf('one'), 0)
    for (const length of [0, 1, 7]) assert.deepEqual(found(index, digestOf('two').subarray(0, length)), [])
  })

  it('spreads digests that were mined for common first bytes, by secrets of its own', () => {
    // All that differs are the last bits: 2^48 hashes or so for each would have to be made.
    const mined = Array.from({ length: 65_536 }, (_, at) => new Uint8Array([1, 2, 3, 4, 5, 6, at >> 8, at & 255]))
    const index = new RevocationIndex()
    for (const [at, each] of mined.entries()) index.add(each, at)
    // Were they in few tables, these would be full to the brim, and the others of the smallest size.
    assert.ok(index.bytes < 16 * mined.length, `${index.bytes} bytes`)
    const alike = mined.filter((each) => index.find(each).length > 1)
    assert.ok(alike.length < 10, `${alike.length} have another's fingerprint`)
    assert.ok(mined.every((each, at) => index.find(each).includes(at)))
  })

  it('has room for as many as it is told to expect', () => {
    const { bytes } = new RevocationIndex(MANY)
    assert.ok(bytes > 8 * MANY && bytes < 12 * MANY, `${bytes} bytes`)
    const index = new RevocationIndex(MANY)
    for (const [at, digest] of digests(MANY).entries()) index.add(digest, at)
    assert.ok(index.bytes < 1.02 * bytes, `from ${bytes} to ${index.bytes} bytes`)
  })

  it('adds and deletes by digests that stand one behind the other', () => {
    const all = digests(1000)
    const packed = Buffer.concat(all.map((digest) => digest.subarray(0, DIGEST_BYTES)))
    const index = new RevocationIndex()
    for (const [at] of all.entries()) index.add(packed, at, at * DIGEST_BYTES)
    assert.ok(all.every((digest, at) => index.find(digest)[0] === at))
    for (const [at] of all.entries()) assert.ok(index.delete(packed, at, at * DIGEST_BYTES))
    assert.equal(index.size, 0)
  })
})
