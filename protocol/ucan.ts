import type { CID } from 'multiformats/cid'
import { cidOf } from './block.ts'
import { decode, encode, type Value } from './cbor.ts'
import { Failure } from './failure.ts'
import { asLink, textOf } from './link.ts'
import { signingPayload } from './payload.ts'
import { bytesFromDid, type DID, didFromBytes, type Signer, verifies } from './principal.ts'

/**
 * UCAN 0.9.1 in IPLD, as the `@ucanto` packages write it. The signature covers a JWT text and not the block's bytes, so several blocks
 * could carry one signature; `decodeUcan` admits the one that `encodeUcan` would write and refuses every other.
 */
export interface Capability {
  /** `pin/add`, `pin/*`, `*`, or `lease/pin/*`: lower case. */
  readonly can: string
  /** The DID it is about: a space, or a host. */
  readonly with: string
  readonly nb?: { readonly [field: string]: Value }
}

/** What the signature covers. */
export interface Claims {
  readonly issuer: DID
  readonly audience: DID
  readonly capabilities: readonly Capability[]
  /** Unix seconds, or null for never. */
  readonly expiration: number | null
  readonly notBefore?: number
  readonly nonce?: string
  readonly facts: readonly { readonly [field: string]: Value }[]
  readonly proofs: readonly CID[]
}

/** A UCAN in its one form, with the CID that it can't have twice. Its signature is checked apart, by `isSigned`. */
export interface Ucan extends Claims {
  readonly cid: CID
  readonly bytes: Uint8Array
  /** 64 bytes. */
  readonly signature: Uint8Array
}

const VERSION = '0.9.1'
/** Multicodec EdDSA 0xd0ed as a varint, then the length 64: what stands before every signature. */
export const SIGNATURE_PREFIX = [0xed, 0xa1, 0x03, 0x40] as const

/** An Ed25519 signature as it stands in UCANs and receipts. */
export const withPrefix = (signature: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(SIGNATURE_PREFIX.length + signature.length)
  bytes.set(SIGNATURE_PREFIX)
  bytes.set(signature, SIGNATURE_PREFIX.length)
  return bytes
}

export const hasPrefix = (bytes: Uint8Array): boolean => SIGNATURE_PREFIX.every((byte, index) => bytes[index] === byte)

const REQUIRED = ['s', 'v', 'att', 'aud', 'exp', 'iss', 'prf']
const FIELDS = new Set([...REQUIRED, 'fct', 'nbf', 'nnc'])
/** An ability: whole lower-case segments; a star only alone or as the last one. */
const ABILITY = /^(\*|ucan:\*|[a-z0-9_.:-]+(\/[a-z0-9_.-]+)*\/(\*|[a-z0-9_.-]+))$/i

/**
 * Reads a UCAN block whose hash was checked.
 * @throws Failure Malformed where it is no UCAN, NotCanonical where it is one in a second form, Unsupported for other versions and keys
 */
export const decodeUcan = (cid: CID, bytes: Uint8Array): Ucan => {
  const link = textOf(cid)
  const model = decode(bytes) as Model
  mustHaveFields(model, link)
  const ucan: { -readonly [field in keyof Ucan]: Ucan[field] } = {
    cid,
    bytes,
    issuer: readPrincipal(model.iss, 'iss', link),
    audience: readPrincipal(model.aud, 'aud', link),
    capabilities: readCapabilities(model.att, link),
    expiration: readTime(model.exp, 'exp', link),
    facts: model.fct === undefined ? [] : readFacts(model.fct, link),
    proofs: readProofs(model.prf, link),
    signature: readSignature(model.s, link),
  }
  if (model.nbf !== undefined) ucan.notBefore = readNotBefore(model.nbf, link)
  if (model.nnc !== undefined) ucan.nonce = readNonce(model.nnc, link)
  return ucan
}

type Model = { readonly [field: string]: Value }

const mustHaveFields = (model: Model, link: string): void => {
  if (!isMap(model)) throw new Failure('Malformed', 'A block is not a UCAN.', { link })
  for (const field of REQUIRED) {
    if (Object.hasOwn(model, field)) continue
    // A UCAN without `prf`, the last of them, reads as one with an empty list elsewhere: a second form.
    throw new Failure(field === 'prf' ? 'NotCanonical' : 'Malformed', 'A block is not a UCAN.', { link })
  }
  for (const field of Object.keys(model)) {
    if (!FIELDS.has(field))
      throw new Failure('NotCanonical', `A UCAN has the field "${field}", which no signature covers.`, { link, field })
  }
  if (model.v !== VERSION) throw new Failure('Unsupported', `A UCAN is not of version ${VERSION}.`, { link, field: 'v' })
}

/** Signs claims. The CID of what comes back is the UCAN's only one. */
export const issueUcan = async (
  signer: Signer,
  claims: Omit<Claims, 'issuer' | 'facts' | 'proofs'> & Partial<Pick<Claims, 'facts' | 'proofs'>>,
): Promise<Ucan> => {
  const whole: Claims = { facts: [], proofs: [], ...claims, issuer: signer.did }
  // A copy: a signer may take its time.
  const signature = await signer.sign(new Uint8Array(signingPayload(whole)))
  const bytes = encodeUcan(whole, signature)
  return { ...whole, cid: cidOf(bytes), bytes, signature }
}

/** Whether the issuer signed it. The costly step: remember the answer by CID. */
export const isSigned = (ucan: Ucan): boolean => verifies(ucan.issuer, signingPayload(ucan), ucan.signature)

/** In the order in which the fields stand, which saves sorting them. */
const encodeUcan = (claims: Claims, signature: Uint8Array): Uint8Array =>
  encode({
    s: withPrefix(signature),
    v: VERSION,
    att: claims.capabilities,
    aud: bytesFromDid(claims.audience),
    exp: claims.expiration,
    fct: claims.facts.length > 0 ? claims.facts : undefined,
    iss: bytesFromDid(claims.issuer),
    nbf: claims.notBefore || undefined,
    nnc: claims.nonce || undefined,
    prf: claims.proofs,
  })

const isMap = (value: unknown): value is { readonly [field: string]: Value } =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array) && !asLink(value)

const malformed = (field: string, link: string, what: string) =>
  new Failure('Malformed', `The field "${field}" of a UCAN ${what}.`, { link, field })
const notCanonical = (field: string, link: string, what: string) =>
  new Failure('NotCanonical', `The field "${field}" of a UCAN ${what}.`, { link, field })

const readPrincipal = (value: Value | undefined, field: string, link: string): DID => {
  if (!(value instanceof Uint8Array)) throw malformed(field, link, 'holds no principal')
  const did = didFromBytes(value)
  if (did) return did
  // The same DID as text behind 0x0d1d would be a second form; other methods and key types have no form here at all.
  const textual = value[0] === 0x9d && value[1] === 0x1a && new TextDecoder().decode(value.subarray(2)).startsWith('key:')
  if (textual) throw notCanonical(field, link, 'spells a key as text')
  throw new Failure('Unsupported', `The field "${field}" of a UCAN names a principal that is not an Ed25519 did:key.`, { link, field })
}

const readCapabilities = (value: Value | undefined, link: string): Capability[] => {
  if (!Array.isArray(value) || value.length === 0) throw malformed('att', link, 'lists no capabilities')
  return (value as Value[]).map((item) => {
    if (!isMap(item)) throw malformed('att', link, 'has an item that is no capability')
    const { can, with: resource, nb } = item
    const known = nb === undefined ? 2 : 3
    if (Object.keys(item).length !== known) throw malformed('att', link, 'has a capability with unknown fields')
    if (typeof can !== 'string' || !ABILITY.test(can)) throw malformed('can', link, 'is no ability')
    if (can !== can.toLowerCase()) throw notCanonical('can', link, 'is not in lower case')
    if (typeof resource !== 'string' || !isUri(resource)) throw malformed('with', link, 'is no URI')
    if (nb === undefined) return { can, with: resource }
    if (!isMap(nb)) throw malformed('nb', link, 'is no map')
    refuseSlashKeys(nb, 'nb', link)
    return { can, nb, with: resource }
  })
}

/** A map with the key "/" is how DAG-JSON spells a link or bytes: under the signature the two can't be told apart. */
const refuseSlashKeys = (value: Value, field: string, link: string): void => {
  if (Array.isArray(value)) for (const item of value) refuseSlashKeys(item, field, link)
  else if (isMap(value)) {
    if (Object.hasOwn(value, '/')) throw notCanonical(field, link, 'has a map with the key "/"')
    for (const key of Object.keys(value)) refuseSlashKeys(value[key] as Value, field, link)
  }
}

/** A DID needs no parser to be a URI, and is what nearly always stands there. */
const isUri = (text: string): boolean => text.startsWith('did:key:') || URL.canParse(text)

const readTime = (value: Value | undefined, field: string, link: string): number | null => {
  if (value === null) return null
  if (!Number.isInteger(value) || (value as number) < 0) throw malformed(field, link, 'is no time in whole seconds')
  return value as number
}

const readNotBefore = (value: Value | undefined, link: string): number => {
  const time = readTime(value, 'nbf', link)
  if (time === null) throw malformed('nbf', link, 'is null')
  if (time === 0) throw notCanonical('nbf', link, 'is zero, which means the same as none')
  return time
}

const readNonce = (value: Value | undefined, link: string): string => {
  if (typeof value !== 'string') throw malformed('nnc', link, 'is no text')
  if (value === '') throw notCanonical('nnc', link, 'is empty, which means the same as none')
  return value
}

const readFacts = (value: Value | undefined, link: string): { readonly [field: string]: Value }[] => {
  if (!Array.isArray(value) || !value.every(isMap)) throw malformed('fct', link, 'is no list of maps')
  if (value.length === 0) throw notCanonical('fct', link, 'is empty, which means the same as none')
  refuseSlashKeys(value as Value, 'fct', link)
  return value as { readonly [field: string]: Value }[]
}

const readProofs = (value: Value | undefined, link: string): CID[] => {
  if (!Array.isArray(value)) throw malformed('prf', link, 'is no list')
  return (value as Value[]).map((item) => {
    const cid = asLink(item)
    if (!cid) throw malformed('prf', link, 'has an item that is no link')
    return cid
  })
}

const readSignature = (value: Value | undefined, link: string): Uint8Array => {
  if (!(value instanceof Uint8Array)) throw malformed('s', link, 'is no signature')
  if (!hasPrefix(value)) throw new Failure('Unsupported', 'A UCAN is not signed by Ed25519.', { link, field: 's' })
  if (value.length !== 68) throw notCanonical('s', link, 'is longer or shorter than an Ed25519 signature')
  return value.subarray(4)
}
