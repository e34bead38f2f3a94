import { createHash } from 'node:crypto'
import { type Block, encode, encodeCar, encodeVarint } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { blockOf, Raw } from '../../attacks/bent.ts'
import type { CarVector, Refused, VectorFile } from '../format.ts'
import { toBase64 } from '../json.ts'

const BOUNDS = { maxBlocks: 3, maxBlockBytes: 64 }
const [one, two, three] = [1, 'two', ['three']].map((value) => blockOf(encode(value))) as [Block, Block, Block]
const sized = (size: number): Block => blockOf(encode(new Uint8Array(size - 2)))

const section = (...parts: (number | Uint8Array)[]): Uint8Array => {
  const { bytes } = new Raw(...parts)
  return new Raw(encodeVarint(bytes.length), bytes).bytes
}
const header = (value: unknown) => section(encode(value))
const HEADER = header({ roots: [one.cid], version: 1 })
const blockSection = ({ cid, bytes }: Block) => section(cid.bytes, bytes)
const joined = (...parts: (number | Uint8Array)[]) => new Raw(...parts).bytes

const v0 = CID.createV0(Digest.create(0x12, createHash('sha256').update('v0').digest()) as never)
const identity = CID.createV1(0x55, Digest.create(0x00, Uint8Array.of(7)))

const oddCodec = CID.createV1(0x20, Digest.create(0x00, Uint8Array.of(7)))
const wide = (bytes: number) => CID.createV1(0x55, Digest.create(0x00, new Uint8Array(bytes)))

const read = (roots: readonly CID[], blocks: readonly Block[]) => ({
  roots: roots.map(String),
  blocks: blocks.map(({ cid, bytes }) => ({ cid: String(cid), bytes: toBase64(bytes) })),
})

const good = (name: string, description: string, roots: CID[], blocks: Block[]): CarVector => ({
  name,
  description,
  bytes: toBase64(encodeCar({ roots, blocks })),
  expect: read(roots, blocks),
})

const bad = (name: string, description: string, bytes: Uint8Array, code: string | Refused): CarVector => ({
  name,
  description,
  bytes: toBase64(bytes),
  expect: typeof code === 'string' ? { code } : code,
})

export const car = (): VectorFile => ({
  kind: 'car',
  about: 'CARv1, read whole. Hashes are a later step: nothing here is refused for a hash.',
  bounds: BOUNDS,
  vectors: [
    good('no blocks', 'A header alone.', [one.cid], []),
    good('one block', 'A block that is the root.', [one.cid], [one]),
    good('several blocks', 'As many as the bound allows.', [two.cid], [one, two, three]),
    good('no roots', 'What needs a root asks for it later.', [], [one]),
    good('two roots', 'Several roots.', [one.cid, two.cid], [one, two]),
    good('a block twice', 'Both are read.', [one.cid], [one, one]),
    good('a block of the largest size', '64 bytes.', [one.cid], [sized(64)]),
    good('a CID of version 0', 'A bare sha2-256.', [one.cid], [{ cid: v0, bytes: one.bytes }]),
    good('an identity CID', 'The digest is the block.', [one.cid], [{ cid: identity, bytes: Uint8Array.of(7) }]),
    good('a block of no bytes', 'A CID and nothing behind it.', [one.cid], [{ cid: one.cid, bytes: new Uint8Array() }]),
    good('a block of no bytes behind an identity CID', 'The same.', [one.cid], [{ cid: identity, bytes: new Uint8Array() }]),
    good('a CID whose codec is 0x20', 'Which is the length of a digest elsewhere.', [one.cid], [{ cid: oddCodec, bytes: one.bytes }]),
    good('a wrong hash', 'The bytes of another block: told by a later step.', [one.cid], [{ cid: one.cid, bytes: two.bytes }]),
    bad('nothing', 'No bytes.', new Uint8Array(), 'Malformed'),
    bad('a header of no bytes', 'Its length is zero.', Uint8Array.of(0), 'Malformed'),
    bad('a header that is cut', 'It claims more than there is.', HEADER.subarray(0, 20), 'Malformed'),
    bad('a header that is too large', 'It claims 2^40 bytes.', joined(encodeVarint(2 ** 40), 1), { code: 'TooLarge', field: 'header' }),
    bad('a header that is not CBOR', 'A text of JSON.', section(new TextEncoder().encode('{"version":1}')), 'Malformed'),
    bad(
      'a header in a second form',
      'Its keys are out of order.',
      section(0xa2, encode('version'), 1, encode('roots'), encode([one.cid])),
      'NotCanonical',
    ),
    bad('version 2', 'Only version 1 is read.', header({ roots: [one.cid], version: 2 }), 'Unsupported'),
    bad('no version', 'A header says what it is.', header({ roots: [one.cid] }), 'Unsupported'),
    bad('a header that is null', 'It says no version.', header(null), 'Unsupported'),
    bad('a header without roots', 'The list is missing.', header({ version: 1 }), 'Malformed'),
    bad('roots that are no list', 'A link alone.', header({ roots: one.cid, version: 1 }), 'Malformed'),
    bad('a root that is no link', 'A text of a CID.', header({ roots: [String(one.cid)], version: 1 }), 'Malformed'),
    bad('a root beside a text', 'One link, and one that is none.', header({ roots: [one.cid, 'two'], version: 1 }), 'Malformed'),
    bad(
      'a root that poses as a link',
      'A map like the link objects of some libraries.',
      header({ roots: [{ '/': 1, bytes: 1 }], version: 1 }),
      'Malformed',
    ),
    bad('a length that never ends', 'Eight bytes, each of which says that another follows.', new Uint8Array(8).fill(0xff), 'Malformed'),
    bad('a length that is cut', 'The last byte says that another follows.', joined(HEADER, 0x80), 'Malformed'),
    bad(
      'a length that is written longer than needed',
      'A second spelling of the same CAR.',
      joined((HEADER[0] as number) | 0x80, 0, HEADER.subarray(1)),
      'NotCanonical',
    ),
    bad('a block of no bytes at all', 'Not even a CID.', joined(HEADER, 0), 'Malformed'),
    bad(
      'a block of no bytes at all, before others',
      'A length of two bytes, which is longer than needed.',
      joined(HEADER, 0, 0x81, 0),
      'Malformed',
    ),
    bad('a block that is cut', 'It claims more than there is.', joined(HEADER, blockSection(two).subarray(0, 30)), 'Malformed'),
    bad('a block without a whole CID', 'The digest is cut.', joined(HEADER, section(one.cid.bytes.subarray(0, 20))), 'Malformed'),
    bad(
      'a CID whose codec is written longer than needed',
      'A second spelling of the same CID.',
      joined(HEADER, section(1, 0xf1, 0x00, one.cid.bytes.subarray(2), one.bytes)),
      'NotCanonical',
    ),
    bad(
      'a CID of version 0 that says so',
      'Version 0 is said by saying nothing.',
      joined(HEADER, section(0, 0x70, v0.multihash.bytes, one.bytes)),
      'NotCanonical',
    ),
    good(
      'a CID of 128 bytes',
      'As long as a CID may be, before the largest block.',
      [one.cid],
      [{ cid: wide(124), bytes: sized(64).bytes }],
    ),
    bad(
      'a CID of 129 bytes',
      'One more.',
      encodeCar({ roots: [one.cid], blocks: [{ cid: wide(125), bytes: new Uint8Array(1) }] }),
      'Malformed',
    ),
    bad(
      'a CID that is cut where nearly every one ends',
      'Its last byte is missing, and nothing follows.',
      joined(HEADER, section(one.cid.bytes.subarray(0, 35))),
      'Malformed',
    ),
    bad('a length of seven bytes', 'Nothing is that long.', joined(HEADER, encodeVarint(2 ** 48), 1), { code: 'TooLarge', field: 'block' }),
    bad(
      'a length of eight bytes',
      'More than a length may have.',
      joined(HEADER, new Raw(new Uint8Array(7).fill(0x80), 1).bytes, 1),
      'Malformed',
    ),
    bad(
      'a CID longer than 128 bytes',
      'An identity CID of 140 bytes.',
      joined(HEADER, section(1, 0x55, 0x00, encodeVarint(140), new Uint8Array(140))),
      'Malformed',
    ),
    bad('a block that is too large', 'One byte over the bound.', joined(HEADER, blockSection(sized(65))), {
      code: 'TooLarge',
      field: 'block',
    }),
    bad(
      'a block that claims too much',
      'Its length is over what block and CID may have together.',
      joined(HEADER, encodeVarint(64 + 129), new Uint8Array(193)),
      { code: 'TooLarge', field: 'block' },
    ),
    bad('too many blocks', 'One over the bound.', encodeCar({ roots: [one.cid], blocks: [one, two, three, one] }), {
      code: 'TooLarge',
      field: 'blocks',
    }),
  ],
})
