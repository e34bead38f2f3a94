import type { Value } from '@symbiosis/protocol'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'

/** Every run draws the same values: a failure is there again tomorrow. */
export const SEED = 20260726

/** Any Unicode text; half a surrogate pair is none. */
export const anyText = (maxLength = 40): fc.Arbitrary<string> => fc.string({ unit: 'binary', maxLength })

export const anyLink: fc.Arbitrary<CID> = fc.oneof(
  fc
    .record({ codec: fc.constantFrom(0x55, 0x70, 0x71, 0x0129), digest: fc.uint8Array({ minLength: 32, maxLength: 32 }) })
    .map(({ codec, digest }) => CID.createV1(codec, Digest.create(0x12, digest))),
  fc.uint8Array({ minLength: 32, maxLength: 32 }).map((digest) => CID.createV0(Digest.create(0x12, digest))),
  fc.uint8Array({ maxLength: 40 }).map((digest) => CID.createV1(0x55, Digest.create(0, digest))),
)

const anyFraction: fc.Arbitrary<number> = fc
  .double({ noNaN: true, noDefaultInfinity: true, noInteger: true })
  .filter((number) => !Number.isInteger(number))

/** Keys that no side reads in a way of its own; the others have examples by name. */
const plainKey: fc.Arbitrary<string> = fc
  .oneof(anyText(30), fc.constantFrom('a', 'b', 'aa', 'ab', 'bytes', 'asCID', 'constructor', 'toString', 'can', 'with'))
  .filter((key) => key !== '__proto__' && key !== '/')

/** Any value of the subset that the protocol writes: every kind, nested. */
export const anyValue: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.integer({ min: -300, max: 300 }),
    anyFraction,
    anyText(),
    fc.uint8Array({ maxLength: 40 }),
    anyLink,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(plainKey, tie('value'), { maxKeys: 6 }),
  ),
})).value

export const anyMap: fc.Arbitrary<{ [key: string]: Value }> = fc.dictionary(plainKey, anyValue, { maxKeys: 6 })

/** Bytes with one or more places bent: what a hand, a broken disk or an attacker makes of them. */
export const bent = (bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc
    .record({
      bytes,
      bends: fc.array(fc.record({ how: fc.nat(5), at: fc.nat(), byte: fc.nat(255), length: fc.integer({ min: 1, max: 4 }) }), {
        minLength: 1,
        maxLength: 3,
      }),
    })
    .map(({ bytes, bends }) => {
      let result = [...bytes]
      for (const { how, at, byte, length } of bends) {
        const place = at % (result.length + 1)
        if (how === 0) result.splice(place, 1, byte)
        else if (how === 1) result.splice(place, 0, byte)
        else if (how === 2) result.splice(place, length)
        else if (how === 3) result = result.slice(0, place)
        else if (how === 4) result.splice(place, 0, ...result.slice(place, place + length))
        else result.splice(place, 1, (result[place] ?? 0) ^ (1 << (byte & 7)))
      }
      return Uint8Array.from(result)
    })
