import assert from 'node:assert/strict'
import { Failure } from '@symbiosis/protocol'
import { inclusionProof, leafHash, rootAt, rootBefore } from '@symbiosis/protocol/revocation'
import { bentProofs, entry, Nodes } from './forest.ts'

describe('what a tree began with', () => {
  it('follows from the proof of any entry, for every tree of up to 40 entries', async () => {
    for (let size = 1; size <= 40; size++) {
      const { range, hashAt } = new Nodes(size)
      for (let index = 0; index < size; index++) {
        const proof = await inclusionProof(index, size, hashAt)
        const root = rootBefore({ index, size, leaf: leafHash(entry(index)), proof, root: range.root() })
        assert.deepEqual(root, index === 0 ? undefined : await rootAt(index, hashAt), `${index} of ${size}`)
      }
    }
  })

  it('is not told by what does not prove the entry', async () => {
    const size = 13
    const { range, hashAt } = new Nodes(size)
    for (let index = 1; index < size; index++) {
      const proof = await inclusionProof(index, size, hashAt)
      const leaf = leafHash(entry(index))
      for (const bent of bentProofs(proof, 3)) {
        try {
          assert.equal(rootBefore({ index, size, leaf, proof: bent, root: range.root() }), undefined)
        } catch (thrown) {
          assert.ok(thrown instanceof Failure && thrown.name === 'Malformed', String(thrown))
        }
      }
      assert.equal(rootBefore({ index, size, leaf: leafHash(entry(0)), proof, root: range.root() }), undefined)
    }
  })
})
