import { CID } from 'multiformats/cid'
import { Failure } from './failure.ts'

/**
 * DAG-CBOR, strict: the reader admits exactly what the writer writes, one form per value. Whatever it refuses is a second
 * encoding of something, and a second encoding is a second CID for one signature.
 *
 * The subset: integers up to 2^53 - 1 either side, finite non-integer floats of 64 bits, text, bytes, lists, maps with text keys, links,
 * booleans, null. A float that holds an integer is refused, since JavaScript can't tell it from the integer.
 * Source: https://ipld.io/specs/codecs/dag-cbor/spec/
 */
export type Value = null | boolean | number | string | Uint8Array | CID | readonly Value[] | { readonly [key: string]: Value }

/** Deeper than any message, shallow enough for every stack. */
const MAX_DEPTH = 64
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const text8 = new TextEncoder()

/**
 * Reads one value that fills `bytes` whole.
 * @throws Failure NotCanonical for a second form of a value, Malformed for anything else
 */
export const decode = (bytes: Uint8Array): Value => {
  const reader = new Reader(bytes)
  const value = reader.value(0)
  if (reader.offset !== bytes.length) throw new Failure('NotCanonical', 'There are bytes after the end of a block.')
  return value
}

class Reader {
  offset = 0
  readonly #bytes: Uint8Array
  readonly #view: DataView

  constructor(bytes: Uint8Array) {
    // As a plain Uint8Array: `slice` of a Node Buffer is a view of memory that is not ours.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  value(depth: number): Value {
    if (depth > MAX_DEPTH)
      throw new Failure('TooLarge', `A block nests deeper than ${MAX_DEPTH} levels.`, { field: 'depth', limit: MAX_DEPTH })
    const initial = this.#byte()
    const info = initial & 0x1f
    switch (initial >> 5) {
      case 0:
        return this.#argument(info)
      case 1:
        return -1 - this.#argument(info, Number.MAX_SAFE_INTEGER - 1)
      case 2:
        return this.#take(this.#argument(info)).slice()
      case 3:
        return this.#text(info)
      case 4:
        return this.#list(info, depth)
      case 5:
        return this.#map(info, depth)
      case 6:
        return this.#link(info)
      default:
        return this.#simple(info)
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.offset++]
    if (byte === undefined) throw new Failure('Malformed', 'A block ends in the middle of a value.')
    return byte
  }

  #take(length: number): Uint8Array {
    const end = this.offset + length
    if (end > this.#bytes.length) throw new Failure('Malformed', 'A block ends in the middle of a value.')
    const taken = this.#bytes.subarray(this.offset, end)
    this.offset = end
    return taken
  }

  /** The number behind an initial byte, refused when fewer bytes would have said it. */
  #argument(info: number, max = Number.MAX_SAFE_INTEGER): number {
    if (info < 24) return info
    if (info === 31) throw new Failure('NotCanonical', 'A block has a value of indefinite length.')
    if (info > 27) throw new Failure('Malformed', 'A block has a length that CBOR lacks.')
    const at = this.offset
    this.#take(1 << (info - 24))
    let value: number
    if (info === 24) value = this.#view.getUint8(at)
    else if (info === 25) value = this.#view.getUint16(at)
    else if (info === 26) value = this.#view.getUint32(at)
    else value = this.#view.getUint32(at) * 2 ** 32 + this.#view.getUint32(at + 4)
    if (value > max) throw new Failure('Malformed', 'A block has an integer over 2^53 - 1.')
    if (value < (info === 24 ? 24 : 2 ** (8 << (info - 25))))
      throw new Failure('NotCanonical', 'A block has a number written longer than needed.')
    return value
  }

  #text(info: number): string {
    const bytes = this.#take(this.#argument(info))
    // Most texts are short ASCII: abilities, field names. TextDecoder's call costs more than they do.
    if (bytes.length <= 24) {
      let text = ''
      for (const byte of bytes) {
        if (byte > 0x7f) return decodeText(bytes)
        text += String.fromCharCode(byte)
      }
      return text
    }
    return decodeText(bytes)
  }

  #list(info: number, depth: number): Value[] {
    const length = this.#argument(info)
    if (length > this.#bytes.length - this.offset) throw new Failure('Malformed', 'A list claims more items than the block has bytes.')
    const list: Value[] = []
    for (let index = 0; index < length; index++) list.push(this.value(depth + 1))
    return list
  }

  #map(info: number, depth: number): { [key: string]: Value } {
    const length = this.#argument(info)
    const map: { [key: string]: Value } = {}
    let previous: Uint8Array | undefined
    for (let index = 0; index < length; index++) {
      const initial = this.#byte()
      if (initial >> 5 !== 3) throw new Failure('Malformed', 'A map has a key that is not text.')
      const start = this.offset
      const key = this.#text(initial & 0x1f)
      const keyBytes = this.#bytes.subarray(start, this.offset)
      if (previous && compareKeys(previous, keyBytes) >= 0) throw new Failure('NotCanonical', 'A map has its keys twice or out of order.')
      // Assigning it would set the prototype instead of a field.
      if (key === '__proto__') throw new Failure('Malformed', 'A map has the key "__proto__".')
      previous = keyBytes
      map[key] = this.value(depth + 1)
    }
    return map
  }

  #link(info: number): CID {
    if (this.#argument(info) !== 42) throw new Failure('Malformed', 'A block has a tag that is not a link.')
    const initial = this.#byte()
    if (initial >> 5 !== 2) throw new Failure('Malformed', 'A link does not hold bytes.')
    const bytes = this.#take(this.#argument(initial & 0x1f))
    if (bytes[0] !== 0) throw new Failure('Malformed', 'A link lacks its leading zero.')
    return decodeCid(bytes.slice(1))
  }

  #simple(info: number): Value {
    if (info === 20) return false
    if (info === 21) return true
    if (info === 22) return null
    if (info !== 27)
      throw new Failure(info === 25 || info === 26 ? 'NotCanonical' : 'Malformed', 'A block has a value that DAG-CBOR lacks.')
    const at = this.offset
    this.#take(8)
    const value = this.#view.getFloat64(at)
    if (!Number.isFinite(value)) throw new Failure('Malformed', 'A block has a number that is not finite.')
    if (Number.isInteger(value)) throw new Failure('NotCanonical', 'A block has an integer written as a float.')
    return value
  }
}

/** Keys compare as bytes, header included: shorter first, then by content. The header grows with the length, so the order is the same. */
const compareKeys = (a: Uint8Array, b: Uint8Array): number => {
  if (a.length !== b.length) return a.length - b.length
  for (let index = 0; index < a.length; index++) {
    const difference = (a[index] as number) - (b[index] as number)
    if (difference !== 0) return difference
  }
  return 0
}

const decodeText = (bytes: Uint8Array): string => {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new Failure('Malformed', 'A text is not UTF-8.')
  }
}

/** @throws Failure Malformed */
export const decodeCid = (bytes: Uint8Array): CID => {
  let cid: CID
  try {
    cid = CID.decode(bytes)
  } catch {
    throw new Failure('Malformed', 'A link holds no CID.')
  }
  // Varints have longer spellings that decode to the same CID.
  if (!sameBytes(cid.version === 0 ? cid.bytes : CID.createV1(cid.code, cid.multihash).bytes, bytes) || !isPlainCid(cid, bytes)) {
    throw new Failure('NotCanonical', 'A link is not in its one form.')
  }
  return cid
}

/** The usual CIDs (v0; v1 with one-byte codes) have no room for a longer varint: a look at the length says it. */
const isPlainCid = (cid: CID, bytes: Uint8Array): boolean => {
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
  value instanceof CID || (value as { asCID?: unknown } | null | undefined)?.asCID === value
    ? (CID.asCID(value as CID) ?? undefined)
    : undefined

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
}

/** Absent values equal nothing, not even each other. */
export const sameValue = (a: Value | undefined, b: Value | undefined): boolean =>
  a !== undefined && b !== undefined && sameBytes(encode(a), encode(b))

/**
 * Writes the one form of a value. Fields that are `undefined` are left out.
 * @throws TypeError for a value outside the subset: that's a mistake of the caller's, not of a peer's
 */
export const encode = (value: unknown): Uint8Array => {
  const writer = new Writer()
  writer.value(value, 0)
  return writer.finish()
}

class Writer {
  #bytes = new Uint8Array(512)
  #length = 0

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  value(value: unknown, depth: number): void {
    if (depth > MAX_DEPTH) throw new TypeError(`A value nests deeper than ${MAX_DEPTH} levels.`)
    switch (typeof value) {
      case 'string':
        return this.#text(value)
      case 'number':
        return this.#number(value)
      case 'boolean':
        return this.#push(value ? 0xf5 : 0xf4)
      case 'object':
        return this.#object(value, depth)
      default:
        throw new TypeError(`DAG-CBOR has no ${typeof value}.`)
    }
  }

  #object(value: object | null, depth: number): void {
    if (value === null) return this.#push(0xf6)
    if (value instanceof Uint8Array) {
      this.#head(2, value.length)
      return this.#append(value)
    }
    const cid = asLink(value)
    if (cid) {
      this.#push(0xd8)
      this.#push(42)
      this.#head(2, cid.bytes.length + 1)
      this.#push(0)
      return this.#append(cid.bytes)
    }
    if (Array.isArray(value)) {
      this.#head(4, value.length)
      for (const item of value) this.value(item, depth + 1)
      return
    }
    const entries = Object.entries(value).filter(([, field]) => field !== undefined)
    const keyed = entries.map(([key, field]) => ({ key: text8.encode(key), field })).sort((a, b) => compareKeys(a.key, b.key))
    this.#head(5, keyed.length)
    for (const { key, field } of keyed) {
      this.#head(3, key.length)
      this.#append(key)
      this.value(field, depth + 1)
    }
  }

  #number(value: number): void {
    if (!Number.isFinite(value)) throw new TypeError('DAG-CBOR has finite numbers only.')
    if (!Number.isInteger(value)) {
      this.#reserve(9)
      this.#push(0xfb)
      new DataView(this.#bytes.buffer).setFloat64(this.#length, value)
      this.#length += 8
      return
    }
    if (!Number.isSafeInteger(value)) throw new TypeError('DAG-CBOR integers stay below 2^53 here.')
    if (value >= 0) this.#head(0, value)
    else this.#head(1, -1 - value)
  }

  #text(value: string): void {
    if (!value.isWellFormed()) throw new TypeError('A text has half of a surrogate pair.')
    const bytes = text8.encode(value)
    this.#head(3, bytes.length)
    this.#append(bytes)
  }

  #head(major: number, argument: number): void {
    this.#reserve(9)
    const top = major << 5
    const view = new DataView(this.#bytes.buffer)
    if (argument < 24) this.#push(top | argument)
    else if (argument < 2 ** 8) {
      this.#push(top | 24)
      this.#push(argument)
    } else if (argument < 2 ** 16) {
      this.#push(top | 25)
      view.setUint16(this.#length, argument)
      this.#length += 2
    } else if (argument < 2 ** 32) {
      this.#push(top | 26)
      view.setUint32(this.#length, argument)
      this.#length += 4
    } else {
      this.#push(top | 27)
      view.setUint32(this.#length, Math.floor(argument / 2 ** 32))
      view.setUint32(this.#length + 4, argument % 2 ** 32)
      this.#length += 8
    }
  }

  #push(byte: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = byte
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more))
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}
