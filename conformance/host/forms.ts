import { createHash } from 'node:crypto'
import { type Block, cidOf, decode, encode, type Ucan } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'

type Model = { [field: string]: unknown }

const named = (bytes: Uint8Array): Block => ({ cid: cidOf(bytes), bytes })
const modelOf = ({ bytes }: Ucan): Model => decode(bytes) as Model
/** The UCAN with fields changed and its signature left as it is. */
const bent = (ucan: Ucan, change: (model: Model) => Model): Block => named(encode(change(modelOf(ucan)) as never))
const hashed = (hash: string, code: number, bytes: Uint8Array) => Digest.create(code, createHash(hash).update(bytes).digest())

/**
 * Second blocks that carry the one signature of a UCAN, under names that no revocation tells of. Lax readers take each for the UCAN itself.
 * A message with one of them is refused whole.
 */
export const FORMS: { readonly [form: string]: (ucan: Ucan) => Block } = {
  'an extra field': (ucan) => bent(ucan, (model) => ({ ...model, x: 1 })),
  'fct: []': (ucan) => bent(ucan, (model) => ({ ...model, fct: [] })),
  "nnc: ''": (ucan) => bent(ucan, (model) => ({ ...model, nnc: '' })),
  'nbf: 0': (ucan) => bent(ucan, (model) => ({ ...model, nbf: 0 })),
  'no prf': (ucan) => bent(ucan, ({ prf: _, ...model }) => model),
  'an upper-cased can': (ucan) =>
    bent(ucan, ({ att, ...model }) => ({
      ...model,
      att: (att as { can: string }[]).map((each) => ({ ...each, can: each.can.toUpperCase() })),
    })),
  'the issuer as text': (ucan) =>
    bent(ucan, (model) => ({ ...model, iss: Uint8Array.of(0x9d, 0x1a, ...new TextEncoder().encode(ucan.issuer.slice('did:'.length))) })),
  'a byte after the signature': (ucan) => bent(ucan, (model) => ({ ...model, s: Uint8Array.of(...(model.s as Uint8Array), 0) })),
  'a byte after the block': ({ bytes }) => named(Uint8Array.of(...bytes, 0)),
  'its expiry written longer than needed': ({ bytes, expiration }) => {
    const short = encode(expiration as number)
    const at = indexOf(bytes, Uint8Array.of(...encode('exp'), ...short)) + encode('exp').length
    const long = new Uint8Array(9)
    long[0] = 0x1b
    new DataView(long.buffer).setBigUint64(1, BigInt(expiration as number))
    return named(Uint8Array.of(...bytes.subarray(0, at), ...long, ...bytes.subarray(at + short.length)))
  },
  'a sha2-512 CID': ({ bytes }) => ({ cid: CID.createV1(0x71, hashed('sha512', 0x13, bytes)), bytes }),
  'the raw codec': ({ bytes }) => ({ cid: CID.createV1(0x55, hashed('sha256', 0x12, bytes)), bytes }),
}

const indexOf = (bytes: Uint8Array, part: Uint8Array): number => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(part)

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

/** The UCAN under a second signature of the same key, which lax verifiers accept: the group's order is added to S. */
export const malleated = (ucan: Ucan): Block =>
  bent(ucan, (model) => {
    const bytes = model.s as Uint8Array
    const s = BigInt(`0x${Buffer.from(bytes.subarray(36)).reverse().toString('hex')}`) + ORDER
    return { ...model, s: Uint8Array.of(...bytes.subarray(0, 36), ...Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse()) }
  })
