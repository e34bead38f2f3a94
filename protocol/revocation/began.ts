import { sameBytes } from '../link.ts'
import { type Inclusion, rootFromInclusion } from './inclusion.ts'
import { bagged } from './reading.ts'
import { sidesOf } from './shape.ts'

/**
 * The root of a tree's first `index` entries, as the inclusion proof of the entry at that index shows it: what stands to the left of an entry is covered
 * by the hashes that go to the left on its way up. Undefined where the proof leads to another root than the tree's, or nothing stands to the left. A host that
 * proves its entries can thus be held against what it signed before, without any help of its own.
 * @throws Failure Malformed for what `rootFromInclusion` refuses
 */
export const rootBefore = ({ root, ...inclusion }: Inclusion & { readonly root: Uint8Array }): Uint8Array | undefined => {
  if (!sameBytes(rootFromInclusion(inclusion), root)) return undefined
  const { index, size, proof } = inclusion
  const left = proof.filter((_, at) => sidesOf(index, size)[at])
  return left.length > 0 ? bagged(left.reverse()) : undefined
}
