import { createPublicKey, verify } from 'node:crypto'
import { CarReader } from '@ipld/car'
import * as dagCbor from '@ipld/dag-cbor'
import * as UCAN from '@ipld/dag-ucan'
import { ed25519 } from '@noble/curves/ed25519.js'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { formOf, isShortest } from './cbor-form.ts'
import type { CarBounds } from './format.ts'
import { Refusal } from './refusal.ts'

/**
 * Reading with stock libraries, and what they are too lenient about said in plain words. Nothing of the protocol's own code is used, so that the two
 * readings can be held against each other.
 */
export interface Block {
  readonly cid: CID
  readonly bytes: Uint8Array
}

const isSameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

/** Stock reads and writes it: what comes out the same was canonical. What stock is too lenient about, the form tells. */
export const readCbor = (bytes: Uint8Array): unknown => {
  const fault = formOf(bytes)
  if (fault && !fault.lenient && roundTrips(bytes)) throw new Error(`Stock takes for canonical what is ${fault.code}: ${fault.why}.`)
  if (fault) throw new Refusal(fault.code, fault.field)
  const value = dagCbor.decode(bytes)
  if (!roundTrips(bytes) && !posesAsLink(value)) throw new Error('Stock takes for a second form what has the one form.')
  return value
}

/** Maps that stock's writer takes for links of another copy of its library. */
const posesAsLink = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.some(posesAsLink)
  return isMap(value) && ((Object.hasOwn(value, '/') && value['/'] === value.bytes) || Object.values(value).some(posesAsLink))
}

const roundTrips = (bytes: Uint8Array): boolean => {
  try {
    return isSameBytes(dagCbor.encode(dagCbor.decode(bytes)), bytes)
  } catch {
    return false
  }
}

const MAX_HEADER = 4096
const MAX_CID = 128

/** A CAR cut by hand, and then by stock, which has to find the same blocks. */
export const readCar = async (car: Uint8Array, { maxBlocks, maxBlockBytes }: CarBounds): Promise<{ roots: CID[]; blocks: Block[] }> => {
  let rest = car
  const next = (what: string, max: number): Uint8Array => {
    const { value, length } = readVarint(rest)
    if (value > max) throw new Refusal('TooLarge', what)
    if (value === 0 || length + value > rest.length) throw new Refusal('Malformed')
    const section = rest.subarray(length, length + value)
    rest = rest.subarray(length + value)
    return section
  }
  const header = readCbor(next('header', MAX_HEADER)) as { version?: unknown; roots?: unknown } | null
  if (header?.version !== 1) throw new Refusal('Unsupported')
  if (!Array.isArray(header.roots) || !header.roots.every(isLink)) throw new Refusal('Malformed')
  const blocks: Block[] = []
  while (rest.length > 0) {
    if (blocks.length === maxBlocks) throw new Refusal('TooLarge', 'blocks')
    const section = next('block', maxBlockBytes + MAX_CID)
    const length = cidLength(section)
    const cid = readCid(section.subarray(0, length))
    if (section.length - length > maxBlockBytes) throw new Refusal('TooLarge', 'block')
    blocks.push({ cid, bytes: section.subarray(length) })
  }
  const reader = await CarReader.fromBytes(car)
  const stock: Block[] = []
  for await (const block of reader.blocks()) stock.push(block as never)
  const isSame = (block: Block, index: number) =>
    String(block.cid) === String(stock[index]?.cid) && isSameBytes(block.bytes, stock[index]?.bytes as Uint8Array)
  if (stock.length !== blocks.length || !blocks.every(isSame)) throw new Error('Stock finds other blocks in the CAR.')
  return { roots: header.roots.map((root) => CID.decode(root.bytes)), blocks }
}

export const readVarint = (bytes: Uint8Array): { value: number; length: number } => {
  const length = 1 + bytes.findIndex((byte) => byte < 0x80)
  if (length === 0 || length > 7) throw new Refusal('Malformed')
  if (length > 1 && bytes[length - 1] === 0) throw new Refusal('NotCanonical')
  const digits = [...bytes.subarray(0, length)].map((byte) => byte & 0x7f)
  return { value: digits.reduceRight((value, digit) => value * 128 + digit, 0), length }
}

/** A CID of version 0 is a bare sha2-256; the others have a version, a codec, a hash function, a length and that many bytes. */
const cidLength = (bytes: Uint8Array): number => {
  if (bytes[0] === 0x12 && bytes[1] === 0x20) return 34
  let at = 0
  let last = 0
  for (let part = 0; part < 4; part++) {
    const { value, length } = readVarint(bytes.subarray(at))
    at += length
    last = value
  }
  if (at + last > Math.min(bytes.length, MAX_CID)) throw new Refusal('Malformed')
  return at + last
}

const readCid = (bytes: Uint8Array): CID => {
  if (!isShortest(bytes)) throw new Refusal('NotCanonical')
  try {
    return CID.decode(bytes)
  } catch {
    throw new Refusal('Malformed')
  }
}

export const isLink = (value: unknown): value is CID =>
  typeof value === 'object' && value !== null && (value as { asCID?: unknown }).asCID === value

/** One UCAN, one CID: only version 1, dag-cbor and sha2-256 whole; and the bytes must be the CID's own. */
export const checkCid = async ({ cid, bytes }: Block): Promise<void> => {
  const { version, code, multihash } = cid
  if (version !== 1 || code !== 0x71 || multihash.code !== 0x12 || multihash.size !== 32) throw new Refusal('NotCanonical')
  if (!isSameBytes((await sha256.digest(bytes)).digest, multihash.digest)) throw new Refusal('BadHash')
}

export const cidOf = async (bytes: Uint8Array): Promise<CID> => CID.createV1(0x71, await sha256.digest(bytes))

export interface ReadUcan {
  readonly issuer: string
  readonly audience: string
  readonly capabilities: readonly { can: string; with: string; nb?: Record<string, unknown> }[]
  readonly expiration: number | null
  readonly notBefore?: number
  readonly nonce?: string
  readonly facts: readonly unknown[]
  readonly proofs: readonly CID[]
  /** What the signature has to cover. */
  readonly payload: string
  readonly signed: boolean
}

type Model = Record<string, unknown>
const isMap = (value: unknown): value is Model =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array) && !isLink(value)

/** The first rule that is broken counts. */
const RULES: readonly [string, (model: Model) => boolean][] = [
  ['Malformed', (model) => ['s', 'v', 'att', 'aud', 'exp', 'iss'].every((field) => Object.hasOwn(model, field))],
  ['NotCanonical', (model) => 'prf' in model],
  ['NotCanonical', (model) => Object.keys(model).every((field) => /^(s|v|att|aud|exp|iss|prf|fct|nnc|nbf)$/.test(field))],
  ['Unsupported', ({ v }) => v === '0.9.1'],
  ['Malformed', ({ iss, aud }) => iss instanceof Uint8Array && aud instanceof Uint8Array],
  ['NotCanonical', ({ iss, aud }) => [iss, aud].every((each) => !/^9d1a6b65793a/.test(Buffer.from(each as Uint8Array).toString('hex')))],
  ['Unsupported', ({ iss, aud }) => [iss, aud].every((each) => /^ed01[0-9a-f]{64}$/.test(Buffer.from(each as Uint8Array).toString('hex')))],
  ['Malformed', ({ att }) => Array.isArray(att) && att.length > 0 && att.every(isCapability)],
  ['NotCanonical', ({ att }) => (att as { can: string }[]).every(({ can }) => can === can.toLowerCase())],
  ['NotCanonical', ({ att }) => (att as { nb?: unknown }[]).every(({ nb }) => !hasSlash(nb))],
  ['Malformed', ({ exp }) => exp === null || (Number.isInteger(exp) && (exp as number) >= 0)],
  ['Malformed', (model) => !('nbf' in model) || (Number.isInteger(model.nbf) && (model.nbf as number) >= 0)],
  ['NotCanonical', ({ nbf }) => nbf !== 0],
  ['Malformed', (model) => !('nnc' in model) || typeof model.nnc === 'string'],
  ['NotCanonical', ({ nnc }) => nnc !== ''],
  ['Malformed', (model) => !('fct' in model) || (Array.isArray(model.fct) && model.fct.every(isMap))],
  ['NotCanonical', ({ fct }) => fct === undefined || ((fct as unknown[]).length > 0 && !hasSlash(fct))],
  ['Malformed', ({ prf }) => Array.isArray(prf) && prf.every(isLink)],
  ['Malformed', ({ s }) => s instanceof Uint8Array],
  ['Unsupported', ({ s }) => /^eda10340/.test(Buffer.from(s as Uint8Array).toString('hex'))],
  ['NotCanonical', ({ s }) => (s as Uint8Array).length === 68],
]

const isCapability = (item: unknown): boolean =>
  isMap(item) &&
  Object.keys(item).every((field) => ['can', 'with', 'nb'].includes(field)) &&
  isAbility(item.can) &&
  typeof item.with === 'string' &&
  URL.canParse(item.with) &&
  (item.nb === undefined || isMap(item.nb))

/** Whole segments of letters, digits and `_ . -`, at least two of them; a star alone or as the last one. */
const isAbility = (can: unknown): boolean => {
  if (typeof can !== 'string') return false
  if (can === '*' || can.toLowerCase() === 'ucan:*') return true
  const segments = can.split('/')
  const last = segments.pop() as string
  return (
    segments.length > 0 &&
    segments.every((segment, index) => (index === 0 ? /^[\w.:-]+$/ : /^[\w.-]+$/).test(segment)) &&
    (last === '*' || /^[\w.-]+$/.test(last))
  )
}

const hasSlash = (value: unknown): boolean =>
  Array.isArray(value) ? value.some(hasSlash) : isMap(value) && (Object.hasOwn(value, '/') || Object.values(value).some(hasSlash))

/** A UCAN in the one form that its signed payload maps to. Stock has to find the same form, and tells what was signed. */
export const readUcan = (bytes: Uint8Array): ReadUcan => {
  const model = readCbor(bytes)
  if (!isMap(model)) throw new Refusal('Malformed')
  const [broken] = RULES.find(([, holds]) => !holds(model)) ?? []
  if (broken) throw new Refusal(broken)
  const readable = forStock(model)
  const view = UCAN.decode(readable as never)
  if (!isSameBytes(UCAN.encode(view as never), readable)) throw new Error('Stock writes the UCAN in another form.')
  const [header, stated] = UCAN.format(view as never).split('.')
  const payload = `${header}.${ofStock(stated as string)}`
  const { issuer, audience, expiration, notBefore, nonce, facts } = view
  return {
    issuer: issuer.did(),
    audience: audience.did(),
    capabilities: model.att as never,
    expiration: model.exp === null ? null : expiration,
    ...(notBefore !== undefined && { notBefore }),
    ...(nonce !== undefined && { nonce }),
    facts: facts as never,
    proofs: (model.prf as CID[]).map(({ bytes }) => CID.decode(bytes)),
    payload,
    signed: isSignature((model.iss as Uint8Array).subarray(2), Buffer.from(payload), (model.s as Uint8Array).subarray(4)),
  }
}

/** The one ability that stock refuses to read, and one that it reads in its place. */
const [UNREAD, STAND_IN] = ['ucan:*', 'stand/in']

const forStock = (model: Model): Uint8Array => {
  const att = (model.att as { can: string }[]).map((each) => (each.can === UNREAD ? { ...each, can: STAND_IN } : each))
  return dagCbor.encode({ ...model, att })
}

const ofStock = (payload: string): string => {
  const json = Buffer.from(payload, 'base64url').toString()
  return Buffer.from(json.replaceAll(`"can":"${STAND_IN}"`, `"can":"${UNREAD}"`)).toString('base64url')
}

/** RFC 8032 without cofactor, as OpenSSL has it; A and R in their one encoding and not of small order, S below the order, by noble. */
export const isSignature = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`)
  if (s >= ed25519.Point.Fn.ORDER) return false
  for (const point of [publicKey, signature.subarray(0, 32)]) {
    try {
      if (ed25519.Point.fromBytes(point, false).isSmallOrder()) return false
    } catch {
      return false
    }
  }
  const x = Buffer.from(publicKey).toString('base64url')
  return verify(null, message, createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }), signature)
}
