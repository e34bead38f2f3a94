import assert from 'node:assert/strict'
import * as UCAN from '@ipld/dag-ucan'
import * as Signature from '@ipld/dag-ucan/signature'
import { type DID, decodeUcan, isSigned, issueUcan, signerFromSeed, signingPayload } from '@symbiosis/protocol'
import { Delegation, parseLink } from '@ucanto/core'
import { ed25519 } from '@ucanto/principal'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { anyLink, anyMap, anyText, SEED } from './values.ts'

type Claims = Parameters<typeof signingPayload>[0]

const seedOf = (byte: number) => new Uint8Array(32).fill(byte)
const dids = [1, 2, 3, 4].map((byte) => signerFromSeed(seedOf(byte)).did)
const anyDid: fc.Arbitrary<DID> = fc.constantFrom(...dids)
const anyTime = fc.integer({ min: 0, max: 2 ** 40 })

const anyClaims: fc.Arbitrary<Claims> = fc
  .record({
    issuer: anyDid,
    audience: anyDid,
    capabilities: fc.array(
      fc
        .record({
          can: fc.constantFrom('*', 'pin/add', 'pin/*', 'lease/pin/*', 'a.b-c/d_e'),
          with: anyDid,
          nb: fc.option(anyMap, { nil: undefined }),
        })
        .map(({ nb, ...rest }) => (nb ? { ...rest, nb } : rest)),
      { minLength: 1, maxLength: 4 },
    ),
    expiration: fc.option(anyTime),
    notBefore: fc.option(anyTime, { nil: undefined }),
    nonce: fc.option(anyText(), { nil: undefined }),
    facts: fc.array(anyMap, { maxLength: 3 }),
    proofs: fc.array(anyLink, { maxLength: 4 }),
  })
  .map(({ notBefore, nonce, ...rest }) => ({
    ...rest,
    ...(notBefore !== undefined && { notBefore }),
    ...(nonce !== undefined && { nonce }),
  }))

const principal = (did: DID) => ed25519.Verifier.parse(did)

/** The same claims in the words of stock. */
const stockOptions = ({ audience, capabilities, expiration, notBefore, nonce, facts, proofs }: Omit<Claims, 'issuer'>) => ({
  audience: principal(audience),
  capabilities: capabilities as never,
  expiration: expiration as number,
  facts: facts as never,
  ...(notBefore !== undefined && { notBefore }),
  ...(nonce !== undefined && { nonce }),
  proofs: proofs.map((proof) => parseLink(String(proof))) as never,
})

/** What stock hands to its signer, which is `formatSignPayload` of @ipld/dag-ucan. */
const stockPayload = async (claims: Claims): Promise<Uint8Array> => {
  let payload = new Uint8Array()
  const sign = (bytes: Uint8Array) => {
    payload = new Uint8Array(bytes)
    return Signature.create(Signature.EdDSA, new Uint8Array(64))
  }
  const issuer = { did: () => claims.issuer, signatureCode: Signature.EdDSA, signatureAlgorithm: 'EdDSA', sign }
  await UCAN.issue({ ...stockOptions(claims), issuer: issuer as never })
  return payload
}

describe('What a signature covers, against @ipld/dag-ucan', () => {
  it('is the same text, byte for byte, for any claims', async () => {
    await fc.assert(
      fc.asyncProperty(anyClaims, async (claims) => {
        const its = await stockPayload(claims)
        assert.equal(text(signingPayload(claims)), text(its))
        assert.deepEqual(Buffer.from(signingPayload(claims)), Buffer.from(its))
      }),
      { seed: SEED, numRuns: 2000 },
    )
  })

  it('is the same for each character by itself', async () => {
    const [claims] = fc.sample(anyClaims, { seed: SEED, numRuns: 1 }) as [Claims]
    for (let code = 0; code < 0x300; code++) {
      const nonce = String.fromCharCode(code)
      const alone = { ...claims, nonce, facts: [{ [nonce.repeat(2)]: nonce }] }
      assert.equal(text(signingPayload(alone)), text(await stockPayload(alone)), `character ${code}`)
    }
  })

  it('has no field that is undefined', async () => {
    const [claims] = fc.sample(anyClaims, { seed: SEED, numRuns: 1 }) as [Claims]
    const signed = (nb: object) => {
      const capabilities = [{ can: 'pin/add', with: dids[0] as DID, nb: nb as never }]
      return text(signingPayload({ ...claims, capabilities }))
    }
    assert.equal(signed({ a: undefined, b: 1, c: undefined }), signed({ b: 1 }))
    assert.equal(signed({ a: undefined }), signed({}))
  })

  it('is the same however long it is, wherever it outgrows its room', async () => {
    const [claims] = fc.sample(anyClaims, { seed: SEED, numRuns: 1 }) as [Claims]
    const { length } = text(await stockPayload({ ...claims, nonce: 'x' }))
    for (const end of ['', '"', 'é'])
      for (let size = 4096 - length - 20; size < 4096 - length + 120; size++) {
        const long = { ...claims, nonce: 'x'.repeat(size) + end }
        assert.equal(text(signingPayload(long)), text(await stockPayload(long)), `${size}`)
      }
    for (const size of [10_000, 100_000]) {
      const long = { ...claims, nonce: 'x'.repeat(size), proofs: Array.from({ length: 9 }, () => claims.proofs).flat() }
      assert.deepEqual(Buffer.from(signingPayload(long)), Buffer.from(await stockPayload(long)))
      assert.equal(text(signingPayload(claims)), text(await stockPayload(claims)))
    }
  })

  it('is the same for a UCAN that was read back, so that it verifies', async () => {
    await fc.assert(
      fc.asyncProperty(anyClaims, async (claims) => {
        const signer = signerFromSeed(seedOf(1 + dids.indexOf(claims.issuer)))
        const { issuer: _, ...rest } = claims
        const ucan = await issueUcan(signer, rest)
        const read = decodeUcan(ucan.cid, ucan.bytes)
        assert.equal(text(signingPayload(read)), text(signingPayload(claims)))
        assert.ok(isSigned(read))
      }),
      { seed: SEED, numRuns: 300 },
    )
  })

  it('makes the UCAN that stock makes of the same claims, CID included', async () => {
    const signers = await Promise.all([1, 2, 3, 4].map((byte) => ed25519.derive(seedOf(byte))))
    await fc.assert(
      // An empty nonce, or zero for `nbf`, stock writes and doesn't sign: the second form that admission refuses.
      fc.asyncProperty(
        anyClaims.filter(({ nonce, notBefore }) => nonce !== '' && notBefore !== 0),
        async ({ issuer, ...claims }) => {
          const index = dids.indexOf(issuer)
          const mine = await issueUcan(signerFromSeed(seedOf(1 + index)), claims)
          const its = await Delegation.delegate({
            issuer: signers[index] as ed25519.EdSigner,
            ...stockOptions(claims),
          })
          assert.deepEqual(Buffer.from(mine.bytes), Buffer.from(its.bytes))
          assert.ok(mine.cid.equals(CID.decode(its.cid.bytes)))
        },
      ),
      { seed: SEED, numRuns: 200 },
    )
  })
})

const text = (payload: Uint8Array): string => {
  const [header, body] = new TextDecoder().decode(payload).split('.')
  return `${header}.${Buffer.from(body ?? '', 'base64url')}`
}
