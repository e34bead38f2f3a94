import { createHash } from 'node:crypto'
import { type Block, encode, type Ucan } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { bent, bentCbor, blockOf, modelOf, Pairs, pairsOf, Raw } from './bent.ts'

const text = (value: string) => new TextEncoder().encode(value)
const hashed = (hash: string, code: number, bytes: Uint8Array) => Digest.create(code, createHash(hash).update(bytes).digest())
const didOf = (bytes: Uint8Array, did: string) => (bytes.length === 34 ? text(did.slice('did:'.length)) : bytes)

const base64url = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('base64url')
const jwt = (ucan: Ucan) => `${base64url('{"alg":"EdDSA","typ":"JWT","ucv":"0.9.1"}')}.${base64url('{}')}.${base64url(ucan.signature)}`

/** A capability with its `nb` changed and the rest left. */
const withNb = (ucan: Ucan, change: (nb: Record<string, unknown>) => unknown) =>
  (modelOf(ucan).att as Record<string, unknown>[]).map((capability) => ({ ...capability, nb: change((capability.nb ?? {}) as never) }))

const L = 2n ** 252n + 27742317777372353535851937790883648493n
const littleEndian = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)

/** The same signature with the group's order added to S: lax verifiers accept both. */
const secondSignature = ({ signature }: Ucan): Uint8Array => {
  const s = littleEndian(signature.subarray(32)) + L
  const hex = s.toString(16).padStart(64, '0')
  return Uint8Array.of(0xed, 0xa1, 0x03, 0x40, ...signature.subarray(0, 32), ...Buffer.from(hex, 'hex').reverse())
}

/** What a form is met with: the message is refused whole, or the block counts for nothing, or its signature does. */
type Met = 'NotCanonical' | 'void' | 'BadSignature' | 'BadHash'

/**
 * Second blocks for the one signature of a UCAN. Stock readers take most of them for the UCAN itself, under a CID that no revocation names.
 * They need an `nb` with a link under `at`.
 */
export const FORMS: Record<string, [Met, (ucan: Ucan) => Block]> = {
  'another CID over its bytes': ['BadHash', (ucan) => ({ cid: blockOf(encode({})).cid, bytes: ucan.bytes })],
  'its CID over other bytes': ['BadHash', (ucan) => ({ cid: ucan.cid, bytes: bent(ucan, { nnc: 'other' }).bytes })],
  'a sha2-512 CID': ['NotCanonical', ({ bytes }) => ({ cid: CID.createV1(0x71, hashed('sha512', 0x13, bytes)), bytes })],
  'a sha2-256 CID that is cut': [
    'NotCanonical',
    ({ bytes }) => ({ cid: CID.createV1(0x71, Digest.create(0x12, hashed('sha256', 0x12, bytes).digest.slice(0, 20))), bytes }),
  ],
  'the raw codec': ['NotCanonical', ({ bytes }) => ({ cid: CID.createV1(0x55, hashed('sha256', 0x12, bytes)), bytes })],
  'a CID of version 0': ['NotCanonical', ({ bytes }) => ({ cid: CID.createV0(hashed('sha256', 0x12, bytes) as never), bytes })],
  'a JWT': ['NotCanonical', (ucan) => ({ cid: CID.createV1(0x55, hashed('sha256', 0x12, text(jwt(ucan)))), bytes: text(jwt(ucan)) })],
  'a JWT that says it is CBOR': ['NotCanonical', (ucan) => blockOf(text(jwt(ucan)))],
  'an extra field': ['NotCanonical', (ucan) => bent(ucan, { x: 1 })],
  'an extra field named like a method': ['NotCanonical', (ucan) => bent(ucan, { toString: 1 })],
  'an extra field "__proto__"': ['void', (ucan) => blockOf(bentCbor(new Pairs([...pairsOf(modelOf(ucan)).entries, ['__proto__', 1]])))],
  'a byte after the signature': ['NotCanonical', (ucan) => bent(ucan, { s: Uint8Array.of(...(modelOf(ucan).s as Uint8Array), 0) })],
  'a byte after the block': ['NotCanonical', (ucan) => blockOf(Uint8Array.of(...ucan.bytes, 0))],
  'the order added to S': ['BadSignature', (ucan) => bent(ucan, { s: secondSignature(ucan) })],
  'another signature algorithm': ['void', (ucan) => bent(ucan, { s: Uint8Array.of(0xec, ...(modelOf(ucan).s as Uint8Array).subarray(1)) })],
  'an upper-cased can': [
    'NotCanonical',
    (ucan) => bent(ucan, { att: (modelOf(ucan).att as { can: string }[]).map((each) => ({ ...each, can: each.can.toUpperCase() })) }),
  ],
  'fct: []': ['NotCanonical', (ucan) => bent(ucan, { fct: [] })],
  'fct: null': ['void', (ucan) => bent(ucan, { fct: null })],
  "nnc: ''": ['NotCanonical', (ucan) => bent(ucan, { nnc: '' })],
  'nnc as bytes': ['void', (ucan) => bent(ucan, { nnc: text(String(modelOf(ucan).nnc)) })],
  'nbf: 0': ['NotCanonical', (ucan) => bent(ucan, { nbf: 0 })],
  'nbf: null': ['void', (ucan) => bent(ucan, { nbf: null })],
  'no prf': ['NotCanonical', (ucan) => bent(ucan, { prf: undefined })],
  'no exp': ['void', (ucan) => bent(ucan, { exp: undefined })],
  'exp as a float': ['NotCanonical', (ucan) => bent(ucan, { exp: new Raw(0xfb, floatOf(modelOf(ucan).exp as number)) })],
  'exp as a half float': ['NotCanonical', (ucan) => bent(ucan, { exp: new Raw(0xf9, 0x7b, 0xff) })],
  'exp written longer than needed': ['NotCanonical', (ucan) => bent(ucan, { exp: new Raw(0x1b, longOf(modelOf(ucan).exp as number)) })],
  'a text whose length is written longer than needed': ['NotCanonical', (ucan) => bent(ucan, { v: new Raw(0x78, 5, text('0.9.1')) })],
  'a text of indefinite length': ['NotCanonical', (ucan) => bent(ucan, { v: new Raw(0x7f, 0x65, text('0.9.1'), 0xff) })],
  'a list of indefinite length': ['NotCanonical', (ucan) => bent(ucan, { prf: new Raw(0x9f, 0xff) })],
  'a map of indefinite length': [
    'NotCanonical',
    (ucan) => blockOf(new Raw(0xbf, bentCbor(pairsOf(modelOf(ucan))).subarray(1), 0xff).bytes),
  ],
  'its fields out of order': ['NotCanonical', (ucan) => blockOf(bentCbor(new Pairs([...pairsOf(modelOf(ucan)).entries].reverse())))],
  'a field twice': [
    'NotCanonical',
    (ucan) => {
      const { entries } = pairsOf(modelOf(ucan))
      return blockOf(bentCbor(new Pairs([entries[0] as [string, unknown], ...entries])))
    },
  ],
  'the issuer as text': [
    'NotCanonical',
    (ucan) => bent(ucan, { iss: Uint8Array.of(0x9d, 0x1a, ...didOf(modelOf(ucan).iss as never, ucan.issuer)) }),
  ],
  'the audience as text': [
    'NotCanonical',
    (ucan) => bent(ucan, { aud: Uint8Array.of(0x9d, 0x1a, ...didOf(modelOf(ucan).aud as never, ucan.audience)) }),
  ],
  'the issuer with a byte more': ['void', (ucan) => bent(ucan, { iss: Uint8Array.of(...(modelOf(ucan).iss as Uint8Array), 0) })],
  'a link as a map': ['NotCanonical', (ucan) => bent(ucan, { att: withNb(ucan, (nb) => ({ ...nb, at: { '/': String(nb.at) } })) })],
  'bytes as a map': ['NotCanonical', (ucan) => bent(ucan, { att: withNb(ucan, (nb) => ({ ...nb, raw: { '/': { bytes: 'AAAA' } } })) })],
  'a map that poses as a link': [
    'NotCanonical',
    (ucan) => bent(ucan, { att: withNb(ucan, (nb) => ({ ...nb, at: { '/': 1, bytes: 1 } })) }),
  ],
  'a proof that poses as a link': ['void', (ucan) => bent(ucan, { prf: [{ '/': 1, bytes: 1, version: 1, code: 1 }] })],
  'a capability with a field more': [
    'void',
    (ucan) => bent(ucan, { att: (modelOf(ucan).att as object[]).map((each) => ({ ...each, x: 1 })) }),
  ],
  'a link with a longer varint': [
    'void',
    (ucan) => {
      const { bytes } = ucan.cid
      const long = Uint8Array.of(0x81, 0x00, ...bytes.subarray(1))
      return bent(ucan, { prf: [new Raw(0xd8, 42, 0x58, long.length + 1, 0, long)] })
    },
  ],
  'an undefined for a missing field': ['void', (ucan) => bent(ucan, { nbf: new Raw(0xf7) })],
  'another tag': ['void', (ucan) => bent(ucan, { exp: new Raw(0xc1, encode(modelOf(ucan).exp)) })],
}

function floatOf(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value)
  return bytes
}

function longOf(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value))
  return bytes
}
