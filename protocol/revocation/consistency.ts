import { Failure } from '../failure.ts'
import { sameBytes } from '../link.ts'
import { checkHash, checkProof, checkRoot, nodeHash } from './hashing.ts'
import { type HashReader, rootsOf, type Stretch } from './reading.ts'
import { checkCount, half, leftOf, sidesOf } from './shape.ts'

/** That a tree begins with all of an earlier one. */
export interface Consistency {
  /** Entries of the earlier tree, 1 at least. */
  readonly from: number
  /** Entries of the later tree, no fewer. */
  readonly to: number
  /** Hashes of 32 bytes each, as many as the sizes ask for; none for equal sizes. */
  readonly proof: readonly Uint8Array[]
  /** 32 bytes. */
  readonly fromRoot: Uint8Array
  /** 32 bytes. */
  readonly toRoot: Uint8Array
}

/**
 * Whether the tree of size `to` begins with the entries of the tree of size `from`, in their order. False where the proof is well formed and leads to
 * other roots. Of equal sizes only the roots are compared. RFC 6962, section 2.1.2; computed as in RFC 9162, section 2.1.4.2.
 * @throws Failure Malformed for sizes of 0, `from` over `to`, numbers that aren't integers up to 2^53 - 1, hashes of a proof that haven't 32
 * bytes, and a proof with more or fewer of them than it must have
 */
export const verifyConsistency = ({ from, to, proof, fromRoot, toRoot }: Consistency): boolean => {
  checkSizes(from, to)
  checkRoot(fromRoot, 'fromRoot')
  checkRoot(toRoot, 'toRoot')
  if (from === to) {
    checkProof(proof, 0)
    return sameBytes(fromRoot, toRoot)
  }
  // The last node of the earlier tree is a node of the later one, too: its way up there is the proof.
  let [node, last] = [from - 1, to - 1]
  while (node % 2 === 1) {
    node = half(node)
    last = half(last)
  }
  const sides = sidesOf(node, last + 1)
  // Where that node is all of the earlier tree, its hash is known.
  const isWhole = node === 0
  checkProof(proof, sides.length + (isWhole ? 0 : 1))
  const [seed, ...path] = isWhole ? [fromRoot, ...proof] : proof
  if (isWhole) checkHash(fromRoot, 'fromRoot')
  let [older, newer] = [seed as Uint8Array, seed as Uint8Array]
  for (const [at, isLeft] of sides.entries()) {
    const sibling = path[at] as Uint8Array
    // What stands to the left was there before.
    if (isLeft) older = nodeHash(sibling, older)
    newer = isLeft ? nodeHash(sibling, newer) : nodeHash(newer, sibling)
  }
  return sameBytes(older, fromRoot) && sameBytes(newer, toRoot)
}

/**
 * The proof that the tree of size `to` begins with that of size `from`. RFC 6962, section 2.1.2. It reads O(log to) nodes.
 * @throws Failure Malformed for sizes of 0, `from` over `to`, or a reader that answers with no hash
 */
export const consistencyProof = (from: number, to: number, hashAt: HashReader): Promise<Uint8Array[]> => {
  checkSizes(from, to)
  const parts: Stretch[] = []
  let [begin, end] = [0, to]
  while (end > from) {
    const middle = begin + leftOf(end - begin)
    if (from <= middle) {
      parts.unshift([middle, end])
      end = middle
    } else {
      parts.unshift([begin, middle])
      begin = middle
    }
  }
  // The earlier tree's own root is known to who asks; any other part of it is not.
  if (begin > 0) parts.unshift([begin, end])
  return rootsOf(parts, hashAt)
}

const checkSizes = (from: number, to: number): void => {
  checkCount(from, 'from', 1)
  checkCount(to, 'to', 1)
  if (from > to) throw new Failure('Malformed', 'A tree can not begin with a larger one.', { field: 'from', limit: to })
}
