import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import * as dagCbor from '@ipld/dag-cbor'
import { CLOCK_SKEW, cidOf, encode, finish } from '@symbiosis/protocol'
import {
  buildFilter,
  CompactRange,
  decodeEntry,
  decodeFilterHead,
  decodeShard,
  type Entry,
  encodeEntry,
  encodeFilterHead,
  type Filter,
  FilterBuilder,
  filterRoot,
  leafHash,
  mayBeRevoked,
  type RevocationEntry,
  SHARD_KEYS,
  type ShardClaim,
  shardOf,
  shardProofs,
  verifyShard,
} from '@symbiosis/protocol/revocation'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { alice, NOW } from '../../fixtures.ts'
import { plainFilter } from '../../vectors/revocation/plain-filter.ts'
import { refuses } from '../refusal.ts'
import { bentProofs, flipped } from './forest.ts'

const sha256 = (text: string) => new Uint8Array(createHash('sha256').update(text).digest())
const LOG = sha256('a log')
const cause = cidOf(encode('a revocation'))
const digestOf = (at: number) => sha256(`a delegation ${at}`)

const revocation = (digest: Uint8Array, expiration: number | null = null): RevocationEntry => {
  return { kind: 'revocation', ucan: CID.createV1(0x71, Digest.create(0x12, digest)), by: alice.did, expiration, cause }
}

/** The first of endless UCANs, revoked, without keeping any. */
function* revocations(count: number): Generator<Entry> {
  for (let at = 0; at < count; at++) yield revocation(digestOf(at))
}

/** Asks of a filter as a device does that has all of its shards. */
const asking = ({ head, bits, shards }: Filter) => {
  const decoded = shards.map(decodeShard)
  return (digest: Uint8Array): boolean => mayBeRevoked(head, decoded[shardOf(head, bits, digest)] as Uint32Array, digest)
}

const rootOf = (entries: readonly Entry[]): Uint8Array => {
  const range = new CompactRange()
  for (const entry of entries) range.append(leafHash(encodeEntry(entry)))
  return range.root()
}

describe('A filter', () => {
  const MANY = 200_000
  const filter = buildFilter(revocations(MANY), { size: MANY, now: NOW, log: LOG })

  it('misses none of 200,000 revocations', () => {
    const isHit = asking(filter)
    for (let at = 0; at < MANY; at++) assert.ok(isHit(digestOf(at)), `the key ${at}`)
  }).timeout(120_000)

  it('takes one stranger in 256 for revoked, at the most', () => {
    const isHit = asking(filter)
    let hits = 0
    for (let at = 0; at < MANY; at++) if (isHit(digestOf(-1 - at))) hits++
    // 781 are expected; five standard deviations make 140.
    assert.ok(Math.abs(hits - MANY / 256) < 140, `${hits} of ${MANY}`)
  }).timeout(120_000)

  it('has as few shards as hold its keys, 65,536 each, of 9.6 bits a key', () => {
    assert.equal(filter.bits, 2)
    assert.equal(filter.shards.length, 4)
    const counts = filter.shards.map((shard) => decodeShard(shard).length)
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      MANY,
    )
    assert.ok(counts.every((count) => count <= SHARD_KEYS))
    const bytes = filter.shards.reduce((sum, { length }) => sum + length, 0)
    assert.ok(8 * bytes < 9.6 * MANY, `${(8 * bytes) / MANY} bits a key`)
    for (const [count, bits] of [
      [SHARD_KEYS, 0],
      [SHARD_KEYS + 1, 1],
    ] as const) {
      assert.equal(buildFilter(revocations(count), { size: count, now: NOW, log: LOG }).bits, bits)
    }
  }).timeout(120_000)

  it('is the one that a second implementation makes of the log, in several shards as well', () => {
    for (const count of [0, 1, 2, 300, SHARD_KEYS + 20]) {
      const entries = [...revocations(count)]
      const bytes = entries.map(encodeEntry)
      const { bits, root, head, shards } = buildFilter(entries, { size: count, now: NOW, log: rootOf(entries) })
      const plain = plainFilter(bytes, NOW)
      assert.deepEqual([bits, String(root)], [plain.bits, plain.root])
      assert.ok(shards.every((shard, at) => Buffer.compare(shard, plain.shards[at] as Uint8Array) === 0))
      assert.deepEqual(encodeFilterHead(head), new Uint8Array(plain.head))
    }
  }).timeout(120_000)

  it('leaves out what had ended by its time and the clock skew, and nothing else', () => {
    for (const [expiration, isIn] of [
      [null, true],
      [NOW + 1, true],
      [NOW, true],
      [NOW - CLOCK_SKEW, true],
      [NOW - CLOCK_SKEW - 1, false],
      [0, false],
    ] as const) {
      const made = buildFilter([revocation(digestOf(0), expiration)], { size: 1, now: NOW, log: LOG })
      assert.equal(asking(made)(digestOf(0)), isIn, `${expiration}`)
      assert.equal(decodeShard(made.shards[0] as Uint8Array).length, isIn ? 1 : 0)
    }
  })

  it('has a key for each revocation of the first entries, whatever stands between them', () => {
    const manifest: Entry = { kind: 'manifest', seq: 1, root: cause }
    const entries = [revocation(digestOf(0)), manifest, undefined, revocation(digestOf(1)), revocation(digestOf(1))]
    const made = buildFilter(entries, { size: 5, now: NOW, log: LOG })
    assert.equal(decodeShard(made.shards[0] as Uint8Array).length, 3)
    assert.ok(asking(made)(digestOf(0)) && asking(made)(digestOf(1)))
  })

  it('is made of exactly as many entries as it says', () => {
    refuses(() => buildFilter(revocations(3), { size: 2, now: NOW, log: LOG }), 'Malformed', { field: 'size' })
    refuses(() => buildFilter(revocations(3), { size: 4, now: NOW, log: LOG }), 'Malformed', { field: 'size' })
    refuses(() => buildFilter(revocations(1), { size: 1, now: NOW, log: LOG.subarray(1) }), 'Malformed', { field: 'log' })
  })

  it('is made in steps, between which others get their turn', () => {
    const builder = new FilterBuilder({ size: MANY, now: NOW, log: LOG })
    for (const entry of revocations(MANY)) builder.add(entry)
    const steps = builder.finish()
    let turns = 0
    let step = steps.next()
    for (; !step.done; step = steps.next()) turns++
    // Once while its keys are put into their shards, and once while those are written.
    assert.ok(turns >= (2 * MANY) / SHARD_KEYS, `${turns} turns`)
    assert.ok(step.value.root.equals(filter.root))
  }).timeout(120_000)

  it('takes other strangers for revoked when the log has grown', () => {
    const isHit = asking(filter)
    const unlucky = Array.from({ length: 20_000 }, (_, at) => digestOf(-1 - at)).filter(isHit)
    assert.ok(unlucky.length > 20)
    const next = asking(buildFilter(revocations(MANY), { size: MANY, now: NOW, log: sha256('a longer log') }))
    const still = unlucky.filter(next)
    assert.ok(still.length < unlucky.length / 4, `${still.length} of ${unlucky.length}`)
  }).timeout(120_000)

  it('is not filled in one place by digests with common bits', () => {
    // All that differs is the end: under the digest's own bits, one shard would have all.
    const mined = (at: number) => new Uint8Array([...new Uint8Array(28), ...new Uint8Array(Uint32Array.of(at).buffer)])
    const entries = Array.from({ length: SHARD_KEYS + 1 }, (_, at) => revocation(mined(at)))
    const made = buildFilter(entries, { size: entries.length, now: NOW, log: LOG })
    assert.equal(made.bits, 1)
    for (const shard of made.shards) assert.ok(Math.abs(decodeShard(shard).length - SHARD_KEYS / 2) < 1000)
  }).timeout(60_000)
})

describe('A shard of a filter, by itself,', () => {
  const COUNT = 140_000
  const filter = buildFilter(revocations(COUNT), { size: COUNT, now: NOW, log: LOG })
  const { head, bits, shards } = filter
  const proofOf = finish(shardProofs(shards))

  it('is proved to be of the filter whose head the entry names', async () => {
    assert.equal(bits, 2)
    assert.ok(filterRoot(head).equals(filter.root))
    for (const [index, shard] of shards.entries()) {
      const claim: ShardClaim = { head, bits, index, shard, proof: await proofOf(index) }
      assert.ok(verifyShard(claim))
      const bent = flipped(shard, 100)
      assert.equal(verifyShard({ ...claim, shard: bent }), false)
      assert.equal(verifyShard({ ...claim, index: (index + 1) % 4 }), false)
      assert.equal(verifyShard({ ...claim, head: { ...head, shards: LOG } }), false)
      refuses(() => verifyShard({ ...claim, index: 4 }), 'Malformed', { field: 'index' })
      refuses(() => verifyShard({ ...claim, bits: 3 }), 'Malformed', { field: 'proof' })
      refuses(() => verifyShard({ ...claim, bits: 33 }), 'Malformed', { field: 'bits' })
      for (const proof of bentProofs(claim.proof, index)) {
        const isWhole = proof.length === bits && proof.every(({ length }) => length === 32)
        if (isWhole) assert.equal(verifyShard({ ...claim, proof }), false)
        else refuses(() => verifyShard({ ...claim, proof }), 'Malformed', { field: 'proof' })
      }
    }
    refuses(() => proofOf(4), 'Malformed', { field: 'index' })
  }).timeout(60_000)

  it('is proved by nothing where there is no other', async () => {
    const whole = buildFilter(revocations(10), { size: 10, now: NOW, log: LOG })
    const proof = await finish(shardProofs(whole.shards))(0)
    assert.deepEqual(proof, [])
    assert.ok(verifyShard({ head: whole.head, bits: 0, index: 0, shard: whole.shards[0] as Uint8Array, proof }))
  })

  it('answers for a UCAN that belongs to it only', () => {
    refuses(() => shardOf(head, 33, digestOf(0)), 'Malformed', { field: 'bits' })
    refuses(() => shardOf(head, bits, digestOf(0).subarray(1)), 'Malformed', { field: 'digest' })
    refuses(() => mayBeRevoked(head, new Uint32Array(), digestOf(0).subarray(1)), 'Malformed', { field: 'digest' })
    assert.equal(mayBeRevoked(head, new Uint32Array(), digestOf(0)), false)
  })
})

describe('The head of a filter', () => {
  const head = { log: LOG, shards: sha256('shards') }

  it('is written as stock DAG-CBOR writes it, and read back', () => {
    const bytes = encodeFilterHead(head)
    assert.deepEqual(bytes, dagCbor.encode(head))
    assert.deepEqual(decodeFilterHead(bytes), head)
    assert.ok(filterRoot(head).equals(cidOf(bytes)))
    // So an entry can name it.
    const entry: Entry = { kind: 'filter', size: 0, now: NOW, bits: 0, root: filterRoot(head) }
    assert.deepEqual(decodeEntry(encodeEntry(entry)), entry)
  })

  it('is Malformed with other fields, or other than hashes', () => {
    for (const bent of [
      null,
      7,
      [],
      [LOG, LOG],
      LOG,
      cause,
      {},
      { log: LOG },
      { ...head, more: 0 },
      { ...head, log: LOG.subarray(1) },
      { ...head, shards: 'shards' },
      { ...head, shards: new Uint8Array(33) },
    ]) {
      refuses(() => decodeFilterHead(dagCbor.encode(bent)), 'Malformed')
    }
    refuses(() => decodeFilterHead(new Uint8Array([...encodeFilterHead(head), 0])), 'NotCanonical')
    refuses(() => encodeFilterHead({ ...head, log: LOG.subarray(1) }), 'Malformed', { field: 'log' })
  })
})
