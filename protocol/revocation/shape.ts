import { Failure } from '../failure.ts'

/**
 * The shape of RFC 6962's trees. Sizes and indexes are numbers up to 2^53 - 1, which bit operators would cut to 32 bits: hence the
 * arithmetic. A *node* is the root of a perfect subtree: the one at `level` and `index` covers the entries from index * 2^level
 * up to, and without, (index + 1) * 2^level.
 */
export interface NodePosition {
  readonly level: number
  readonly index: number
}

export const half = (value: number): number => Math.floor(value / 2)

/**
 * Refuses what is no size, index or other count.
 * @throws Failure Malformed
 */
export const checkCount = (value: number, field: string, least = 0): void => {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new Failure('Malformed', `"${field}" is not an integer from ${least} to 2^53 - 1.`, { field, limit: least })
  }
}

/**
 * Refuses an index that the tree doesn't have, and a tree of nothing.
 * @throws Failure Malformed
 */
export const checkIndex = (index: number, size: number): void => {
  checkCount(size, 'size', 1)
  checkCount(index, 'index')
  if (index >= size) throw new Failure('Malformed', 'An index is not below the size of its tree.', { field: 'index', limit: size })
}

/** The largest power of two below a size of at least 2: how many entries go to the left of the root. RFC 6962, section 2.1. */
export const leftOf = (size: number): number => {
  let width = 1
  while (2 * width < size) width *= 2
  return width
}

/** The fewest nodes that cover the entries from `begin` up to `end`, from left to right: at most two of a level. */
export const nodesOf = (begin: number, end: number): NodePosition[] => {
  const nodes: NodePosition[] = []
  for (let at = begin; at < end; ) {
    let [level, width] = [0, 1]
    while (at % (2 * width) === 0 && at + 2 * width <= end) {
      width *= 2
      level++
    }
    nodes.push({ level, index: at / width })
    at += width
  }
  return nodes
}

/**
 * For each hash that stands on the way from a leaf to the root: whether it goes to the left. So its length is what a proof must have.
 * The loop is that of RFC 9162, section 2.1.3.2, without the hashes.
 */
export const sidesOf = (index: number, size: number): boolean[] => {
  const isLeft: boolean[] = []
  let [node, last] = [index, size - 1]
  while (last > 0) {
    if (node === last) {
      // The right border: where a level has no sibling for the node, it goes up as it is.
      while (node % 2 === 0) {
        node = half(node)
        last = half(last)
      }
    }
    isLeft.push(node % 2 === 1)
    node = half(node)
    last = half(last)
  }
  return isLeft
}
