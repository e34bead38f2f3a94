import assert from 'node:assert/strict'
import { cidOf, encode, signerFromSeed } from '@symbiosis/protocol'
import {
  buildFilter,
  CompactRange,
  consistencyProof,
  decodeEntry,
  decodeShard,
  type Entry,
  encodeEntry,
  encodeShard,
  type FilterEntry,
  filterRoot,
  type HashReader,
  inclusionProof,
  isFilterOf,
  leafHash,
  mayBeRevoked,
  noteSigner,
  originOf,
  rootAt,
  signCheckpoint,
  verifyCheckpoint,
  verifyConsistency,
  verifyInclusion,
} from '@symbiosis/protocol/revocation'
import { NOW } from '../../fixtures.ts'
import { refuses } from '../refusal.ts'

const host = signerFromSeed(new Uint8Array(32).fill(7))
const signer = noteSigner(originOf(host.did), host)

const revocations: Entry[] = Array.from({ length: 300 }, (_, at) => {
  return { kind: 'revocation', ucan: cidOf(encode(at)), by: host.did, expiration: NOW + at - 150, cause: cidOf(encode(`revoke ${at}`)) }
})

/** What a host publishes: its log's entries, nodes and signed checkpoint. */
const publish = async (entries: readonly Entry[]) => {
  const bytes = entries.map(encodeEntry)
  const levels: Uint8Array[][] = []
  const range = new CompactRange()
  for (const each of bytes) {
    range.append(leafHash(each), (level, index, hash) => {
      levels[level] ??= []
      ;(levels[level] as Uint8Array[])[index] = hash
    })
  }
  const hashAt: HashReader = (level, index) => levels[level]?.[index] as Uint8Array
  const checkpoint = await signCheckpoint({ origin: signer.key.name, size: bytes.length, root: range.root() }, signer)
  return { bytes, hashAt, checkpoint }
}

/** That a host signed a claim about a filter which is not so: all that a stranger needs to see it. */
interface Evidence {
  readonly checkpoint: string
  readonly index: number
  readonly inclusion: readonly Uint8Array[]
  readonly claim: Uint8Array
  /** The entries that the claim is about, and that the log of the checkpoint begins with them. */
  readonly entries: readonly Uint8Array[]
  readonly consistency: readonly Uint8Array[]
}

/** Whether the evidence convicts whoever signed the checkpoint. */
const convicts = ({ checkpoint, index, inclusion, claim, entries, consistency }: Evidence): boolean => {
  const { size, root } = verifyCheckpoint(checkpoint, { origin: signer.key.name, keys: [signer.key] })
  assert.ok(verifyInclusion({ index, size, leaf: leafHash(claim), proof: inclusion, root }), 'the claim is in the log')
  const range = new CompactRange()
  for (const entry of entries) range.append(leafHash(entry))
  const log = range.root()
  assert.ok(
    verifyConsistency({ from: entries.length, to: size, proof: consistency, fromRoot: log, toRoot: root }),
    'the log begins with the entries',
  )
  return !isFilterOf(decodeEntry(claim) as FilterEntry, log, entries.map(decodeEntry))
}

/** The evidence against a host that logs such a claim after the revocations, and goes on. */
const evidenceOf = async (claim: FilterEntry): Promise<Evidence> => {
  const { bytes, hashAt, checkpoint } = await publish([
    ...revocations,
    claim,
    { kind: 'manifest', seq: 1, root: cidOf(encode('manifest')) },
  ])
  const [index, size] = [revocations.length, bytes.length]
  return {
    checkpoint,
    index,
    inclusion: await inclusionProof(index, size, hashAt),
    claim: bytes[index] as Uint8Array,
    entries: bytes.slice(0, claim.size),
    consistency: await consistencyProof(claim.size, size, hashAt),
  }
}

const { hashAt } = await publish(revocations)
const size = revocations.length
const log = await rootAt(size, hashAt)
const filter = buildFilter(revocations, { size, now: NOW, log })
const truth: FilterEntry = { kind: 'filter', size, now: NOW, bits: filter.bits, root: filter.root }

describe('A filter in a signed log', () => {
  it('convicts nobody where it is what the log makes of it', async () => {
    assert.equal(convicts(await evidenceOf(truth)), false)
    const earlier = buildFilter(revocations.slice(0, 100), { size: 100, now: NOW + 7, log: await rootAt(100, hashAt) })
    assert.equal(convicts(await evidenceOf({ ...truth, size: 100, now: NOW + 7, root: earlier.root })), false)
  })

  it('convicts a host that leaves a revocation out', async () => {
    const hidden = revocations[299] as Entry & { kind: 'revocation' }
    const isHit = (shards: readonly Uint8Array[]) =>
      mayBeRevoked(filter.head, decodeShard(shards[0] as Uint8Array), hidden.ucan.multihash.digest)
    const without = buildFilter([...revocations.slice(0, 299), undefined], { size, now: NOW, log })
    assert.deepEqual([isHit(filter.shards), isHit(without.shards)], [true, false], 'a device takes the lie for certain')
    assert.ok(convicts(await evidenceOf({ ...truth, root: without.root })))
  })

  it('convicts a host whose filter has one key more, another time, size, number of shards or key', async () => {
    const tags = new Uint32Array([...decodeShard(filter.shards[0] as Uint8Array), 0])
    const range = new CompactRange()
    range.append(leafHash(encodeShard(tags.sort())))
    const others = [
      { ...truth, root: filterRoot({ log, shards: range.root() }) },
      { ...truth, now: NOW + 50 },
      { ...truth, now: NOW - 50 },
      { ...truth, size: size - 1 },
      { ...truth, bits: 1 },
      { ...truth, root: filterRoot({ ...filter.head, log: new Uint8Array(32) }) },
      { ...truth, root: cidOf(encode('no filter')) },
    ]
    for (const claim of others) assert.ok(convicts(await evidenceOf(claim)), JSON.stringify(claim))
  })

  it('convicts nobody by other entries than the log has', async () => {
    const evidence = await evidenceOf(truth)
    const [first, second, ...rest] = evidence.entries as [Uint8Array, Uint8Array, ...Uint8Array[]]
    assert.throws(() => convicts({ ...evidence, entries: [second, first, ...rest] }), assert.AssertionError)
    refuses(() => isFilterOf(truth, log, revocations.slice(1)), 'Malformed', { field: 'size' })
  })
})
