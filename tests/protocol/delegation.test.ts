import assert from 'node:assert/strict'
import {
  archive,
  type Block,
  cidOf,
  decodeCar,
  delegate,
  encode,
  encodeCar,
  extract,
  generateSeed,
  isSigned,
  proofOf,
  signerFromSeed,
  ucansOf,
} from '@symbiosis/protocol'
import { refuses } from './refusal.ts'

const [alice, bob, carol] = [1, 2, 3].map(() => signerFromSeed(generateSeed())) as [Signer, Signer, Signer]
type Signer = ReturnType<typeof signerFromSeed>
const capabilities = [{ can: 'shelf/*', with: alice.did }]
const give = (from: Signer, to: Signer, proofs: Awaited<ReturnType<typeof delegate>>[] = []) =>
  delegate(from, { audience: to.did, capabilities, expiration: 2_000_000_000, proofs })
const BOUNDS = { maxBlocks: 1000, maxBlockBytes: 1 << 20 }
const cids = (blocks: readonly { cid: unknown }[]) => blocks.map(({ cid }) => String(cid)).sort()

describe('A delegation', () => {
  it('says what was asked for, signed', async () => {
    const first = await delegate(alice, { audience: bob.did, capabilities, expiration: null, notBefore: 1 })
    const { ucan } = await give(bob, carol, [first])
    assert.deepEqual([ucan.issuer, ucan.audience, ucan.expiration, ucan.capabilities], [bob.did, carol.did, 2_000_000_000, capabilities])
    assert.deepEqual(ucan.proofs.map(String), [String(first.ucan.cid)])
    assert.deepEqual([first.ucan.notBefore, first.ucan.expiration], [1, null])
    assert.ok(isSigned(ucan))
  })

  it('has a CID that another one, which says the same, has not', async () => {
    const [first, second] = [await give(alice, bob), await give(alice, bob)]
    assert.notEqual(String(first.ucan.cid), String(second.ucan.cid))
  })

  it('is archived with all that proves it, each once', async () => {
    const root = await give(alice, bob)
    const [left, right] = [await give(bob, carol, [root]), await give(bob, carol, [root])]
    const top = await give(carol, alice, [left, right])
    const read = extract(archive(top))
    assert.equal(String(read.ucan.cid), String(top.ucan.cid))
    assert.deepEqual(cids(read.proofs), cids([root, left, right].map(({ ucan }) => ucan)))
    assert.deepEqual(cids(ucansOf([top, left])), cids([top, left, right, root].map(({ ucan }) => ucan)))
    // A Buffer is as good as any bytes, and nothing of it is kept.
    const bytes = Buffer.from(archive(top))
    const kept = extract(bytes)
    assert.deepEqual(archive(kept).length, bytes.length)
  })

  it('is read without a proof that is not there', async () => {
    const root = await give(alice, bob)
    const { ucan } = await give(bob, carol, [root])
    assert.deepEqual(extract(archive({ ucan, proofs: [] })).proofs, [])
  })

  it('leaves out what it does not name', async () => {
    const [mine, foreign] = [await give(alice, bob), await give(bob, carol)]
    assert.deepEqual(extract(archive({ ucan: mine.ucan, proofs: [foreign.ucan] })).proofs, [])
  })
})

describe('An archive of a delegation', () => {
  const blocksOf = async () => {
    const proof = await give(bob, carol, [await give(alice, bob)])
    return { proof, ...decodeCar(archive(proof), BOUNDS) }
  }

  it('is refused where bytes are not their CID’s own', async () => {
    const { roots, blocks } = await blocksOf()
    for (let index = 0; index < blocks.length - 1; index++) {
      const bent = blocks.map((block, at) => (at === index ? { ...block, bytes: block.bytes.map((byte) => byte ^ 1) } : block))
      refuses(() => extract(encodeCar({ roots, blocks: bent })), 'BadHash')
    }
  })

  it('is refused where it holds no delegation', async () => {
    const { roots, blocks } = await blocksOf()
    const block = (value: unknown): Block => {
      const bytes = encode(value)
      return { cid: cidOf(bytes), bytes }
    }
    const about = (value: unknown) => {
      const root = block(value)
      return encodeCar({ roots: [root.cid], blocks: [root] })
    }
    refuses(() => extract(new Uint8Array(0)), 'Malformed')
    refuses(() => extract(encodeCar({ roots: [], blocks: [] })), 'Malformed')
    refuses(() => extract(encodeCar({ roots, blocks: blocks.slice(0, 1) })), 'Malformed')
    refuses(() => extract(about({})), 'Malformed')
    refuses(() => extract(about(null)), 'Malformed')
    refuses(() => extract(about({ 'ucan@0.9.1': 'text' })), 'Malformed')
    refuses(() => extract(about({ 'ucan@0.9.1': { '/': 'x', bytes: 'x' } })), 'Malformed')
    // It names a delegation that isn't there, or one that is none.
    refuses(() => extract(about({ 'ucan@0.9.1': cidOf(Uint8Array.of(1)) })), 'Malformed')
    const none = block({ no: 'UCAN' })
    refuses(() => proofOf(none.cid, [none]), 'Malformed')
  })

  it('is refused over its bounds', async () => {
    const { proof } = await blocksOf()
    const many = Array.from({ length: 300 }, (_, index) => {
      const bytes = encode([index])
      return { cid: cidOf(bytes), bytes }
    })
    refuses(() => extract(archive({ ucan: proof.ucan, proofs: many as never })), 'TooLarge', { field: 'blocks' })
    const large = encode('x'.repeat(70_000))
    refuses(() => extract(encodeCar({ roots: [cidOf(large)], blocks: [{ cid: cidOf(large), bytes: large }] })), 'TooLarge', {
      field: 'block',
    })
  })
})
