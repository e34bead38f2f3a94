import { base64, fromBase64 } from '../base64.ts'
import { sha256 } from '../block.ts'
import { Failure } from '../failure.ts'

/**
 * Keys that sign notes. A name and an ID tell them apart, the ID being short: who makes another key of the same name and ID gets a signature that
 * doesn't verify. Source: https://c2sp.org/signed-note, "Verifier keys"
 */
export interface VerifierKey {
  /** What it is called in notes: no spaces, no plus. */
  readonly name: string
  /** 32 bits, computed from all the rest. */
  readonly id: number
  readonly type: SignatureType
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
}

/** What its signatures are, by C2SP's assigned bytes. */
export type SignatureType = typeof ED25519 | typeof COSIGNATURE

/** Over a note's text. */
export const ED25519 = 0x01
/** Over a checkpoint and the time at which it was seen: a witness's. */
export const COSIGNATURE = 0x04

const KEY_BYTES = 32

/**
 * The key of a name, with its ID: the first four bytes of SHA-256 over the name, a newline, the type's byte and the public key (32 bytes).
 * @throws Failure Malformed for a name or key that can't be one
 */
export const verifierKey = (name: string, publicKey: Uint8Array, type: SignatureType = ED25519): VerifierKey => {
  if (!isKeyName(name))
    throw new Failure('Malformed', "A key's name is empty, or has a space, a plus or a control character.", { field: 'name' })
  if (publicKey.length !== KEY_BYTES) throw new Failure('Malformed', `An Ed25519 key has ${KEY_BYTES} bytes.`, { field: 'publicKey' })
  const head = new TextEncoder().encode(`${name}\n`)
  const digest = sha256(Uint8Array.of(...head, type, ...publicKey))
  return { name, id: new DataView(digest.buffer, digest.byteOffset).getUint32(0), type, publicKey: new Uint8Array(publicKey) }
}

/** Neither empty nor with Unicode spaces, plus, control characters, or half of a surrogate pair. */
export const isKeyName = (name: string): boolean =>
  name !== '' && name.isWellFormed() && !/[\p{White_Space}+]/u.test(name) && !hasControls(name)

/** Whether a text has ASCII control characters other than a newline. */
export const hasControls = (text: string): boolean => {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x20 && unit !== 0x0a) return true
  }
  return false
}

/** A key as text: `<name>+<ID, 8 hexadecimal digits>+<base 64 of the type's byte and the public key>`. */
export const encodeVerifierKey = ({ name, id, type, publicKey }: VerifierKey): string =>
  `${name}+${id.toString(16).padStart(8, '0')}+${base64(Uint8Array.of(type, ...publicKey))}`

/**
 * Reads a key's text.
 * @throws Failure Malformed where it is none, or its ID is another's; Unsupported for types other than Ed25519 and cosignatures by it
 */
export const decodeVerifierKey = (text: string): VerifierKey => {
  const [name = '', , encoded = ''] = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/s.exec(text)?.slice(1) ?? []
  const bytes = fromBase64(encoded)
  if (!bytes || bytes.length === 0) throw new Failure('Malformed', 'A text is not a verifier key.', { field: 'key' })
  const [type] = bytes
  if (type !== ED25519 && type !== COSIGNATURE)
    throw new Failure('Unsupported', `A verifier key is of the type ${type}.`, { field: 'type' })
  const key = verifierKey(name, bytes.subarray(1), type)
  if (encodeVerifierKey(key) !== text) throw new Failure('Malformed', "A verifier key has another key's ID.", { field: 'id' })
  return key
}
