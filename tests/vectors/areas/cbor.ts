import { encode } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import { bentCbor, blockOf, Pairs, Raw } from '../../attacks/bent.ts'
import type { CborVector, VectorFile } from '../format.ts'
import { toBase64, toDagJson } from '../json.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)
const link = blockOf(encode('somewhere')).cid
const nested = (depth: number): unknown => (depth === 0 ? 0 : [nested(depth - 1)])

/** Values that have a form, with why they are asked. */
const GOOD: readonly [string, string, unknown][] = [
  ['0', 'The least unsigned integer.', 0],
  ['23', 'The last that fits into its initial byte.', 23],
  ['24', 'The first with a byte of its own.', 24],
  ['255', 'The last with one byte.', 255],
  ['256', 'The first with two bytes.', 256],
  ['65535', 'The last with two bytes.', 65535],
  ['65536', 'The first with four bytes.', 65536],
  ['2^32 - 1', 'The last with four bytes.', 2 ** 32 - 1],
  ['2^32', 'The first with eight bytes.', 2 ** 32],
  ['2^53 - 1', 'The greatest integer here.', Number.MAX_SAFE_INTEGER],
  ['-1', 'The greatest negative integer.', -1],
  ['-24', 'The last that fits into its initial byte.', -24],
  ['-25', 'The first with a byte of its own.', -25],
  ['-2^53 + 1', 'The least integer here.', Number.MIN_SAFE_INTEGER],
  ['1.5', 'A float of 64 bits, though 16 would hold it.', 1.5],
  ['-0.1', 'A negative float.', -0.1],
  ['the least float', 'A float that is not normal.', 5e-324],
  ['true', 'A boolean.', true],
  ['false', 'A boolean.', false],
  ['null', 'Null.', null],
  ['an empty text', 'A text of no bytes.', ''],
  ['a text', 'A text of ASCII.', 'symbiosis'],
  ['a text beyond ASCII', 'A text in UTF-8, of two, three and four bytes a character.', 'ä€😀'],
  ['a text of 24 bytes', 'Its length has a byte of its own.', 'x'.repeat(24)],
  ['a text with a NUL', 'Nothing ends at it.', 'a\u0000b'],
  ['no bytes', 'Bytes, none of them.', new Uint8Array()],
  ['bytes', 'Bytes that are no UTF-8.', Uint8Array.of(0xff, 0x00, 0x80)],
  ['an empty list', 'A list of nothing.', []],
  ['a list', 'A list of several kinds.', [1, 'two', null, [3]]],
  ['an empty map', 'A map of nothing.', {}],
  ['a map', 'Shorter keys come first, whatever they hold: "b" before "aa".', { aa: 1, b: 2, ab: 3 }],
  ['a map with keys beyond ASCII', 'Keys are ordered by their bytes in UTF-8.', { ä: 1, é: 2, zz: 3, z: 4 }],
  ['a map with an empty key', 'The shortest key.', { '': 1 }],
  ['a map with a key named like a method', 'A plain field.', { toString: 1, constructor: 2 }],
  ['a link', 'Tag 42 over a zero and the CID.', link],
  ['a link of version 0', 'Its CID is a bare sha2-256.', CID.createV0(link.multihash as never)],
  ['64 levels', 'The deepest nest: the value itself is level 0.', nested(64)],
]

const float = (value: number): Raw => {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value)
  return new Raw(0xfb, bytes)
}
const linkOf = (...bytes: (number | Uint8Array)[]) => {
  const all = new Raw(...bytes).bytes
  return new Raw(0xd8, 42, 0x58, all.length, all)
}

const BAD: readonly [string, string, string, unknown][] = [
  ['nothing', 'No bytes at all.', 'Malformed', new Raw()],
  ['a byte after the value', 'Whatever follows is not covered by it.', 'NotCanonical', new Raw(0x00, 0x00)],
  ['23 in two bytes', 'One byte says it.', 'NotCanonical', new Raw(0x18, 23)],
  ['255 in three bytes', 'Two bytes say it.', 'NotCanonical', new Raw(0x19, 0, 255)],
  ['65535 in five bytes', 'Three bytes say it.', 'NotCanonical', new Raw(0x1a, 0, 0, 255, 255)],
  ['2^32 - 1 in nine bytes', 'Five bytes say it.', 'NotCanonical', new Raw(0x1b, 0, 0, 0, 0, 255, 255, 255, 255)],
  ['-1 in two bytes', 'One byte says it.', 'NotCanonical', new Raw(0x38, 0)],
  ['2^53', 'Not every language can tell it from its neighbour.', 'Malformed', new Raw(0x1b, 0, 0x20, 0, 0, 0, 0, 0, 0)],
  ['2^64 - 1', 'The greatest that CBOR has.', 'Malformed', new Raw(0x1b, new Uint8Array(8).fill(255))],
  ['-2^53', 'One below the least.', 'Malformed', new Raw(0x3b, 0, 0x1f, new Uint8Array(6).fill(255))],
  ['1 as a float', 'Languages that have one kind of number can not tell it from the integer.', 'NotCanonical', float(1)],
  ['0 as a float', 'The same of zero.', 'NotCanonical', float(0)],
  ['-0', 'Zero has no sign.', 'NotCanonical', float(-0)],
  ['2^60 as a float', 'An integer, though none that could be written as one.', 'NotCanonical', float(2 ** 60)],
  ['NaN', 'No number.', 'Malformed', float(Number.NaN)],
  ['infinity', 'No finite number.', 'Malformed', float(Number.POSITIVE_INFINITY)],
  ['a float of 16 bits', 'Floats have 64 bits.', 'NotCanonical', new Raw(0xf9, 0x3e, 0x00)],
  ['a float of 32 bits', 'Floats have 64 bits.', 'NotCanonical', new Raw(0xfa, 0x3f, 0xc0, 0, 0)],
  ['undefined', 'No value of DAG-CBOR.', 'Malformed', new Raw(0xf7)],
  ['a simple value', 'No value of DAG-CBOR.', 'Malformed', new Raw(0xf8, 0xff)],
  ['a break', 'It ends nothing here.', 'Malformed', new Raw(0xff)],
  ['a reserved length', 'CBOR has no such initial byte.', 'Malformed', new Raw(0x1c)],
  ['a reserved length with bytes behind it', 'As if it were a number of 16 bytes.', 'Malformed', new Raw(0x1c, new Uint8Array(16))],
  ['a text of indefinite length', 'Lengths come first.', 'NotCanonical', new Raw(0x7f, 0x61, 0x61, 0xff)],
  ['bytes of indefinite length', 'Lengths come first.', 'NotCanonical', new Raw(0x5f, 0x41, 0x61, 0xff)],
  ['a list of indefinite length', 'Lengths come first.', 'NotCanonical', new Raw(0x9f, 0x01, 0xff)],
  ['a map of indefinite length', 'Lengths come first.', 'NotCanonical', new Raw(0xbf, 0x61, 0x61, 0x01, 0xff)],
  ['a text whose length is written longer than needed', 'One byte says 5.', 'NotCanonical', new Raw(0x78, 5, utf8('hello'))],
  ['a text that is not UTF-8', 'A continuation byte alone.', 'Malformed', new Raw(0x61, 0x80)],
  ['half a surrogate pair', 'UTF-8 has no surrogates.', 'Malformed', new Raw(0x63, 0xed, 0xa0, 0x80)],
  ['an overlong text', 'A slash in two bytes.', 'Malformed', new Raw(0x62, 0xc0, 0xaf)],
  ['a text that is cut', 'It claims more bytes than there are.', 'Malformed', new Raw(0x65, utf8('hell'))],
  ['bytes that are cut', 'They claim more than there is.', 'Malformed', new Raw(0x45, 1, 2)],
  ['an integer that is cut', 'One byte of two.', 'Malformed', new Raw(0x19, 1)],
  ['a float that is cut', 'Four bytes of eight.', 'Malformed', new Raw(0xfb, 0, 0, 0, 0)],
  [
    'a list that claims more than it holds',
    'Nothing may be reserved for what is claimed.',
    'Malformed',
    new Raw(0x9a, 0xff, 0xff, 0xff, 0xff),
  ],
  [
    'a map that claims more than it holds',
    'Nothing may be reserved for what is claimed.',
    'Malformed',
    new Raw(0xba, 0xff, 0xff, 0xff, 0xff),
  ],
  ['a map with a key that is no text', 'Keys are texts.', 'Malformed', new Raw(0xa1, 0x01, 0x01)],
  ['a map with bytes for a key', 'They spell a text.', 'Malformed', new Raw(0xa1, 0x41, 0x61, 0x01)],
  [
    'a map with a key twice',
    'Readers differ in which one counts.',
    'NotCanonical',
    new Pairs([
      ['a', 1],
      ['a', 2],
    ]),
  ],
  [
    'a map with its keys out of order',
    'The same map has one order.',
    'NotCanonical',
    new Pairs([
      ['b', 1],
      ['a', 2],
    ]),
  ],
  [
    'a map with its keys in the order of texts',
    'Shorter keys come first.',
    'NotCanonical',
    new Pairs([
      ['aa', 1],
      ['b', 2],
    ]),
  ],
  ['a map with the key "__proto__"', 'To some readers it is no field of the map.', 'Malformed', new Pairs([['__proto__', 1]])],
  ['another tag', 'Only links are tagged.', 'Malformed', new Raw(0xc1, 0x00)],
  ['a tag that is written longer than needed', '42 in three bytes.', 'NotCanonical', new Raw(0xd9, 0, 42, 0x58, 37, 0, link.bytes)],
  ['a link over a text', 'Links are bytes.', 'Malformed', new Raw(0xd8, 42, 0x61, 0x00)],
  ['a link over nothing', 'Links begin with a zero.', 'Malformed', new Raw(0xd8, 42, 0x40)],
  ['a link over nothing, before a zero', 'The zero is not its own.', 'Malformed', new Raw(0x82, 0xd8, 42, 0x40, 0x00)],
  ['a link without its zero', 'Links begin with a zero.', 'Malformed', linkOf(link.bytes)],
  ['a link that is cut', 'A digest of 31 bytes that says it has 32.', 'Malformed', linkOf(0, link.bytes.subarray(0, 35))],
  ['a link with a byte more', 'A CID fills its link.', 'Malformed', linkOf(0, link.bytes, 0)],
  [
    'a link whose hash function is written longer than needed',
    'sha2-256 in two bytes.',
    'Malformed',
    linkOf(0, 1, 0x71, 0x92, 0x00, link.bytes.subarray(3)),
  ],
  ['a link of version 0 that says so', 'Version 0 is said by saying nothing.', 'NotCanonical', linkOf(0, 0, 0x70, link.multihash.bytes)],
  ['65 levels of maps', 'The same in maps.', 'TooLarge', new Raw(...Array.from({ length: 65 }, () => Uint8Array.of(0xa1, 0x61, 0x61)), 0)],
  ['65 levels', 'One too deep: who reads by recursion has to stop somewhere.', 'TooLarge', new Raw(new Uint8Array(65).fill(0x81), 0)],
]

export const cbor = (): VectorFile => {
  const good = GOOD.map(([name, description, value]): CborVector => {
    return { name, description, bytes: toBase64(encode(value)), expect: { value: toDagJson(value) } }
  })
  const bad = BAD.map(([name, description, code, value]): CborVector => {
    return { name, description, bytes: toBase64(bentCbor(value)), expect: { code } }
  })
  return { kind: 'cbor', about: 'DAG-CBOR in its one form: whether bytes are a value, and which.', vectors: [...good, ...bad] }
}
