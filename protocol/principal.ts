import { base58btc } from 'multiformats/bases/base58'
import { keyPair, verify } from './ed25519.ts'
import { Failure } from './failure.ts'
import { sameBytes, someBits } from './link.ts'

/** `did:key` of an Ed25519 public key: the only principals that sign. Shape `did:key:z6Mk...`, 56 characters. */
export type DID = `did:key:z6Mk${string}`

/** A principal that can sign. A browser's key answers with a promise, a process's at once. */
export interface Signer {
  readonly did: DID
  /** The 64 bytes of an Ed25519 signature over `message`. */
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>
}

/** A signer that holds its key in this process. */
export interface LocalSigner extends Signer {
  sign(message: Uint8Array): Uint8Array
}

/** Multicodec ed25519-pub, as a varint. */
const ED25519 = [0xed, 0x01] as const

/** A new 32-byte private key. Who has it is the principal: keep it like a password. */
export const generateSeed = (): Uint8Array => crypto.getRandomValues(new Uint8Array(32))

/** The signer with a private key of 32 bytes (RFC 8032). */
export const signerFromSeed = (seed: Uint8Array): LocalSigner => {
  const { publicKey, sign } = keyPair(seed)
  return { did: didFromPublicKey(publicKey), sign }
}

/** The `did:key` of an Ed25519 public key of 32 bytes. */
export const didFromPublicKey = (publicKey: Uint8Array): DID => base58Did(Uint8Array.of(...ED25519, ...publicKey))

/** The DID of the 34 bytes that stand in a UCAN, or undefined where they name no Ed25519 key. */
export const didFromBytes = (bytes: Uint8Array): DID | undefined =>
  bytes.length === 34 && bytes[0] === ED25519[0] && bytes[1] === ED25519[1] ? base58Did(bytes) : undefined

/**
 * The 34 bytes (multicodec, key) of a DID.
 * @throws Failure Malformed where the text isn't the one spelling of an Ed25519 did:key
 */
export const bytesFromDid = (did: string): Uint8Array => {
  const known = didBytes.get(did)
  if (known) return known.bytes
  try {
    const bytes = base58btc.decode(did.slice('did:key:'.length))
    // Encoding again refuses every second spelling.
    if (bytes.length === 34 && didFromBytes(bytes) === did) return bytes
  } catch {
    // the refusal below says it
  }
  throw new Failure('Malformed', `"${did.slice(0, 80)}" is not the DID of an Ed25519 key.`, {
    hint: 'Such a DID begins with did:key:z6Mk.',
  })
}

/** Whether a text is the `did:key` of an Ed25519 key. */
export const isDid = (text: string): text is DID => {
  try {
    bytesFromDid(text)
    return true
  } catch {
    return false
  }
}

/** Whether `did` signed `message`, by the Ed25519 in use. */
export const verifies = (did: DID, message: Uint8Array, signature: Uint8Array): boolean =>
  verify(didBytes.get(did)?.key ?? bytesFromDid(did).subarray(2), message, signature)

/** Base 58 is quadratic; the principals of the moment repeat, so the last ones are remembered both ways. */
const MAX_CACHED_DIDS = 4096
const dids = new Map<number, Known>()
const didBytes = new Map<string, Known>()

interface Known {
  readonly did: DID
  readonly bytes: Uint8Array
  readonly key: Uint8Array
}

const base58Did = (bytes: Uint8Array): DID => {
  const known = dids.get(someBits(bytes, 2))
  if (known && sameBytes(known.bytes, bytes)) return known.did
  const copy = new Uint8Array(bytes)
  const entry = { did: `did:key:${base58btc.encode(bytes)}` as DID, bytes: copy, key: copy.subarray(2) }
  if (didBytes.size >= MAX_CACHED_DIDS) {
    dids.clear()
    didBytes.clear()
  }
  dids.set(someBits(bytes, 2), entry)
  didBytes.set(entry.did, entry)
  return entry.did
}
