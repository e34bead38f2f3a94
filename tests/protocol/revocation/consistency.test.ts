import assert from 'node:assert/strict'
import { Failure } from '@symbiosis/protocol'
import { consistencyProof, rootAt, verifyConsistency } from '@symbiosis/protocol/revocation'
import fc from 'fast-check'
import { mth, proof as plainProof } from '../../vectors/revocation/plain-tree.ts'
import { refuses, rejects } from '../refusal.ts'
import { bentProofs, entries, flipped, Nodes } from './forest.ts'

const holds = (claim: Parameters<typeof verifyConsistency>[0]): boolean => {
  try {
    return verifyConsistency(claim)
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.name === 'Malformed') return false
    throw thrown
  }
}

describe('A consistency proof', () => {
  const nodes = new Nodes(300)

  const claimOf = async (from: number, to: number) => ({
    from,
    to,
    proof: await consistencyProof(from, to, nodes.hashAt),
    fromRoot: await rootAt(from, nodes.hashAt),
    toRoot: await rootAt(to, nodes.hashAt),
  })

  it('is that of RFC 6962, and holds, between any two small trees', async () => {
    for (let to = 1; to <= 40; to++) {
      for (let from = 1; from <= to; from++) {
        const claim = await claimOf(from, to)
        assert.deepEqual(claim.proof, plainProof(from, entries(to)), `${from} to ${to}`)
        assert.ok(verifyConsistency(claim), `${from} to ${to}`)
      }
    }
  })

  it('is that of RFC 6962, and holds, between larger trees', async () => {
    const sizes = fc.integer({ min: 1, max: 300 }).chain((to) => fc.tuple(fc.integer({ min: 1, max: to }), fc.constant(to)))
    await fc.assert(
      fc.asyncProperty(sizes, async ([from, to]) => {
        const claim = await claimOf(from, to)
        assert.deepEqual(claim.proof, plainProof(from, entries(to)))
        assert.ok(verifyConsistency(claim))
      }),
    )
  })

  it('is refused however it is bent', async () => {
    for (const to of [1, 2, 3, 5, 8, 13, 16, 17]) {
      for (let from = 1; from <= to; from++) {
        const claim = await claimOf(from, to)
        const bit = (from * 37 + to) % 256
        for (const proof of bentProofs(claim.proof, bit)) assert.equal(holds({ ...claim, proof }), false, `${from} to ${to}`)
        assert.equal(holds({ ...claim, fromRoot: flipped(claim.fromRoot, bit) }), false, `${from} to ${to}, the earlier root`)
        assert.equal(holds({ ...claim, toRoot: flipped(claim.toRoot, bit) }), false, `${from} to ${to}, the later root`)
        if (from < to) assert.equal(holds({ ...claim, fromRoot: claim.toRoot, toRoot: claim.fromRoot }), false, 'roots swapped')
      }
    }
  })

  it('is refused for other sizes, under their own roots', async () => {
    for (const [from, to] of [
      [3, 7],
      [4, 8],
      [6, 8],
      [5, 20],
    ] as const) {
      const claim = await claimOf(from, to)
      for (let other = 0; other <= to + 3; other++) {
        const root = mth(entries(other))
        if (other !== from) assert.equal(holds({ ...claim, from: other, fromRoot: root }), false, `${from} as ${other} to ${to}`)
        if (other !== to) assert.equal(holds({ ...claim, to: other, toRoot: root }), false, `${from} to ${to} as ${other}`)
      }
    }
  })

  it('does not hold for a log that changed an entry, left one out or swapped two', async () => {
    const honest = entries(9)
    const swapped = honest.with(2, honest[3] as Uint8Array).with(3, honest[2] as Uint8Array)
    for (const rewritten of [honest.with(2, new Uint8Array()), honest.toSpliced(2, 1), swapped]) {
      const later = [...rewritten, ...entries(20).slice(9)]
      const claim = { from: 9, to: later.length, proof: plainProof(9, later), fromRoot: mth(honest), toRoot: mth(later) }
      assert.equal(verifyConsistency(claim), false)
    }
  })

  it('is none between equal sizes: their roots are compared', async () => {
    const claim = await claimOf(5, 5)
    assert.deepEqual(claim.proof, [])
    assert.equal(verifyConsistency({ ...claim, toRoot: flipped(claim.toRoot, 0) }), false)
    refuses(() => verifyConsistency({ ...claim, proof: [claim.toRoot] }), 'Malformed', { field: 'proof' })
  })

  it('is Malformed with sizes that are none or the wrong way round, without hashes, or in another length', async () => {
    const claim = await claimOf(3, 7)
    for (const size of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '7' as unknown as number]) {
      refuses(() => verifyConsistency({ ...claim, from: size }), 'Malformed', { field: 'from' })
      refuses(() => verifyConsistency({ ...claim, to: size }), 'Malformed', { field: 'to' })
    }
    refuses(() => verifyConsistency({ ...claim, from: 0, to: 0, proof: [] }), 'Malformed', { field: 'from' })
    refuses(() => verifyConsistency({ ...claim, from: 8 }), 'Malformed', { field: 'from' })
    for (const proof of [[], claim.proof.slice(1), [...claim.proof, claim.toRoot], null as unknown as Uint8Array[]]) {
      refuses(() => verifyConsistency({ ...claim, proof }), 'Malformed', { field: 'proof' })
    }
    refuses(() => verifyConsistency({ ...claim, proof: claim.proof.with(0, new Uint8Array(33)) }), 'Malformed', { field: 'proof' })
    for (const field of ['fromRoot', 'toRoot'] as const) {
      refuses(() => verifyConsistency({ ...claim, [field]: undefined }), 'Malformed', { field })
      assert.equal(verifyConsistency({ ...claim, [field]: new Uint8Array(31) }), false)
    }
    // Where the earlier tree is one node, its root is hashed.
    const perfect = await claimOf(4, 7)
    refuses(() => verifyConsistency({ ...perfect, fromRoot: new Uint8Array(31) }), 'Malformed', { field: 'fromRoot' })
  })

  it('is checked between trees of up to 2^53 - 1 entries', () => {
    const to = Number.MAX_SAFE_INTEGER
    const claim = { to, fromRoot: new Uint8Array(32), toRoot: new Uint8Array(32) }
    for (const [from, length] of [
      [2 ** 52, 1],
      [2 ** 32, 21],
      [to - 1, 53],
      [2 ** 52 + 1, 54],
    ] as const) {
      const proof = Array.from({ length }, () => new Uint8Array(32))
      assert.equal(verifyConsistency({ ...claim, from, proof }), false, 'of the right length')
      refuses(() => verifyConsistency({ ...claim, from, proof: proof.slice(1) }), 'Malformed', { field: 'proof' })
      refuses(() => verifyConsistency({ ...claim, from, proof: [...proof, new Uint8Array(32)] }), 'Malformed', { field: 'proof' })
    }
  })

  it('is made by reading a node for each level, about', async () => {
    const large = new Nodes(10_000)
    await consistencyProof(7777, 10_000, large.hashAt)
    assert.ok(large.reads <= 2 * 14, `${large.reads} reads`)
  })

  it('is not made of sizes that are none or the wrong way round, or of nodes that are none', async () => {
    refuses(() => consistencyProof(0, 5, nodes.hashAt), 'Malformed', { field: 'from' })
    refuses(() => consistencyProof(6, 5, nodes.hashAt), 'Malformed', { field: 'from' })
    await rejects(
      consistencyProof(1, 2, () => new Uint8Array(31)),
      'Malformed',
      { field: 'node' },
    )
  })
})
