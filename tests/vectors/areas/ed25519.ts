import { createHash } from 'node:crypto'
import { ed25519 as noble } from '@noble/curves/ed25519.js'
import type { Ed25519Vector, VectorFile } from '../format.ts'
import { toBase64 } from '../json.ts'

const { Point } = noble
const L = Point.Fn.ORDER
const P = 2n ** 255n - 19n
const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
const number = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
const bytes32 = (value: bigint) => new Uint8Array(Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse())
const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts))

const seed = new Uint8Array(32).fill(7)
const { scalar: a, point: A } = noble.utils.getExtendedPublicKey(seed)
const key = A.toBytes()
const r = 123_456_789n
const R = Point.BASE.multiply(r)
/** A point of order 8. */
const torsion = Point.fromBytes(hex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'), true)
const text = (index: number) => new TextEncoder().encode(`message ${index}`)

const challenge = (Rbytes: Uint8Array, Abytes: Uint8Array, message: Uint8Array) =>
  number(
    createHash('sha512')
      .update(joined(Rbytes, Abytes, message))
      .digest(),
  ) % L
/** S = r + k*a, for any encodings of R and A. */
const signed = (Rbytes: Uint8Array, Abytes: Uint8Array, message: Uint8Array, secret = a, nonce = r) =>
  joined(Rbytes, bytes32((nonce + challenge(Rbytes, Abytes, message) * secret) % L))
/** The first message for which the challenge vanishes in the torsion, or doesn't. */
const messageWhere = (Rbytes: Uint8Array, Abytes: Uint8Array, vanishes: boolean) => {
  for (let index = 0; ; index++) if ((challenge(Rbytes, Abytes, text(index)) % 8n === 0n) === vanishes) return text(index)
}

/** RFC 8032, section 7.1. */
const RFC: readonly [string, string, string, string][] = [
  [
    'test 1',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    'test 2',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'test 3',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
]

/** The y coordinates of the eight points of small order, in every spelling. */
const SMALL: readonly [string, Uint8Array][] = [
  ['0', bytes32(0n)],
  ['1', bytes32(1n)],
  ['p - 1', bytes32(P - 1n)],
  ['order 8', hex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')],
  ['order 8, the other', hex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')],
  ['p, which is 0', bytes32(P)],
  ['p + 1, which is 1', bytes32(P + 1n)],
]

const withSign = (bytes: Uint8Array) => bytes.map((byte, index) => (index === 31 ? byte ^ 0x80 : byte))

export const ed25519 = (): VectorFile => {
  const vectors: Ed25519Vector[] = []
  const add = (name: string, description: string, publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array, valid: boolean) =>
    vectors.push({
      name,
      description,
      publicKey: toBase64(publicKey),
      message: toBase64(message),
      signature: toBase64(signature),
      expect: { valid },
    })

  for (const [name, publicKey, message, signature] of RFC) {
    add(`RFC 8032, ${name}`, 'A good signature.', hex(publicKey), hex(message), hex(signature), true)
    add(
      `RFC 8032, ${name}, of another message`,
      'A byte more was signed.',
      hex(publicKey),
      joined(hex(message), Uint8Array.of(0)),
      hex(signature),
      false,
    )
  }
  const message = text(0)
  const good = signed(R.toBytes(), key, message)
  const s = number(good.subarray(32))
  add('made by hand', 'S = r + k*a.', key, message, good, true)
  add(
    'the order added to S',
    'The same equation holds: a second signature for the same message.',
    key,
    message,
    joined(R.toBytes(), bytes32(s + L)),
    false,
  )
  add(
    'S with its top bit set',
    'S below L has three zero bits on top.',
    key,
    message,
    joined(R.toBytes(), withSign(good.subarray(32))),
    false,
  )
  add('S = L', 'The least S that is none.', key, message, joined(R.toBytes(), bytes32(L)), false)
  add('a byte more', 'Signatures have 64 bytes.', key, message, joined(good, Uint8Array.of(0)), false)
  add('a byte less', 'Signatures have 64 bytes.', key, message, good.subarray(0, 63), false)
  add('no signature', 'Nothing signs nothing.', key, message, new Uint8Array(), false)
  add('a key of 31 bytes', 'Keys have 32 bytes.', key.subarray(0, 31), message, good, false)
  add('a key that is no point', 'No x has this y.', bytes32(2n), message, good, false)
  add('the other sign of R', 'The point across.', key, message, joined(withSign(R.toBytes()), good.subarray(32)), false)

  for (const [name, point] of SMALL) {
    // With A of small order, k*A is one of eight points whatever was signed: S = r holds for one message in eight at the worst.
    const holds = Array.from({ length: 64 }, (_, index) => text(index)).find((each) => equationHolds(point, each)) ?? text(0)
    add(`a key of small order: ${name}`, 'Anybody signs anything for such a key.', point, holds, joined(R.toBytes(), bytes32(r)), false)
    const forR = signed(point, key, message, a, 0n)
    add(
      `an R of small order: ${name}`,
      'A signature that gives the key away, with an R that has other spellings.',
      key,
      message,
      forR,
      false,
    )
  }
  add(
    'a key of small order, its sign bit set',
    'x = 0 has no sign.',
    withSign(bytes32(1n)),
    message,
    joined(R.toBytes(), bytes32(r)),
    false,
  )

  const mixed = A.add(torsion).toBytes()
  const vanishing = messageWhere(R.toBytes(), mixed, true)
  const staying = messageWhere(R.toBytes(), mixed, false)
  add(
    'a key of mixed order whose torsion vanishes',
    'Holds with the cofactor and without.',
    mixed,
    vanishing,
    signed(R.toBytes(), mixed, vanishing),
    true,
  )
  add(
    'a key of mixed order whose torsion stays',
    'Holds with the cofactor only, and does not count.',
    mixed,
    staying,
    signed(R.toBytes(), mixed, staying),
    false,
  )
  const mixedR = R.add(torsion).toBytes()
  add('an R of mixed order', 'Holds with the cofactor only, and does not count.', key, message, signed(mixedR, key, message), false)
  return {
    kind: 'ed25519',
    about: 'Ed25519 by RFC 8032, the equation without cofactor, S < L, A and R in their one encoding and not of small order.',
    vectors,
  }
}

/** Whether S = r passes for a key of small order, by the equation alone. */
const equationHolds = (point: Uint8Array, message: Uint8Array): boolean => {
  try {
    return Point.fromBytes(point, true)
      .multiplyUnsafe(challenge(R.toBytes(), point, message) % 8n)
      .is0()
  } catch {
    return false
  }
}
