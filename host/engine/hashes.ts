import { hash } from 'node:crypto'
import { brief, Failure } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'

/** Multihash code of `identity`: the bytes stand in the CID itself. */
export const IDENTITY = 0x00

/** As in Kubo and Helia. Identity CIDs nest, and each level costs a decoding of all inside it. */
const MAX_INLINE = 128

/** Multihash codes this host can check, with their digest's bytes. A truncated digest is easier to forge, so it counts as another hash. */
const HASHES = new Map<number, { name: string; size: number }>([
  [0x12, { name: 'sha256', size: 32 }],
  [0x13, { name: 'sha512', size: 64 }],
])

/** Throws `Unsupported` unless blocks of this CID can be checked here. */
export const assertSupported = (cid: CID): void => {
  const { code, digest } = cid.multihash
  if (code === IDENTITY ? digest.length <= MAX_INLINE : HASHES.get(code)?.size === digest.length) return
  throw new Failure(
    'Unsupported',
    `The block ${brief(cid)} is named by the hash 0x${code.toString(16)} of ${digest.length} bytes, which this host cannot check.`,
    {
      link: cid.toString(),
      hint: `Use sha2-256 or sha2-512 at their full length, or identity of up to ${MAX_INLINE} bytes.`,
    },
  )
}

/** Whether these are the bytes that the CID names. Throws `Unsupported` as `assertSupported` does. */
export const matches = (cid: CID, bytes: Uint8Array): boolean => {
  assertSupported(cid)
  const { code, digest } = cid.multihash
  const known = HASHES.get(code)
  const actual = known ? hash(known.name, bytes, 'buffer') : bytes
  return Buffer.compare(actual, digest) === 0
}
