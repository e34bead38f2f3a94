import { type Block, cidOf, decode, encode, issueReceipt, type LocalSigner } from '@symbiosis/protocol'
import { bentCbor, blockOf, Pairs, pairsOf } from '../../attacks/bent.ts'
import { mallory } from '../../fixtures.ts'
import type { DagJson, ReceiptVector, VectorFile } from '../format.ts'
import { toBase64, toDagJson } from '../json.ts'
import { host } from '../presumed.ts'

const ran = cidOf(encode('the call'))
const another = cidOf(encode('another call'))

type Parts = { ocm: Record<string, unknown>; sig: Uint8Array }
const parts = ({ bytes }: Block) => decode(bytes) as unknown as Parts
const issued = (out: object, signer: LocalSigner = host, over = ran) => issueReceipt(signer, over, out as never)
const honest = issued({ ok: { things: ['gold'] } })
/** Signed as it stands, whatever it says. */
const issuedRaw = (out: object): Block => {
  const ocm = { ...parts(honest).ocm, out }
  return blockOf(encode({ ocm, sig: Uint8Array.of(0xed, 0xa1, 0x03, 0x40, ...host.sign(encode(ocm))) }))
}
const bentBy = (change: (parts: Parts) => object) => blockOf(encode(change(parts(honest))))

const GOOD: readonly [string, string, object][] = [
  ['an answer', 'Signed by the host, for the call.', { ok: { things: ['gold'] } }],
  ['an empty answer', 'It says that it was done.', { ok: {} }],
  [
    'an answer of every kind',
    'Links, bytes, numbers.',
    { ok: { link: another, bytes: Uint8Array.of(1, 2), list: [1.5, null, true], map: { b: 1, aa: 2 } } },
  ],
  ['a refusal', 'A receipt like any other.', { error: { name: 'NoLease', message: 'No lease.', chain: 'lease' } }],
]

const BAD: readonly [string, string, string, Block][] = [
  ['of another', 'mallory signed it in her own name.', 'WrongAudience', issued({ ok: {} }, mallory)],
  ['for another call', 'The host signed it.', 'WrongAudience', issued({ ok: {} }, host, another)],
  [
    'of another in the name of the host',
    'mallory signed it.',
    'BadSignature',
    bentBy(({ ocm }) => ({ ocm, sig: parts(issued({ ok: { things: ['gold'] } }, mallory)).sig })),
  ],
  [
    'with another answer',
    'Under the same signature.',
    'BadSignature',
    bentBy(({ ocm, sig }) => ({ ocm: { ...ocm, out: { ok: { things: ['lead'] } } }, sig })),
  ],
  ['with a field more', 'Under the same signature.', 'BadSignature', bentBy(({ ocm, sig }) => ({ ocm: { ...ocm, more: 1 }, sig }))],
  [
    'with a flipped bit',
    'In its signature.',
    'BadSignature',
    bentBy(({ ocm, sig }) => ({ ocm, sig: sig.map((byte, at) => (at === 30 ? byte ^ 1 : byte)) })),
  ],
  [
    'with another signature algorithm',
    'Its code, over the same bytes.',
    'BadSignature',
    bentBy(({ ocm, sig }) => ({ ocm, sig: sig.map((byte, at) => (at === 0 ? byte ^ 1 : byte)) })),
  ],
  ['with no signature', 'Bytes, none of them.', 'Malformed', bentBy(({ ocm }) => ({ ocm, sig: new Uint8Array() }))],
  ['with a longer signature', 'A byte more.', 'Malformed', bentBy(({ ocm, sig }) => ({ ocm, sig: Uint8Array.of(...sig, 0) }))],
  ['without a signature', 'The field is missing.', 'Malformed', bentBy(({ ocm }) => ({ ocm }))],
  ['without an outcome', 'The field is missing.', 'Malformed', bentBy(({ sig }) => ({ sig }))],
  ['without a call', 'It says not what ran.', 'Malformed', bentBy(({ ocm, sig }) => ({ ocm: { ...ocm, ran: null }, sig }))],
  ['that says neither', 'Neither answer nor refusal.', 'Malformed', bentBy(({ ocm, sig }) => ({ ocm: { ...ocm, out: {} }, sig }))],
  [
    'that says both',
    'An answer and a refusal, signed by the host.',
    'Malformed',
    issuedRaw({ ok: {}, error: { name: 'NoLease', message: 'No lease.' } }),
  ],
  ['with a field that nothing signs', 'Beside the signature.', 'Malformed', bentBy((receipt) => ({ ...receipt, more: 1 }))],
  [
    'with a refusal without a name',
    'It says not which.',
    'Malformed',
    bentBy(({ ocm, sig }) => ({ ocm: { ...ocm, out: { error: {} } }, sig })),
  ],
  ['that is null', 'A block of one byte.', 'Malformed', blockOf(encode(null))],
  ['that is cut', 'Its last byte is missing.', 'Malformed', { ...honest, bytes: honest.bytes.subarray(0, -1) }],
  [
    'in a second form',
    'Its fields are out of order.',
    'NotCanonical',
    blockOf(bentCbor(new Pairs([...pairsOf(parts(honest)).entries].reverse()))),
  ],
]

export const receipts = (): VectorFile => {
  const base = { host: host.did, ran: String(ran) }
  const good = GOOD.map(([name, description, out]): ReceiptVector => {
    return { name, description, ...base, bytes: toBase64(issued(out).bytes), expect: { out: toDagJson(out) as DagJson } }
  })
  const bad = BAD.map(([name, description, code, { bytes }]): ReceiptVector => {
    return { name: `a receipt ${name}`, description, ...base, bytes: toBase64(bytes), expect: { code } }
  })
  return {
    kind: 'receipt',
    about: 'What a caller believes: a receipt that its host signed, for the call that it made.',
    vectors: [...good, ...bad],
  }
}
