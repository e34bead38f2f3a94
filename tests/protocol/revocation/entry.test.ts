import assert from 'node:assert/strict'
import * as dagCbor from '@ipld/dag-cbor'
import { bytesFromDid, cidOf, encode } from '@symbiosis/protocol'
import { decodeEntry, type Entry, encodeEntry } from '@symbiosis/protocol/revocation'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { alice, NOW } from '../../fixtures.ts'
import { refuses } from '../refusal.ts'

const ucan = cidOf(encode('a delegation'))
const cause = cidOf(encode('its revocation'))
const root = cidOf(encode('a manifest'))
const by = bytesFromDid(alice.did)

const ENTRIES: readonly [Entry, unknown][] = [
  [{ kind: 'revocation', ucan, by: alice.did, expiration: NOW, cause }, { r: [ucan, by, NOW, cause] }],
  [{ kind: 'revocation', ucan, by: alice.did, expiration: null, cause }, { r: [ucan, by, null, cause] }],
  [{ kind: 'manifest', seq: 7, root }, { m: [7, root] }],
  [{ kind: 'filter', size: 1000, now: NOW, bits: 32, root }, { f: [1000, NOW, 32, root] }],
]

describe('An entry of the log', () => {
  it('is written as stock DAG-CBOR writes it, and read back', () => {
    for (const [entry, fields] of ENTRIES) {
      const bytes = encodeEntry(entry)
      assert.deepEqual(bytes, dagCbor.encode(fields))
      assert.deepEqual(decodeEntry(bytes), entry)
    }
  })

  it('is Malformed with fields that are missing, spare or of another kind', () => {
    const bent: unknown[] = [
      null,
      7,
      'r',
      by,
      ucan,
      [],
      {},
      { r: null },
      { r: {} },
      { r: [] },
      { r: [ucan, by, NOW] },
      { r: [ucan, by, NOW, cause, 0] },
      { r: [ucan, by, NOW, cause], m: [7, root] },
      { r: [String(ucan), by, NOW, cause] },
      { r: [ucan, alice.did, NOW, cause] },
      { r: [ucan, by.subarray(2), NOW, cause] },
      { r: [ucan, new Uint8Array(34), NOW, cause] },
      { r: [ucan, by, -1, cause] },
      { r: [ucan, by, 1.5, cause] },
      { r: [ucan, by, '1', cause] },
      { r: [ucan, by, NOW, null] },
      { m: [7] },
      { m: [7, root, 0] },
      { m: [-1, root] },
      { m: [null, root] },
      { m: [7, 'root'] },
      { f: [1000, NOW, 8] },
      { f: [1000, NOW, 8, root, 0] },
      { f: [-1, NOW, 8, root] },
      { f: [1000, null, 8, root] },
      { f: [1000, NOW, 33, root] },
      { f: [1000, NOW, -1, root] },
      { f: [1000, NOW, 8, null] },
    ]
    for (const fields of bent) refuses(() => decodeEntry(encode(fields)), 'Malformed')
  })

  it('names blocks by CIDv1, dag-cbor and sha2-256 only', () => {
    const others = [
      CID.createV1(0x55, ucan.multihash),
      CID.createV1(0x71, Digest.create(0x12, ucan.multihash.digest.subarray(0, 20))),
      CID.createV1(0x71, Digest.create(0x1b, ucan.multihash.digest)),
      CID.createV0(CID.createV1(0x70, ucan.multihash).multihash as never),
    ]
    for (const other of others) {
      refuses(() => decodeEntry(dagCbor.encode({ r: [other, by, NOW, cause] })), 'NotCanonical', { field: 'ucan' })
      refuses(() => decodeEntry(dagCbor.encode({ r: [ucan, by, NOW, other] })), 'NotCanonical', { field: 'cause' })
      refuses(() => decodeEntry(dagCbor.encode({ m: [7, other] })), 'NotCanonical', { field: 'root' })
      refuses(() => decodeEntry(dagCbor.encode({ f: [1000, NOW, 8, other] })), 'NotCanonical', { field: 'root' })
    }
  })

  it('has one form', () => {
    const bytes = encodeEntry(ENTRIES[2]?.[0] as Entry)
    refuses(() => decodeEntry(new Uint8Array([...bytes, 0])), 'NotCanonical')
    // 7 in two bytes.
    refuses(() => decodeEntry(new Uint8Array([...bytes.subarray(0, 4), 0x18, ...bytes.subarray(4)])), 'NotCanonical')
    for (let length = 0; length < bytes.length; length++) refuses(() => decodeEntry(bytes.subarray(0, length)), 'Malformed')
  })

  it('of a kind that is not known is told from a broken one', () => {
    refuses(() => decodeEntry(encode({ x: [1, 2] })), 'Unsupported', { field: 'kind' })
    refuses(() => decodeEntry(encode({ toString: [] })), 'Unsupported', { field: 'kind' })
  })

  it('is not written where no one would read it', () => {
    refuses(() => encodeEntry({ kind: 'manifest', seq: -1, root }), 'Malformed', { field: 'seq' })
    refuses(() => encodeEntry({ kind: 'manifest', seq: 0, root: CID.createV1(0x55, ucan.multihash) }), 'NotCanonical', { field: 'root' })
    refuses(() => encodeEntry({ kind: 'revocation', ucan, by: 'did:key:z6MkX', expiration: null, cause }), 'Malformed')
  })
})
