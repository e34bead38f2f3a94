import { Pairs, Raw } from '../attacks/bent.ts'
import { numbered } from '../fixtures.ts'
import type { Random } from './random.ts'
import { named, written } from './sealing.ts'

const TYPES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  1,
  -1,
  1.5,
  '',
  'x',
  new Uint8Array(0),
  new Uint8Array(34),
  [],
  [[]],
  {},
  named(written({})).cid,
]

const NUMBERS: readonly unknown[] = [
  ...[0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, -(2 ** 53 - 1), 1e-300, -0.5],
  new Raw(0x1b, 0, 0x20, 0, 0, 0, 0, 0, 0),
  new Raw(0x1b, 255, 255, 255, 255, 255, 255, 255, 255),
  new Raw(0x3b, 255, 255, 255, 255, 255, 255, 255, 255),
  new Raw(0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0),
  new Raw(0x18, 5),
  new Raw(0xfb, 0x40, 0x59, 0, 0, 0, 0, 0, 0),
  new Raw(0xf9, 0x3c, 0),
  new Raw(0xf9, 0x7e, 0),
  new Raw(0xfb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0),
]

/** Names that every object has, and the one by which DAG-JSON spells links. */
const NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'valueOf',
  'then',
  'toJSON',
  'length',
  '/',
  '',
  'asCID',
  '$ref',
]

const STRANGE: readonly unknown[] = [
  new Raw(0xf7),
  new Raw(0xff),
  new Raw(0x5f, 0x41, 1, 0xff),
  new Raw(0x7f, 0x61, 0x61, 0xff),
  new Raw(0x9f, 0xff),
  new Raw(0xbf, 0xff),
  new Raw(0x62, 0xc3, 0x28),
  new Raw(0x63, 0xed, 0xa0, 0x80),
  new Raw(0x61, 0xff),
  new Raw(0x7a, 0xff, 0xff, 0xff, 0xff),
  new Raw(0x9b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff),
  new Raw(0xd8, 42, 0x41, 0),
  new Raw(0xd8, 42, 0x40),
  new Raw(0xd8, 42, 0x45, 0, 1, 0x71, 0x12, 0x20),
  new Raw(0xd8, 43, 0x41, 0),
  new Raw(0xc0, 0x61, 0x61),
  new Raw(0x1c),
  new Raw(0xa1, 1, 1),
  new Pairs([
    ['a', 1],
    ['a', 2],
  ]),
  new Pairs([
    ['bb', 1],
    ['a', 2],
  ]),
  'a\u0000b',
  '\u{1f600}',
  '\u2028',
  'e\u0301',
  'x'.repeat(5000),
]

/** A value that does not belong where it is put. */
export const oddValue = (random: Random): unknown => {
  switch (random.below(7)) {
    case 0:
      return random.pick(NUMBERS)
    case 1:
      return random.pick(STRANGE)
    case 2:
      return nested(random, random.pick([2, 30, 62, 63, 64, 65, 66, 500]))
    case 3:
      return new Pairs([[random.pick(NAMES), random.pick(TYPES)]])
    case 4:
      return Array.from({ length: random.pick([2, 33, 100]) }, () => random.pick(TYPES))
    default:
      return random.pick(TYPES)
  }
}

export const oddName = (random: Random): string => (random.chance(0.6) ? random.pick(NAMES) : random.text(1 + random.below(8)))

/** Lists or maps in one another, deeper than a stack might bear. */
const nested = (random: Random, depth: number): Raw => {
  const opening = random.chance(0.5) ? [0x81] : [0xa1, 0x61, 0x61]
  return new Raw(...Array.from({ length: depth }, () => opening).flat(), 0)
}

/** What stands where the bytes of a principal are expected: other keys, other methods, text behind a prefix, small-order keys. */
export const oddPrincipal = (random: Random): unknown => {
  const text = (did: string) => new TextEncoder().encode(did)
  switch (random.below(7)) {
    case 0:
      return Uint8Array.of(0x9d, 0x1a, ...text(numbered(1001).did.slice(4)))
    case 1:
      return Uint8Array.of(0x9d, 0x1a, ...text(random.pick(['web:example.com', 'web:', 'key:', 'key:z6Mk', 'plc:x', ''])))
    case 2:
      return Uint8Array.of(random.pick([0xec, 0xe7, 0x85, 0x80]), random.pick([0x01, 0x24]), ...random.bytes(random.pick([32, 33, 65])))
    case 3:
      return Uint8Array.of(0xed, 0x01, ...random.bytes(random.pick([0, 31, 32, 33])))
    case 4:
      return Uint8Array.of(0xed, 0x01, ...new Uint8Array(32).fill(random.pick([0, 1, 255])))
    case 5:
      return numbered(1001).did
    default:
      return oddValue(random)
  }
}

/** Resources and abilities as text. */
export const oddResource = (random: Random): unknown =>
  random.pick([
    ...[
      'ucan:*',
      'did:key:',
      'did:web:example.com',
      'https://example.com',
      'not a uri',
      '',
      'did:key:z6Mk',
      `did:key:z${'1'.repeat(5000)}`,
    ],
    ...['javascript:0', 'did:key:z6MkÀ', numbered(1001).did.toLowerCase(), `${numbered(1001).did}#x`, 7],
  ])

export const oddAbility = (random: Random): unknown =>
  random.pick([
    ...[
      '*',
      'ucan:*',
      'pin/*',
      'pin',
      'pin/',
      '/add',
      'pin//add',
      'PIN/ADD',
      'pinball/add',
      'pin/constructor',
      'pin/__proto__',
      '__proto__/x',
    ],
    ...[
      'constructor/call',
      'toString',
      'lease/pin/*',
      'lease/pin/add',
      'lease/*',
      'host/*',
      'access/*',
      'ucan/revoke',
      'host/collect/',
      'a/b/c/d',
    ],
    ...[`${'a/'.repeat(2000)}b`, 'pin/add ', 'pin/\u0430dd', ''],
  ])
