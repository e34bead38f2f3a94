import type * as crypto from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { base64url } from './base64.ts'
import { Failure } from './failure.ts'
import { disagreement } from './known-answers.ts'
import { copyAt, sameBytes, someBits } from './link.ts'

/**
 * Ed25519 with one verdict wherever it runs. Libraries disagree on signatures that only an attacker makes (small-order points,
 * non-canonical encodings, the cofactor), and a revocation log keyed by CID needs that no signature has a second form. So the
 * structural checks stand here, before any backend, and the JavaScript backend recomputes R instead of using its library's
 * cofactored equation.
 */
export type Backend = 'native' | 'js'

/** The key pair of a seed. */
export interface KeyPair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** The 64 bytes of a signature over `message`. */
  sign(message: Uint8Array): Uint8Array
}

/** Ed25519 from elsewhere, such as a native library that is faster than this runtime's. */
export interface Ed25519 {
  /** What messages call it. */
  readonly name: string
  /** Whether the equation without cofactor holds. The lengths are right, S is below L, and neither A nor R is of small order or in a second form. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  /** The key pair of 32 bytes of seed (RFC 8032), which it may keep. */
  keyPair(seed: Uint8Array): KeyPair
}

type NodeCrypto = Pick<typeof crypto, 'createPublicKey' | 'createPrivateKey' | 'sign' | 'verify'>

// Asked of the process, not imported: browsers bundle this file.
const native = (globalThis as { process?: { getBuiltinModule?(name: string): unknown } }).process?.getBuiltinModule?.('node:crypto') as
  | NodeCrypto
  | undefined

/** The fastest backend of this runtime. */
export const backend: Backend = native ? 'native' : 'js'

const ORDER = ed25519.Point.Fn.ORDER
/** `createPublicKey` costs as much as a fifth of a verification, so the last keys are kept; the bound keeps strangers from filling memory. */
const MAX_CACHED_KEYS = 4096
const publicKeys = new Map<number, { bytes: Uint8Array; key: crypto.KeyObject }>()

let inUse: Backend | Ed25519 = backend

/**
 * Makes this process sign and verify with `ed25519`, or with its own again where none is given. Call it before any signer is made: those that
 * are there keep what they have. No verdict changes with it, so one choice serves all that runs in the process.
 * @throws Failure Unavailable where it answers known questions otherwise than it has to; then nothing changes
 */
export const useEd25519 = (ed25519?: Ed25519): void => {
  const wrong = ed25519 && disagreement(ed25519)
  if (wrong) {
    throw new Failure('Unavailable', `${ed25519.name} gives the wrong answer about ${wrong}.`, {
      hint: "Do without it: this runtime's own Ed25519 needs no other.",
    })
  }
  inUse = ed25519 ?? backend
}

/** `verifySignature` by what is in use. */
export const verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
  verifySignature(inUse, publicKey, message, signature)

/**
 * Whether `signature` (64 bytes, R then S) by `publicKey` (32 bytes) covers `message`. Never throws on bad input: it's false.
 * All backends give the same answer for every input. Rules: RFC 8032 without cofactor, S < L, A and R canonical and not of small order.
 */
export const verifySignature = (using: Backend | Ed25519, publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  if (!isStrictPoint(publicKey, 0) || !isStrictPoint(signature, 0) || !isBelow(signature, 32, ORDER_BYTES)) return false
  if (using === 'native') return verifyNative(publicKey, message, signature)
  return using === 'js' ? verifyJs(publicKey, message, signature) : using.verify(publicKey, message, signature)
}

/** A signing function for the 32-byte seed of a private key (RFC 8032), and its public key. */
export const keyPair = (seed: Uint8Array, using: Backend | Ed25519 = inUse): KeyPair => {
  if (seed.length !== 32) throw new RangeError('An Ed25519 seed has 32 bytes.')
  if (typeof using === 'object') return using.keyPair(new Uint8Array(seed))
  if (using === 'js' || !native) {
    const secret = new Uint8Array(seed)
    return { publicKey: ed25519.getPublicKey(seed), sign: (message) => ed25519.sign(message, secret) }
  }
  const { sign } = native
  const der = new Uint8Array([...PKCS8, ...seed])
  const key = native.createPrivateKey({ key: der as Buffer, format: 'der', type: 'pkcs8' })
  // SubjectPublicKeyInfo ends with the key itself.
  const publicKey = new Uint8Array(native.createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32))
  return { publicKey, sign: (message) => bytesOf(sign(null, message, key)) }
}

/** The same bytes, without what Node's Buffer does otherwise. */
const bytesOf = ({ buffer, byteOffset, length }: Uint8Array): Uint8Array => new Uint8Array(buffer, byteOffset, length)

/** What stands before the seed in PKCS #8 (RFC 8410, section 7). */
const PKCS8 = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]

const verifyNative = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
  if (!native) throw new Error('This runtime has no native Ed25519; use the js backend.')
  const known = publicKeys.get(someBits(publicKey, 0))
  if (known && sameBytes(known.bytes, publicKey)) return native.verify(null, message, known.key, signature)
  let key: crypto.KeyObject
  try {
    key = native.createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: base64url(publicKey) }, format: 'jwk' })
  } catch {
    return false // OpenSSL takes any 32 bytes; other runtimes may look at them
  }
  if (publicKeys.size >= MAX_CACHED_KEYS) publicKeys.clear()
  publicKeys.set(someBits(publicKey, 0), { bytes: new Uint8Array(publicKey), key })
  return native.verify(null, message, key, signature)
}

/** R' = S*B - k*A, compared with R as bytes: the cofactorless equation that OpenSSL uses. */
const verifyJs = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
  const [R, S] = [signature.subarray(0, 32), signature.subarray(32)]
  const input = new Uint8Array(64 + message.length)
  input.set(R)
  input.set(publicKey, 32)
  input.set(message, 64)
  const k = littleEndian(sha512(input)) % ORDER
  try {
    const A = ed25519.Point.fromBytes(publicKey, false)
    const recomputed = ed25519.Point.BASE.multiplyUnsafe(littleEndian(S)).subtract(A.multiplyUnsafe(k)).toBytes()
    return sameBytes(recomputed, R)
  } catch {
    return false // not a point of the curve
  }
}

const littleEndian = (bytes: Uint8Array): bigint => {
  let value = 0n
  for (let index = bytes.length - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes[index] as number)
  return value
}

const toBytes = (value: bigint): Uint8Array => Uint8Array.from({ length: 32 }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn))

const P = 2n ** 255n - 19n
const P_BYTES = toBytes(P)
const ORDER_BYTES = toBytes(ORDER)

/**
 * The y coordinates of the eight points whose order divides 8. Refusing by y alone also refuses every second encoding of
 * those points (x = 0 with the sign bit set).
 */
const SMALL_ORDER = [
  0n,
  1n,
  P - 1n,
  littleEndian(fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')),
  littleEndian(fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')),
].map(toBytes)

/** Whether the 32 bytes from `at` are the one encoding of a point that isn't of small order, as far as its y coordinate tells. */
const isStrictPoint = (bytes: Uint8Array, at: number): boolean => {
  const top = (bytes[at + 31] as number) & 0x7f
  // Nearly every point is done here: y isn't near p, and begins and ends like none of the table.
  if (top === 0x7f && !isBelow(withoutSign(bytes, at), 0, P_BYTES)) return false
  for (const small of SMALL_ORDER) {
    if (small[31] === top && small[0] === bytes[at] && sameBytes(small, withoutSign(bytes, at))) return false
  }
  return true
}

/** A copy, since the caller's bytes are a signature's or a key's own. */
const withoutSign = (bytes: Uint8Array, at: number): Uint8Array => {
  const y = copyAt(bytes, at, at + 32)
  y[31] = (y[31] as number) & 0x7f
  return y
}

/** Whether the little-endian number of the 32 bytes from `at` is smaller than the bound. */
const isBelow = (bytes: Uint8Array, at: number, bound: Uint8Array): boolean => {
  for (let index = 31; index >= 0; index--) {
    const [ours, its] = [bytes[at + index] as number, bound[index] as number]
    if (ours < its) return true
    if (ours > its) return false
  }
  return false
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, index) => Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16))
}
