import { sha256 } from '../block.ts'
import { Failure } from '../failure.ts'

/** Bytes of every hash of the tree, SHA-256. */
export const HASH_BYTES = 32

/** What stands before an entry, and before two nodes: without it a node could pass for an entry. RFC 6962, section 2.1. */
const LEAF = 0x00
const NODE = 0x01

// Marked, so that whoever bundles nothing of the tree doesn't carry it.
const children = /* @__PURE__ */ new Uint8Array(1 + 2 * HASH_BYTES)

/**
 * The hash of an entry as a leaf: SHA-256 of 0x00 and the entry's bytes, 32 bytes. RFC 6962, section 2.1.
 * @throws Failure Malformed where the entry isn't bytes
 */
export const leafHash = (entry: Uint8Array): Uint8Array => {
  if (!(entry instanceof Uint8Array)) throw new Failure('Malformed', 'An entry of a log is not bytes.', { field: 'entry' })
  const bytes = new Uint8Array(1 + entry.length)
  bytes[0] = LEAF
  bytes.set(entry, 1)
  return sha256(bytes)
}

/** The hash of the node over two others, 32 bytes each: SHA-256 of 0x01, the left one and the right one. RFC 6962, section 2.1. */
export const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array => {
  children[0] = NODE
  children.set(left, 1)
  children.set(right, 1 + HASH_BYTES)
  return sha256(children)
}

/** The root of the tree without entries: SHA-256 of nothing. RFC 6962, section 2.1. */
export const emptyRoot = (): Uint8Array => sha256(new Uint8Array())

/**
 * Refuses what isn't a hash: of two concatenated hashes of other lengths, nobody could tell where one ends.
 * @throws Failure Malformed
 */
export const checkHash = (hash: Uint8Array, field: string): void => {
  if (!(hash instanceof Uint8Array) || hash.length !== HASH_BYTES) {
    throw new Failure('Malformed', `"${field}" holds something other than hashes of ${HASH_BYTES} bytes.`, { field })
  }
}

/**
 * Refuses a proof of another length than the one it must have: before anything is hashed, so that nobody has us hash for nothing.
 * @throws Failure Malformed
 */
export const checkProof = (proof: readonly Uint8Array[], length: number): void => {
  if (!Array.isArray(proof) || proof.length !== length) {
    throw new Failure('Malformed', `A proof has not the ${length} hashes that its index and sizes ask for.`, {
      field: 'proof',
      limit: length,
    })
  }
  for (const hash of proof) checkHash(hash, 'proof')
}

/** A root is only compared: one of another length is like no tree's. */
export const checkRoot = (root: Uint8Array, field: string): Uint8Array => {
  if (!(root instanceof Uint8Array)) throw new Failure('Malformed', `"${field}" is not bytes.`, { field })
  return root
}
