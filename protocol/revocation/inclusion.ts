import { sameBytes } from '../link.ts'
import { checkHash, checkProof, checkRoot, nodeHash } from './hashing.ts'
import { type HashReader, rootsOf, type Stretch } from './reading.ts'
import { checkIndex, leftOf, sidesOf } from './shape.ts'

/** That a leaf stands in a tree, but for the root. */
export interface Inclusion {
  /** The leaf's place, from 0. */
  readonly index: number
  /** How many entries the tree has, 1 at least. */
  readonly size: number
  /** The leaf's hash, as `leafHash` makes it: 32 bytes. */
  readonly leaf: Uint8Array
  /** Hashes from the leaf's sibling up to the root's child, 32 bytes each, as many as index and size ask for. */
  readonly proof: readonly Uint8Array[]
}

/**
 * The root that an inclusion proof leads to, 32 bytes. RFC 6962, section 2.1.1; computed as in RFC 9162, section 2.1.3.2.
 * @throws Failure Malformed for a size of 0, an index that isn't below the size, numbers that aren't integers up to 2^53 - 1, hashes that haven't
 * 32 bytes, and a proof with more or fewer of them than it must have
 */
export const rootFromInclusion = ({ index, size, leaf, proof }: Inclusion): Uint8Array => {
  checkIndex(index, size)
  checkHash(leaf, 'leaf')
  const sides = sidesOf(index, size)
  checkProof(proof, sides.length)
  return sides.reduce((hash, isLeft, at) => {
    const sibling = proof[at] as Uint8Array
    return isLeft ? nodeHash(sibling, hash) : nodeHash(hash, sibling)
  }, leaf)
}

/**
 * Whether a leaf stands at an index of the tree that has this size and root. False where the proof is well formed and leads to another root.
 * @throws Failure Malformed for what `rootFromInclusion` refuses
 */
export const verifyInclusion = ({ root, ...inclusion }: Inclusion & { readonly root: Uint8Array }): boolean =>
  sameBytes(rootFromInclusion(inclusion), checkRoot(root, 'root'))

/**
 * The inclusion proof of a leaf: hashes from the leaf's sibling up to the root's child. RFC 6962, section 2.1.1. It reads O(log size) nodes.
 * @throws Failure Malformed for a size of 0, an index that isn't below the size, or a reader that answers with no hash
 */
export const inclusionProof = (index: number, size: number, hashAt: HashReader): Promise<Uint8Array[]> => {
  checkIndex(index, size)
  const beside: Stretch[] = []
  let [begin, end] = [0, size]
  while (end - begin > 1) {
    const middle = begin + leftOf(end - begin)
    if (index < middle) {
      beside.unshift([middle, end])
      end = middle
    } else {
      beside.unshift([begin, middle])
      begin = middle
    }
  }
  return rootsOf(beside, hashAt)
}
