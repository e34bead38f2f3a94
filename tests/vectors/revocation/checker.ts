import type { Base64 } from '../format.ts'
import { fromBase64, toBase64, toDagJson } from '../json.ts'
import { plainFilter, plainKey, readShard } from './plain-filter.ts'
import { readBundle, readCheckpoint, readEntry, readNote, readTilePath, refuse } from './plain-formats.ts'
import { leaf, mth, path, proof } from './plain-tree.ts'
import type { Reader } from './readers.ts'

const isPlace = (...numbers: number[]): boolean => numbers.every(Number.isSafeInteger)
const isHash = (hash: Base64): boolean => fromBase64(hash).length === 32
const same = (a: readonly Base64[], b: readonly Uint8Array[]): boolean => a.join() === b.map(toBase64).join()

/**
 * The second path: what vectors expect, decided from the files alone. A claim about a tree is valid if it is what the RFC's definitions give for the
 * tree in the file: no proof is verified here, they are all made anew.
 */
export const checker: Reader = {
  root: ({ entries }) => ({ root: toBase64(mth(entries.map(fromBase64))) }),

  inclusion: (claim, { entries }) => {
    const { index, size } = claim
    if (!isPlace(index, size) || index < 0 || size <= index || ![claim.leaf, ...claim.proof].every(isHash)) return refuse()
    const tree = entries.slice(0, size).map(fromBase64)
    const right = path(index, tree)
    if (right.length !== claim.proof.length) return refuse()
    return { valid: same([claim.leaf, claim.root, ...claim.proof], [leaf(tree[index] as Uint8Array), mth(tree), ...right]) }
  },

  consistency: (claim, { entries }) => {
    const { from, to } = claim
    if (!isPlace(from, to) || from < 1 || to < from || !claim.proof.every(isHash)) return refuse()
    const tree = entries.slice(0, to).map(fromBase64)
    const right = proof(from, tree)
    if (right.length !== claim.proof.length) return refuse()
    return { valid: same([claim.fromRoot, claim.toRoot, ...claim.proof], [mth(tree.slice(0, from)), mth(tree), ...right]) }
  },

  entry: ({ bytes }) => ({ entry: toDagJson(readEntry(fromBase64(bytes))) }),
  note: ({ note, keys }) => readNote(fromBase64(note), keys),
  checkpoint: ({ text }) => readCheckpoint(text),
  'tile-path': ({ path }) => readTilePath(path),
  bundle: ({ bytes, width }) => ({ entries: readBundle(fromBase64(bytes), width).map(toBase64) }),
  shard: ({ bytes }) => ({ values: readShard(fromBase64(bytes)) }),
  'filter-place': ({ log, digest, bits }) => ({ shard: plainKey(fromBase64(log), fromBase64(digest), bits).shard }),
  filter: ({ entries, now }) => {
    const { bits, root, head, shards } = plainFilter(entries.map(fromBase64), now)
    return { bits, root, head: toBase64(head), shards: shards.map(toBase64) }
  },
}
