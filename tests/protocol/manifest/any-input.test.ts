import assert from 'node:assert/strict'
import { type Block, decode, encode, Failure, type Value } from '@symbiosis/protocol'
import { describeService, encodeManifest } from '@symbiosis/protocol/manifest'
import fc from 'fast-check'
import { rack, signed, signedBy, verify } from './making.ts'

/** A manifest or a refusal: whatever comes, nothing else may be thrown. */
const survives = (bytes: Uint8Array, have: readonly Block[] = []): void => {
  try {
    verify(bytes, { have })
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown
  }
}

/** Places in a value, each with what writes another value there. */
const places = (value: Value, put: (other: unknown) => unknown): ((other: unknown) => unknown)[] => {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || 'asCID' in value) return [put]
  const below = Object.entries(value).flatMap(([key, each]) =>
    places(each, (other) => put(Array.isArray(value) ? Object.assign([...value], { [key]: other }) : { ...value, [key]: other })),
  )
  return [put, ...below]
}

const anything = fc.oneof(
  fc.constantFrom(null, true, 0, -1, 1.5, 2 ** 53 - 1, '', 'object', 'link', '__proto', [], {}, [[]], { type: 'object' }, { '/': 'a' }),
  fc.string({ maxLength: 10 }),
  fc.uint8Array({ maxLength: 10 }),
)

describe('A manifest of any input', () => {
  it('is read or refused: random bytes, and bytes with some of them changed', async () => {
    const whole = encodeManifest(await signed())
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => survives(bytes)))
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
        const bent = whole.slice()
        for (const [at, byte] of changes) bent[at] = byte
        survives(bent)
      }),
    )
    fc.assert(fc.property(fc.nat(whole.length), (length) => survives(whole.subarray(0, length))))
  })

  it('is read or refused: signed roots and services with anything at any place', async () => {
    const { root, services } = await signed()
    survives(await signedBy(decode(root.bytes) as object), services)
    const atRoot = places(decode(root.bytes), (other) => other)
    const atService = places(decode(encode(describeService(rack))), (other) => other)
    assert.ok(atService.length > 100)
    await fc.assert(
      fc.asyncProperty(fc.nat(atRoot.length - 2), anything, async (at, other) => {
        survives(await signedBy(atRoot[at + 1]?.(other) as object), services)
      }),
    )
    await fc.assert(
      fc.asyncProperty(fc.nat(atService.length - 2), anything, async (at, other) => {
        survives(await signedBy({}, [{ ...(atService[at + 1]?.(other) as object) }]))
      }),
      { numRuns: 500 },
    )
  })
})
