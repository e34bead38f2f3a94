import { type Block, cidOf, encode, encodeReceipts, encodeVarint, issueReceipt, type LocalSigner, type Refusal } from '@symbiosis/protocol'
import { blockOf, Raw } from '../../attacks/bent.ts'
import { mallory } from '../../fixtures.ts'
import type { DagJson, Refused, StreamVector, VectorFile } from '../format.ts'
import { toBase64, toDagJson } from '../json.ts'
import { host } from '../presumed.ts'

const ran = cidOf(encode('the call'))
const another = cidOf(encode('another call'))
const revoked: Refusal = {
  name: 'Revoked',
  message: 'The lease was revoked.',
  link: String(another),
  chain: 'lease',
  by: host.did,
  at: 1_800_000_000,
}

const MESSAGE = Uint8Array.of(1, 2, 3)
/** No more frames. Behind it stands how that ended: WHOLE, or a receipt. */
const END = 0
const WHOLE = 0
type Part = number | Uint8Array
const joined = (...parts: Part[]) => new Raw(...parts).bytes
const section = (bytes: Uint8Array) => joined(encodeVarint(bytes.length), bytes)
const frame = (...bytes: number[]) => section(Uint8Array.from(bytes))
const long = Uint8Array.from({ length: 300 }, (_, at) => at & 0xff)

const receipt = (block: Block, of = ran) => section(encodeReceipts([{ ran: of, block }]))
const refused = (signer: LocalSigner, over = ran) => issueReceipt(signer, over, { error: revoked })
/** mallory signs, and says that it was the host. */
const forged = blockOf(
  issueReceipt({ ...mallory, did: host.did, sign: (bytes) => mallory.sign(bytes) } as LocalSigner, ran, { error: revoked }).bytes,
)

const base = { host: host.did, ran: String(ran) }
const good = (name: string, description: string, parts: Part[], content: Uint8Array, refusal?: Refusal): StreamVector => ({
  name,
  description,
  ...base,
  bytes: toBase64(joined(section(MESSAGE), ...parts)),
  expect: { message: toBase64(MESSAGE), content: toBase64(content), ...(refusal && { refusal: toDagJson(refusal) as DagJson }) },
})
const bad = (name: string, description: string, parts: Part[], code: string | Refused): StreamVector => ({
  name,
  description,
  ...base,
  bytes: toBase64(joined(...parts)),
  expect: typeof code === 'string' ? { code } : code,
})
const behind = (name: string, description: string, parts: Part[], code: string | Refused) =>
  bad(name, description, [section(MESSAGE), ...parts], code)

export const streams = (): VectorFile => ({
  kind: 'stream',
  about:
    'Bodies of application/vnd.symbiosis.stream: a message, a stream in frames, and how that ended. What the message says is not looked at here.',
  vectors: [
    good('no bytes', 'A message, and the end.', [END, WHOLE], new Uint8Array()),
    good('one frame', 'All of the stream.', [frame(7, 8, 9), END, WHOLE], Uint8Array.of(7, 8, 9)),
    good('several frames', 'Where one ends says nothing.', [frame(7), frame(8, 9), frame(0), END, WHOLE], Uint8Array.of(7, 8, 9, 0)),
    good('a frame with a long length', '300 bytes: its length takes two.', [section(long), END, WHOLE], long),
    good('broken off', 'Behind the end, a second receipt of the call.', [frame(7), END, receipt(refused(host))], Uint8Array.of(7), revoked),
    good('broken off at once', 'Before any frame.', [END, receipt(refused(host))], new Uint8Array(), revoked),
    bad('nothing', 'There is no message.', [], 'Malformed'),
    bad('an empty message', 'A length of zero.', [0, END, WHOLE], 'Malformed'),
    bad('a message that is cut', 'Two bytes of three.', [3, 1, 2], 'Malformed'),
    behind('no end', 'Behind the message.', [], 'Malformed'),
    behind('no end behind a frame', 'The frame is whole.', [frame(7, 8)], 'Malformed'),
    behind('an end that says not how', 'What stands behind it is cut off.', [frame(7, 8), END], 'Malformed'),
    behind('a frame that is cut', 'One byte of two.', [2, 7], 'Malformed'),
    behind('a length that is cut', 'A byte more is announced.', [frame(7), 0x80], 'Malformed'),
    behind('a length longer than needed', 'An end in two bytes.', [frame(7), 0x80, 0, WHOLE], 'NotCanonical'),
    behind('a frame that is too large', 'It claims a mebibyte and a byte.', [encodeVarint(1024 * 1024 + 1), 7], {
      code: 'TooLarge',
      field: 'frame',
    }),
    behind('bytes behind the end', 'One of them.', [frame(7), END, WHOLE, 0], 'Malformed'),
    behind('a receipt that is cut', 'Its last byte is missing.', [END, receipt(refused(host)).subarray(0, -1)], 'Malformed'),
    behind('bytes behind the receipt', 'One of them.', [END, receipt(refused(host)), 1], 'Malformed'),
    behind('an ending that is too large', 'It claims 64 KiB and a byte.', [END, encodeVarint(64 * 1024 + 1), 1], {
      code: 'TooLarge',
      field: 'ending',
    }),
    behind(
      'an ending that is no message',
      'Three bytes, which claim to be a CAR of no known version.',
      [END, frame(1, 2, 3)],
      'Unsupported',
    ),
    behind(
      'broken off with an answer',
      'The host signed it: it is the first receipt, perhaps.',
      [END, receipt(issueReceipt(host, ran, { ok: {} }))],
      'Malformed',
    ),
    behind('broken off by another', 'mallory signed it in her own name.', [END, receipt(refused(mallory))], 'WrongAudience'),
    behind('broken off in the name of the host', 'mallory signed it.', [END, receipt(forged)], 'BadSignature'),
    behind('broken off for another call', 'The host signed it.', [END, receipt(refused(host, another))], 'WrongAudience'),
    behind('broken off with the receipt of another call', 'And of no other.', [END, receipt(refused(host, another), another)], 'Malformed'),
  ],
})
