import type { CID } from 'multiformats/cid'
import { cidOf, sha256 } from '../block.ts'
import { decode, encode } from '../cbor.ts'
import { Failure } from '../failure.ts'
import { MAX_SHARD_BITS } from './entry.ts'
import { checkHash, HASH_BYTES, leafHash } from './hashing.ts'
import { type Inclusion, verifyInclusion } from './inclusion.ts'
import { checkCount } from './shape.ts'
import { holds } from './shard.ts'

/**
 * A compact filter: a Golomb-coded set of what was revoked, so that a device out of reach of any host can tell of nearly every UCAN that it was not
 * revoked by a time that the filter names. What it finds is *maybe* revoked, in one case of 256 wrongly, and an entry of the log has to confirm it. It never misses what
 * the log has.
 *
 * Its keys are the revocations in the first `size` entries of the log whose UCAN had not ended by itself at `now`, one for each entry: `exp + skew >= now`, or never.
 * Whoever asks has to take the time to be no earlier than `now`: what was left out has ended for them, too, then, however their clock is off.
 *
 * Every filter hashes its keys in another way, by the log's root at `size`. So nobody can mine a UCAN, or thousands, to be revoked that would be taken for another
 * one's UCAN, or fill one shard: the root comes to be when all keys are there, and who adds the last of them can mine for one filter and not for the next. By the
 * digest alone it could be done once and for good. A UCAN with bad luck has it for one filter.
 *
 * Nothing in it is left to whoever makes it: two that say of one log the same size and time are the same, byte for byte. So a false one, in a log
 * that is signed, convicts who signed it: see `isFilterOf`.
 */
export interface FilterHead {
  /** The log's root at the filter's size: 32 bytes. */
  readonly log: Uint8Array
  /** The root of the tree whose leaves are the shards, as of a log: 32 bytes. */
  readonly shards: Uint8Array
}

/**
 * The block that an `f` entry links to, DAG-CBOR: `{ log, shards }`.
 * @throws Failure Malformed for what aren't hashes
 */
export const encodeFilterHead = ({ log, shards }: FilterHead): Uint8Array => {
  checkHash(log, 'log')
  checkHash(shards, 'shards')
  return encode({ log, shards })
}

/**
 * Reads such a block. That it is the one the entry names, its CID tells.
 * @throws Failure Malformed, NotCanonical
 */
export const decodeFilterHead = (bytes: Uint8Array): FilterHead => {
  const value = decode(bytes) as { [field: string]: unknown } | null
  const { log, shards, ...more } = value ?? {}
  if (!(log instanceof Uint8Array) || !(shards instanceof Uint8Array) || Object.keys(more).length > 0) {
    throw new Failure('Malformed', 'A block is not the head of a filter.')
  }
  checkHash(log, 'log')
  checkHash(shards, 'shards')
  return { log, shards }
}

/** The `root` of an `f` entry. */
export const filterRoot = (head: FilterHead): CID => cidOf(encodeFilterHead(head))

/** Where a key belongs, and by what it is known there: two halves of 64 bits. */
export interface Key {
  readonly place: number
  readonly tag: number
}

const hashed = /* @__PURE__ */ new Uint8Array(2 * HASH_BYTES)

/**
 * The key of a UCAN, by the digest of its CID: of SHA-256 over the log's root and the digest, the first eight bytes.
 * @throws Failure Malformed for a digest or a root of other than 32 bytes
 */
export const keyOf = (log: Uint8Array, digest: Uint8Array): Key => {
  checkHash(log, 'log')
  checkHash(digest, 'digest')
  hashed.set(log)
  hashed.set(digest, HASH_BYTES)
  const hash = sha256(hashed)
  return { place: wordAt(hash, 0), tag: wordAt(hash, 4) }
}

/** By hand: a view of so few bytes costs the engine more than hashing them. */
const wordAt = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0

/** Which of 2^`bits` shards a place is in. */
export const shardAt = (place: number, bits: number): number => Math.floor(place / 2 ** (32 - bits))

/**
 * Which shard of a filter to ask for, by the digest of the CID of a UCAN.
 * @throws Failure Malformed
 */
export const shardOf = ({ log }: FilterHead, bits: number, digest: Uint8Array): number => {
  checkBits(bits)
  return shardAt(keyOf(log, digest).place, bits)
}

/** That bytes are a shard of a filter. */
export interface ShardClaim {
  readonly head: FilterHead
  readonly bits: number
  /** Which of the 2^`bits` shards. */
  readonly index: number
  readonly shard: Uint8Array
  /** An inclusion proof, of `bits` hashes. */
  readonly proof: Inclusion['proof']
}

/**
 * Whether a shard is the one that the filter has at its index. False where another one is.
 * @throws Failure Malformed for an index that the filter hasn't, or a proof of other than `bits` hashes
 */
export const verifyShard = ({ head, bits, index, shard, proof }: ShardClaim): boolean => {
  checkBits(bits)
  return verifyInclusion({ index, size: 2 ** bits, leaf: leafHash(shard), proof, root: head.shards })
}

/**
 * Whether a UCAN may be revoked, by the digest of its CID and what `decodeShard` read of the shard that `shardOf` names. False is certain, as of the
 * filter's time.
 * @throws Failure Malformed for a digest of other than 32 bytes
 */
export const mayBeRevoked = ({ log }: FilterHead, shard: Uint32Array, digest: Uint8Array): boolean => holds(shard, keyOf(log, digest).tag)

const checkBits = (bits: number): void => {
  checkCount(bits, 'bits')
  if (bits > MAX_SHARD_BITS) {
    throw new Failure('Malformed', `A filter has no more than 2^${MAX_SHARD_BITS} shards.`, { field: 'bits', limit: MAX_SHARD_BITS })
  }
}
