import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { FINGERPRINT_BYTES } from '../../host/fingerprint-table.ts'
import { RevocationIndex } from '../../host/revocation-index.ts'
import { refuses } from '../protocol/refusal.ts'

const digestOf = (entry: number | string): Uint8Array => new Uint8Array(createHash('sha256').update(String(entry)).digest())
const digests = (count: number): Uint8Array[] => Array.from({ length: count }, (_, entry) => digestOf(entry))
const fingerprint = (digest: Uint8Array): string => Buffer.from(digest.subarray(0, FINGERPRINT_BYTES)).toString('hex')
const concat = (blocks: Iterable<Uint8Array>): Buffer => Buffer.concat([...blocks])
const dumped = (index: RevocationIndex): string[] =>
  (concat(index.dump()).toString('hex').match(/.{16}/g) as string[] | null)?.sort((a, b) => (a < b ? -1 : 1)) ?? []

/** A digest with the first bytes of another: the same fingerprint, another UCAN. */
const twin = (digest: Uint8Array): Uint8Array => new Uint8Array([...digest.subarray(0, FINGERPRINT_BYTES), ...digestOf('twin').subarray(8)])

/** Enough for some hundred entries in each table: so that they stand in each other's way. */
const MANY = 200_000

/** From here on the smallest size of a table counts for nothing. */
const SETTLED = 50_000

describe('The index of revocations', () => {
  it('answers as a bag of fingerprints does, whatever is added and deleted', () => {
    const universe = digests(12_000)
    for (const [at, digest] of universe.entries()) if (at % 7 === 0) universe[at + 1] = twin(digest)
    const stretch = fc.record({
      isAdding: fc.boolean(),
      from: fc.integer({ min: 0, max: universe.length - 1 }),
      step: fc.constantFrom(1, 3, 7),
      count: fc.integer({ min: 1, max: 9000 }),
    })
    fc.assert(
      fc.property(fc.array(stretch, { minLength: 1, maxLength: 12 }), (stretches) => {
        const index = new RevocationIndex()
        const bag = new Map<string, number>()
        let size = 0
        for (const { isAdding, from, step, count } of stretches) {
          for (let at = from; at < Math.min(universe.length, from + step * count); at += step) {
            const digest = universe[at] as Uint8Array
            const held = bag.get(fingerprint(digest)) ?? 0
            if (isAdding) index.add(digest)
            else assert.equal(index.delete(digest), held > 0)
            const change = isAdding ? 1 : held > 0 ? -1 : 0
            bag.set(fingerprint(digest), held + change)
            size += change
          }
          assert.equal(index.size, size)
        }
        for (const digest of universe) assert.equal(index.has(digest), (bag.get(fingerprint(digest)) ?? 0) > 0)
        const expected = [...bag].flatMap(([each, count]) => new Array<string>(count).fill(each)).sort((a, b) => (a < b ? -1 : 1))
        assert.deepEqual(dumped(index), expected)
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
    for (const digest of all) {
      index.add(digest)
      check()
    }
    assert.ok(all.every((digest) => index.has(digest)))
    const full = index.bytes
    for (const [at, digest] of all.entries()) {
      assert.ok(index.delete(digest))
      check()
      if (at % 20_000 === 0) assert.ok(all.every((each, other) => index.has(each) === other > at))
    }
    assert.equal(index.size, 0)
    assert.ok(index.bytes < full / 10, `${index.bytes} bytes are left of ${full}`)
  })

  it('grows a table at a time: no entry makes it a hundredth larger', () => {
    const index = new RevocationIndex()
    let before = 0
    for (const digest of digests(MANY)) {
      before = index.bytes
      index.add(digest)
      if (index.size >= SETTLED) assert.ok(index.bytes < 1.01 * before, `from ${before} to ${index.bytes} bytes`)
    }
  })

  it('counts entries of one fingerprint, and tells nothing of them apart', () => {
    const index = new RevocationIndex()
    const [one, other] = [digestOf('one'), twin(digestOf('one'))]
    assert.equal(index.delete(one), false)
    index.add(one)
    assert.ok(index.has(other), 'it says maybe')
    index.add(other)
    assert.equal(index.size, 2)
    assert.ok(index.delete(one))
    assert.ok(index.has(one) && index.has(other), 'the other is still there')
    assert.ok(index.delete(other))
    assert.deepEqual([index.has(one), index.has(other), index.delete(other), index.size], [false, false, false, 0])
  })

  it('holds a digest that begins like an empty slot', () => {
    const index = new RevocationIndex()
    const zero = new Uint8Array(32)
    assert.equal(index.has(zero), false)
    index.add(zero)
    assert.ok(index.has(zero))
    index.load(new Uint8Array(FINGERPRINT_BYTES))
    assert.equal(index.size, 2)
    assert.equal(dumped(index).length, 2)
    assert.ok(index.delete(zero) && index.has(zero) && index.delete(zero))
    assert.deepEqual([index.has(zero), index.size], [false, 0])
  })

  it('spreads digests that were mined for common first bytes, by a secret of its own', () => {
    // All that differs are the last bits of a fingerprint: 2^48 hashes or so for each would have to be made.
    const mined = Array.from({ length: 65_536 }, (_, at) => new Uint8Array([1, 2, 3, 4, 5, 6, at >> 8, at & 255]))
    /** Where each stands behind the ones before it. */
    const orderOf = () => {
      const index = new RevocationIndex()
      for (const each of mined) index.add(each)
      assert.ok(mined.every((each) => index.has(each)))
      const all = concat(index.dump())
      return mined.map((_, at) => all.readUInt16BE(at * FINGERPRINT_BYTES + 6))
    }
    const [one, other] = [orderOf(), orderOf()]
    const follows = new Map(one.map((each, at) => [each, one[at + 1]]))
    const alike = other.filter((each, at) => other[at + 1] !== undefined && follows.get(each) === other[at + 1]).length
    const unmoved = one.filter((each, at) => Math.abs((one[at + 1] ?? Number.NaN) - each) === 1).length
    assert.ok(alike < 100, `${alike} neighbours in both`)
    assert.ok(unmoved < 1000, `${unmoved} neighbours as they were mined`)
  })

  it('is loaded from blocks of fingerprints, and dumped as such', () => {
    const all = digests(30_000)
    const packed = concat(all.map((digest) => digest.subarray(0, FINGERPRINT_BYTES)))
    for (const index of [
      new RevocationIndex(),
      new RevocationIndex(all.length),
      new RevocationIndex(10),
      new RevocationIndex(10 * all.length),
    ]) {
      for (let at = 0; at < packed.length; at += 8000) index.load(packed.subarray(at, at + 8000))
      assert.equal(index.size, all.length)
      assert.ok(all.every((digest) => index.has(digest)))
      assert.equal(index.has(digestOf('no entry')), false)
      const sizes = [...index.dump(10_000)].map(({ length }) => length / FINGERPRINT_BYTES)
      assert.ok(sizes.every((size) => size > 0 && size <= 10_000))
      assert.ok(sizes.length <= 4, `${sizes}`)
      const again = new RevocationIndex()
      for (const block of index.dump(777)) again.load(block)
      assert.deepEqual(
        dumped(again),
        all.map(fingerprint).sort((a, b) => (a < b ? -1 : 1)),
      )
      for (const digest of all) assert.ok(index.delete(digest))
      assert.equal(index.size, 0)
    }
    assert.deepEqual([...new RevocationIndex().dump()], [])
  })

  it('has room for as many as it is told to expect', () => {
    const { bytes } = new RevocationIndex(MANY)
    assert.ok(bytes > 8 * MANY && bytes < 12 * MANY, `${bytes} bytes`)
    const index = new RevocationIndex(MANY)
    for (const digest of digests(MANY)) index.add(digest)
    assert.ok(index.bytes < 1.02 * bytes, `from ${bytes} to ${index.bytes} bytes`)
  })

  it('is dumped while entries come and go: what stays is in it once', () => {
    const index = new RevocationIndex()
    const all = digests(40_000)
    const [staying, going, coming] = [all.slice(0, 20_000), all.slice(20_000, 30_000), all.slice(30_000)]
    for (const digest of [...staying, ...going]) index.add(digest)
    const blocks: Uint8Array[] = []
    for (const block of index.dump(500)) {
      blocks.push(block)
      for (const digest of going.splice(0, 200)) index.delete(digest)
      for (const digest of coming.splice(0, 400)) index.add(digest)
    }
    assert.ok(going.length === 0 && coming.length === 0)
    const counts = new Map<string, number>()
    for (const each of concat(blocks).toString('hex').match(/.{16}/g) ?? []) counts.set(each, (counts.get(each) ?? 0) + 1)
    assert.ok(staying.every((digest) => counts.get(fingerprint(digest)) === 1))
    const known = new Set(all.map(fingerprint))
    assert.ok([...counts].every(([each, count]) => known.has(each) && count === 1))
  })

  it('is not loaded from a block that ends within a fingerprint', () => {
    const index = new RevocationIndex()
    refuses(() => index.load(new Uint8Array(9).fill(1)), 'Malformed', { field: 'block' })
    assert.equal(index.size, 0)
  })
})
