import assert from 'node:assert/strict'
import {
  cidOf,
  decode,
  decodeUcan,
  encode,
  Failure,
  generateSeed,
  isSigned,
  issueUcan,
  signerFromSeed,
  type Ucan,
  type Value,
} from '@symbiosis/protocol'
import fc from 'fast-check'
import { anyMap, bent, SEED } from '../interop/values.ts'
import { refuses } from './refusal.ts'

const signer = signerFromSeed(generateSeed())
const audience = signerFromSeed(generateSeed()).did
const link = cidOf(Uint8Array.of(9))

const issue = (nb: { [field: string]: Value } = { name: 'a', root: link, data: Uint8Array.of(1, 2) }): Promise<Ucan> =>
  issueUcan(signer, {
    audience,
    capabilities: [{ can: 'shelf/read', with: signer.did, nb }],
    expiration: 2_000_000_000,
    notBefore: 5,
    nonce: 'n',
    facts: [{ why: 'test' }],
    proofs: [link],
  })

const read = (bytes: Uint8Array): Ucan => decodeUcan(cidOf(bytes), bytes)

/** The block of a UCAN with its model changed, and the signature as it was. */
const changed = async (change: (model: { [field: string]: Value }) => Value): Promise<Uint8Array> => {
  const model = decode((await issue()).bytes) as { [field: string]: Value }
  return encode(change(model))
}

describe('A UCAN', () => {
  it('is read as it was issued', async () => {
    const ucan = await issue()
    const again = read(ucan.bytes)
    const fields = ({ cid, bytes, signature, proofs, capabilities, ...rest }: Ucan) => ({
      ...rest,
      cid: String(cid),
      bytes: [...bytes],
      signature: [...signature],
      proofs: proofs.map(String),
      capabilities: [...encode(capabilities)],
    })
    assert.deepEqual(fields(again), fields(ucan))
    assert.ok(isSigned(again))
  })

  it('has one form: whatever is bent is refused, or no longer signed', async () => {
    const ucans = await Promise.all([issue(), issue({}), ...fc.sample(anyMap, { seed: SEED, numRuns: 20 }).map(issue)])
    let admitted = 0
    fc.assert(
      fc.property(bent(fc.constantFrom(...ucans.map(({ bytes }) => bytes))), (bytes) => {
        if (ucans.some((ucan) => Buffer.compare(ucan.bytes, bytes) === 0)) return
        let ucan: Ucan
        try {
          ucan = read(bytes)
        } catch (error) {
          if (error instanceof Failure) return
          throw error
        }
        admitted++
        assert.equal(isSigned(ucan), false, Buffer.from(bytes).toString('hex'))
      }),
      { seed: SEED, numRuns: 10_000 },
    )
    assert.ok(admitted > 100, `${admitted} of them were read: else this proves nothing`)
  })

  const second: Record<string, (model: { [field: string]: Value }) => Value> = {
    'a field that is not signed': (model) => ({ ...model, more: 1 }),
    'no `prf`': ({ prf: _, ...model }) => model,
    'a principal as text': (model) => ({ ...model, iss: new Uint8Array([0x9d, 0x1a, ...new TextEncoder().encode(signer.did.slice(4))]) }),
    'an upper-case ability': (model) => ({ ...model, att: [{ can: 'Shelf/read', with: signer.did }] }),
    'a link in `nb` as a map': (model) => ({
      ...model,
      att: [{ can: 'shelf/read', with: signer.did, nb: { root: { '/': String(link) } } }],
    }),
    'a link in a fact as a map': (model) => ({ ...model, fct: [{ a: [{ '/': String(link) }] }] }),
    'a map that passes for a link elsewhere': (model) => ({
      ...model,
      att: [{ can: 'shelf/read', with: signer.did, nb: { a: { '/': 'q', bytes: 'q' } } }],
    }),
    'no facts': (model) => ({ ...model, fct: [] }),
    'an empty nonce': (model) => ({ ...model, nnc: '' }),
    'zero for `nbf`': (model) => ({ ...model, nbf: 0 }),
    'a byte behind the signature': (model) => ({ ...model, s: Uint8Array.of(...(model.s as Uint8Array), 0) }),
  }
  for (const [what, change] of Object.entries(second)) {
    it(`has no second form with ${what}`, async () => {
      const bytes = await changed(change)
      refuses(() => read(bytes), 'NotCanonical')
    })
  }

  const none: Record<string, (model: { [field: string]: Value }) => Value> = {
    'a list': () => [],
    text: () => 'x',
    'bytes, as a JWT is': () => new TextEncoder().encode('a.b.c'),
    'no issuer': ({ iss: _, ...model }) => model,
    'a principal that is no bytes': (model) => ({ ...model, aud: audience }),
    'no capabilities': (model) => ({ ...model, att: [] }),
    'a capability with more fields': (model) => ({ ...model, att: [{ can: 'a/b', with: signer.did, more: 1 }] }),
    'a resource that is no URI': (model) => ({ ...model, att: [{ can: 'a/b', with: 'x' }] }),
    'an ability of one segment': (model) => ({ ...model, att: [{ can: 'a', with: signer.did }] }),
    'a star in the middle': (model) => ({ ...model, att: [{ can: 'a/*/b', with: signer.did }] }),
    '`nb` as a list': (model) => ({ ...model, att: [{ can: 'a/b', with: signer.did, nb: [] }] }),
    'a time with a fraction': (model) => ({ ...model, exp: 1.5 }),
    'a time before 1970': (model) => ({ ...model, exp: -1 }),
    '`nbf` of null': (model) => ({ ...model, nbf: null }),
    'a nonce as bytes': (model) => ({ ...model, nnc: Uint8Array.of(1) }),
    'a fact that is no map': (model) => ({ ...model, fct: [1] }),
    'a proof that is no link': (model) => ({ ...model, prf: [String(link)] }),
    'a proof that passes for a link elsewhere': (model) => ({ ...model, prf: [{ '/': 'q', bytes: 'q' }] }),
    'a signature that is no bytes': (model) => ({ ...model, s: 'x' }),
  }
  for (const [what, change] of Object.entries(none)) {
    it(`is none with ${what}`, async () => {
      const bytes = await changed(change)
      refuses(() => read(bytes), 'Malformed')
    })
  }

  it('is not read in other versions, or by other kinds of key', async () => {
    const changes: Parameters<typeof changed>[0][] = [
      (model) => ({ ...model, v: '0.10.0' }),
      (model) => ({ ...model, iss: Uint8Array.of(0xe7, 0x01, ...new Uint8Array(33)) }),
      (model) => ({ ...model, aud: new Uint8Array([0x9d, 0x1a, ...new TextEncoder().encode('web:example.com')]) }),
      (model) => ({ ...model, s: Uint8Array.of(0xd0, 0xb2, 0x03, 0x40, ...new Uint8Array(64)) }),
    ]
    for (const change of changes) {
      const bytes = await changed(change)
      refuses(() => read(bytes), 'Unsupported')
    }
  })
})
