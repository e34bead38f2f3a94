import { sha256 as hashSha256, sha512 as hashSha512 } from '@noble/hashes/sha2.js'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { brief, Failure } from './failure.ts'
import { decodeCid, sameBytes } from './link.ts'

/** Bytes and the CID that names them. Whoever hands one on has checked the hash, or says so. */
export interface Block {
  readonly cid: CID
  readonly bytes: Uint8Array
}

export const DAG_CBOR = 0x71
const SHA2_256 = 0x12
const SHA2_512 = 0x13
const IDENTITY = 0x00
/** Version, codec, hash function, length. */
const PREFIX = [1, DAG_CBOR, SHA2_256, 32]

type Hash = (algorithm: 'sha256' | 'sha512', bytes: Uint8Array, encoding: 'latin1') => string
const nativeHash = (
  globalThis as { process?: { getBuiltinModule?(name: string): { hash?: Hash } | undefined } }
).process?.getBuiltinModule?.('node:crypto')?.hash

/** As text with a byte a character: the runtime makes that in half the time that it takes to make a buffer. */
const bytesOf = (latin1: string): Uint8Array => {
  const bytes = new Uint8Array(latin1.length)
  for (let index = 0; index < bytes.length; index++) bytes[index] = latin1.charCodeAt(index)
  return bytes
}

/** SHA-256, 32 bytes. */
export const sha256 = (bytes: Uint8Array): Uint8Array => (nativeHash ? bytesOf(nativeHash('sha256', bytes, 'latin1')) : hashSha256(bytes))
const sha512 = (bytes: Uint8Array): Uint8Array => (nativeHash ? bytesOf(nativeHash('sha512', bytes, 'latin1')) : hashSha512(bytes))

/** The CIDv1 of bytes under sha2-256; `codec` is dag-cbor unless told. */
export const cidOf = (bytes: Uint8Array, codec = DAG_CBOR): CID => {
  if (codec > 0x7f) return CID.createV1(codec, Digest.create(SHA2_256, sha256(bytes)))
  const name = new Uint8Array(NAME_BYTES)
  writeName(name, 0, bytes)
  name[1] = codec
  return decodeCid(name)
}

/** Bytes of the CIDv1 of dag-cbor under sha2-256. */
export const NAME_BYTES = 36

/** Writes the CID of dag-cbor `bytes` at an offset of `target`. */
export const writeName = (target: Uint8Array, at: number, bytes: Uint8Array): void => {
  for (let index = 0; index < PREFIX.length; index++) target[at + index] = PREFIX[index] as number
  if (!nativeHash) return target.set(hashSha256(bytes), at + PREFIX.length)
  const digest = nativeHash('sha256', bytes, 'latin1')
  for (let index = 0; index < digest.length; index++) target[at + PREFIX.length + index] = digest.charCodeAt(index)
}

/**
 * Refuses bytes that aren't the CID's own.
 * @throws Failure BadHash, or Unsupported for a hash function other than sha2-256, sha2-512 and identity
 */
export const verifyBlock = ({ cid, bytes }: Block): void => {
  const { code, digest } = cid.multihash
  const actual = code === SHA2_256 ? sha256(bytes) : code === SHA2_512 ? sha512(bytes) : code === IDENTITY ? bytes : undefined
  if (!actual) {
    throw new Failure('Unsupported', `The block ${brief(cid)} is named by hash function 0x${code.toString(16)}.`, {
      link: String(cid),
      hint: 'Use sha2-256.',
    })
  }
  if (!sameBytes(actual, digest))
    throw new Failure('BadHash', `The block ${brief(cid)} has bytes that are not its own.`, { link: String(cid) })
}
