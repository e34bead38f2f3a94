import assert from 'node:assert/strict'
import { Failure } from '@symbiosis/protocol'
import { inclusionProof, leafHash, nodeHash, rootAt, rootFromInclusion, verifyInclusion } from '@symbiosis/protocol/revocation'
import fc from 'fast-check'
import { mth, path } from '../../vectors/revocation/plain-tree.ts'
import { refuses, rejects } from '../refusal.ts'
import { bentProofs, entries, entry, flipped, Nodes } from './forest.ts'

/** Whether it is accepted: the two ways to refuse are told apart elsewhere. */
const holds = (claim: Parameters<typeof verifyInclusion>[0]): boolean => {
  try {
    return verifyInclusion(claim)
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.name === 'Malformed') return false
    throw thrown
  }
}

describe('An inclusion proof', () => {
  const nodes = new Nodes(300)

  /** The claim about a leaf that a host with these nodes makes. */
  const claimOf = async (index: number, size: number) => ({
    index,
    size,
    leaf: leafHash(entry(index)),
    proof: await inclusionProof(index, size, nodes.hashAt),
    root: await rootAt(size, nodes.hashAt),
  })

  it('is that of RFC 6962, and holds, for every leaf of every small tree', async () => {
    for (let size = 1; size <= 40; size++) {
      const root = mth(entries(size))
      for (let index = 0; index < size; index++) {
        const claim = await claimOf(index, size)
        assert.deepEqual([claim.proof, claim.root], [path(index, entries(size)), root], `${index} of ${size}`)
        assert.ok(verifyInclusion(claim), `${index} of ${size}`)
        assert.deepEqual(rootFromInclusion(claim), root)
      }
    }
  })

  it('is that of RFC 6962, and holds, for leaves of larger trees', async () => {
    const some = fc.integer({ min: 1, max: 300 }).chain((size) => fc.tuple(fc.constant(size), fc.integer({ min: 0, max: size - 1 })))
    await fc.assert(
      fc.asyncProperty(some, async ([size, index]) => {
        const claim = await claimOf(index, size)
        assert.deepEqual(claim.proof, path(index, entries(size)))
        assert.ok(verifyInclusion(claim))
      }),
    )
  })

  it('is refused however it is bent', async () => {
    for (const size of [1, 2, 3, 5, 8, 13, 16, 17]) {
      for (let index = 0; index < size; index++) {
        const claim = await claimOf(index, size)
        const bit = (index * 37 + size) % 256
        for (const proof of bentProofs(claim.proof, bit)) assert.equal(holds({ ...claim, proof }), false, `${index} of ${size}`)
        assert.equal(holds({ ...claim, leaf: flipped(claim.leaf, bit) }), false)
        assert.equal(holds({ ...claim, root: flipped(claim.root, bit) }), false)
      }
    }
  })

  it('is refused for every other leaf, and another size is told by its root alone', async () => {
    for (const size of [2, 3, 7, 8, 9, 20]) {
      for (let index = 0; index < size; index++) {
        const claim = await claimOf(index, size)
        for (let other = 0; other < size + 3; other++) {
          if (other !== index) assert.equal(holds({ ...claim, index: other }), false, `${index} as ${other} of ${size}`)
          // The leaf may have the same way up in both trees; then they have two roots, and only this one is signed.
          if (other !== size) assert.equal(holds({ ...claim, size: other, root: mth(entries(other)) }), false, `${size} as ${other}`)
        }
      }
    }
  })

  it('does not take a node for a leaf', async () => {
    const [left, right] = [leafHash(entry(0)), leafHash(entry(1))]
    const root = await rootAt(4, nodes.hashAt)
    const above = await inclusionProof(0, 4, nodes.hashAt)
    assert.deepEqual(
      rootFromInclusion({ index: 0, size: 2, leaf: nodeHash(left, right), proof: above.slice(1) }),
      root,
      'as nodes alone tell',
    )
    const children = new Uint8Array([...left, ...right])
    assert.notDeepEqual(leafHash(children), nodeHash(left, right), 'but no entry has the hash of a node')
  })

  it('is Malformed without a tree, a place in it, hashes, or in another length', async () => {
    const claim = await claimOf(3, 7)
    for (const size of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '7' as unknown as number, 7n as unknown as number]) {
      refuses(() => verifyInclusion({ ...claim, size }), 'Malformed', { field: 'size' })
    }
    for (const index of [-1, 7, 8, 0.5, Number.NaN, 2 ** 53, '3' as unknown as number]) {
      refuses(() => verifyInclusion({ ...claim, index }), 'Malformed', { field: 'index' })
    }
    for (const leaf of [new Uint8Array(), new Uint8Array(31), new Uint8Array(33), [] as unknown as Uint8Array]) {
      refuses(() => rootFromInclusion({ ...claim, leaf }), 'Malformed', { field: 'leaf' })
    }
    for (const proof of [[], claim.proof.slice(1), [...claim.proof, claim.leaf], undefined as unknown as Uint8Array[]]) {
      refuses(() => rootFromInclusion({ ...claim, proof }), 'Malformed', { field: 'proof' })
      refuses(() => verifyInclusion({ ...claim, proof }), 'Malformed', { field: 'proof' })
    }
    refuses(() => verifyInclusion({ ...claim, proof: claim.proof.with(1, new Uint8Array(31)) }), 'Malformed', { field: 'proof' })
    refuses(() => verifyInclusion({ ...claim, root: 'root' as unknown as Uint8Array }), 'Malformed', { field: 'root' })
    refuses(() => leafHash('entry' as unknown as Uint8Array), 'Malformed', { field: 'entry' })
  })

  it('is false, and not refused, where it is well formed and leads elsewhere', async () => {
    const claim = await claimOf(3, 7)
    assert.equal(verifyInclusion({ ...claim, proof: claim.proof.with(0, new Uint8Array(32)) }), false)
    assert.equal(verifyInclusion({ ...claim, root: claim.root.subarray(1) }), false)
    assert.equal(verifyInclusion({ ...claim, root: new Uint8Array() }), false)
  })

  it('is checked in trees of up to 2^53 - 1 entries', () => {
    const hash = (byte: number) => new Uint8Array(32).fill(byte)
    const size = Number.MAX_SAFE_INTEGER
    for (const [index, length] of [
      [0, 53],
      [size - 1, 52],
      [2 ** 52, 53],
      [2 ** 32 + 1, 53],
    ] as const) {
      const claim = { index, size, leaf: hash(0), proof: Array.from({ length }, (_, at) => hash(at + 1)) }
      const root = rootFromInclusion(claim)
      // By the RFC's own split, from the top: bit operators would lose what is above 32 bits.
      const fold = (at: number, begin: number, end: number): Uint8Array => {
        if (end - begin === 1) return claim.leaf
        const middle = begin + 2 ** Math.ceil(Math.log2(end - begin) - 1)
        const beside = claim.proof[at] as Uint8Array
        return index < middle ? nodeHash(fold(at - 1, begin, middle), beside) : nodeHash(beside, fold(at - 1, middle, end))
      }
      assert.deepEqual(root, fold(length - 1, 0, size))
      refuses(() => rootFromInclusion({ ...claim, proof: claim.proof.slice(1) }), 'Malformed', { field: 'proof' })
    }
  })

  it('is made by reading a node for each level, about', async () => {
    const large = new Nodes(10_000)
    await inclusionProof(7777, 10_000, large.hashAt)
    assert.ok(large.reads <= 2 * 14, `${large.reads} reads`)
  })

  it('is not made of a tree or a leaf that is not there, or of nodes that are none', async () => {
    refuses(() => inclusionProof(0, 0, nodes.hashAt), 'Malformed', { field: 'size' })
    refuses(() => inclusionProof(5, 5, nodes.hashAt), 'Malformed', { field: 'index' })
    await rejects(
      inclusionProof(0, 2, () => new Uint8Array(31)),
      'Malformed',
      { field: 'node' },
    )
  })
})
