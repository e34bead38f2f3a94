import { CID } from 'multiformats/cid'
import { Digest } from 'multiformats/hashes/digest'
import { Failure } from './failure.ts'

/**
 * Links that were read lately, each in the slot that its bytes choose: proofs and roots come again and again, and a CID keeps its text once it was
 * asked for it. A slot holds what was read last, so strangers can fill no memory with it.
 */
const SLOTS = 1024
const recent: (CID | undefined)[] = Array.from({ length: SLOTS }, () => undefined)

/**
 * The link that stands in `bytes` from `start` to `end`. The same bytes give the same object while they are remembered.
 * @throws Failure Malformed, NotCanonical
 */
export const linkAt = (bytes: Uint8Array, start: number, end: number): CID => {
  if (end - start !== PLAIN_LENGTH) return decodeCid(copyAt(bytes, start, end))
  const slot = someBits(bytes, start + 4) & (SLOTS - 1)
  const known = recent[slot]
  if (known && standsAt(known, bytes, start)) return known
  const cid = decodeCid(copyAt(bytes, start, end))
  recent[slot] = cid
  return cid
}

/** Up to this many bytes the engine keeps an array among its objects, until someone makes a view of it. */
const SMALL = 64

/** A copy of a part. A `slice` of Node's Buffer would be a view of memory that is not ours. */
export const copyAt = (bytes: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> => {
  if (end - start > SMALL) return new Uint8Array(bytes.subarray(start, end))
  const copy = new Uint8Array(end - start)
  for (let index = start; index < end; index++) copy[index - start] = bytes[index] as number
  return copy
}

const standsAt = (cid: CID, bytes: Uint8Array, start: number): boolean => {
  for (let index = 0; index < PLAIN_LENGTH; index++) if (cid.bytes[index] !== bytes[start + index]) return false
  return true
}

/** 30 bits to look something up by; all bytes decide, so who makes two things alike in these gains nothing. */
export const someBits = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] as number) & 0x3f) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)

/** Comparing by hand costs less than a call into the runtime, up to about this many bytes. */
const BY_HAND = 64
const compare = (globalThis as { Buffer?: { compare(a: Uint8Array, b: Uint8Array): number } }).Buffer?.compare

/** Whether two byte strings are equal. It takes no care of time: nothing here is secret. */
export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  if (compare && a.length > BY_HAND) return compare(a, b) === 0
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
}

function itself(cid: CID): CID {
  return cid
}

/**
 * The text of a CID, kept in the CID itself and seen by nobody else: a private field can be put on any object that a base class returns. A
 * WeakMap would say the same, at the price of a slower lookup and slower garbage collection.
 */
class Named extends (itself as unknown as new (cid: CID) => CID) {
  #text = ''

  static of(cid: CID): string | undefined {
    return #text in cid ? cid.#text : undefined
  }

  static give(cid: CID, text: string): void {
    new Named(cid).#text = text
  }
}

const BASE32 = new TextEncoder().encode('abcdefghijklmnopqrstuvwxyz234567')
/** The multibase prefix, and 36 bytes in base 32. */
const letters = new Uint8Array(59).fill(0x62, 0, 1)

/** `String(cid)`, ten times as fast for the usual CIDs: every call has a new invocation, and its name is asked for. */
export const textOf = (cid: CID): string => {
  const known = Named.of(cid)
  if (known !== undefined) return known
  if (cid.bytes.length !== PLAIN_LENGTH || cid.version !== 1) return String(cid)
  let [bits, held, written] = [0, 0, 1]
  for (const byte of cid.bytes) {
    bits = (bits << 8) | byte
    for (held += 8; held >= 5; written++) {
      held -= 5
      letters[written] = BASE32[(bits >> held) & 31] as number
    }
    bits &= (1 << held) - 1
  }
  letters[written] = BASE32[(bits << (5 - held)) & 31] as number
  const text = String.fromCharCode.apply(null, letters as unknown as number[])
  Named.give(cid, text)
  return text
}

/** Bytes of a CIDv1 with a codec of one byte and sha2-256. */
export const PLAIN_LENGTH = 36

/** Whether such a CID begins there. */
export const isPlainAt = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === 1 && (bytes[at + 1] as number) < 0x80 && bytes[at + 2] === 0x12 && bytes[at + 3] === 0x20

/**
 * Reads a CID that fills `bytes` whole; it keeps them.
 * @throws Failure Malformed, NotCanonical
 */
export const decodeCid = (bytes: Uint8Array<ArrayBuffer>): CID => {
  // It has no other spelling, and is nearly every CID there is.
  if (bytes.length === PLAIN_LENGTH && isPlainAt(bytes, 0)) return plainCid(bytes)
  let cid: CID
  try {
    cid = CID.decode(bytes)
  } catch {
    throw new Failure('Malformed', 'A link holds no CID.')
  }
  if (!isShortest(cid, bytes)) throw new Failure('NotCanonical', 'A link is not in its one form.')
  return cid
}

/**
 * The CID that the library would make (tested), made without its constructors: they ask each array for its buffer, and giving it one costs the engine
 * more than all the rest.
 */
const plainCid = (bytes: Uint8Array<ArrayBuffer>): CID => {
  const multihash: Writable<Digest<0x12, 32>> = Object.create(Digest.prototype)
  multihash.code = 0x12
  multihash.size = 32
  multihash.digest = copyAt(bytes, 4, PLAIN_LENGTH)
  multihash.bytes = copyAt(bytes, 2, PLAIN_LENGTH)
  const cid: Writable<CID> = Object.create(CID.prototype)
  cid[Symbol.toStringTag] = 'CID'
  cid.code = bytes[1] as number
  cid.version = 1
  cid.multihash = multihash
  cid.bytes = bytes
  cid['/'] = bytes
  return cid as CID
}

type Writable<T> = { -readonly [field in keyof T]: T[field] }

/** Varints have longer spellings that decode to the same CID: the length tells. */
const isShortest = (cid: CID, bytes: Uint8Array): boolean => {
  const varintLength = (value: number) => (value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5)
  const { code, size, digest } = cid.multihash
  const prefix = cid.version === 0 ? 0 : 1 + varintLength(cid.code)
  return bytes.length === prefix + varintLength(code) + varintLength(size) + digest.length
}

/**
 * The link that a value is. `CID.asCID` alone won't do: it takes a map `{ "/": x, "bytes": x }` for a CID of another copy of its library,
 * and such a map anyone can send.
 */
export const asLink = (value: unknown): CID | undefined =>
  value instanceof CID
    ? value
    : (value as { asCID?: unknown } | null | undefined)?.asCID === value
      ? (CID.asCID(value as CID) ?? undefined)
      : undefined
