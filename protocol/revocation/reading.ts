import { checkHash, nodeHash } from './hashing.ts'
import { nodesOf } from './shape.ts'

/**
 * Gives the hash of the node at a level and index: level 0 are the leaves, and one at level L covers 2^L entries, all of which the log has.
 * A host reads it from where it keeps its nodes, or from tiles: see `tileReader`.
 */
export type HashReader = (level: number, index: number) => Uint8Array | Promise<Uint8Array>

/** Entries from an index up to, and without, another. */
export type Stretch = readonly [begin: number, end: number]

/** The root over each of some stretches of a tree, all nodes asked for at once. */
export const rootsOf = (stretches: readonly Stretch[], hashAt: HashReader): Promise<Uint8Array[]> =>
  Promise.all(
    stretches.map(async ([begin, end]) => {
      const hashes = await Promise.all(nodesOf(begin, end).map(({ level, index }) => hashAt(level, index)))
      for (const hash of hashes) checkHash(hash, 'node')
      return bagged(hashes)
    }),
  )

/** The root over nodes that grow narrower from left to right. */
export const bagged = (hashes: readonly Uint8Array[]): Uint8Array => hashes.reduceRight((right, left) => nodeHash(left, right))

/**
 * The root of a log's first `size` entries, 1 at least.
 * @throws Failure Malformed where the reader answers with no hash
 */
export const rootAt = async (size: number, hashAt: HashReader): Promise<Uint8Array> => (await rootsOf([[0, size]], hashAt))[0] as Uint8Array
