import type { CID } from 'multiformats/cid'
import { Failure } from './failure.ts'
import { asLink, copyAt, linkAt, sameBytes } from './link.ts'
import { asciiAt } from './text.ts'

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
/** Bytes of a text that is read byte by byte. */
const MAX_SHORT = 32
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

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
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
        return this.#copied(this.#argument(info))
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

  /** Goes on behind the next `length` bytes, and says where they begin. */
  #skip(length: number): number {
    const start = this.offset
    this.offset = start + length
    if (this.offset > this.#bytes.length) throw new Failure('Malformed', 'A block ends in the middle of a value.')
    return start
  }

  #copied(length: number): Uint8Array {
    const start = this.#skip(length)
    return copyAt(this.#bytes, start, this.offset)
  }

  /** The number behind an initial byte, refused when fewer bytes would have said it. */
  #argument(info: number, max = Number.MAX_SAFE_INTEGER): number {
    if (info < 24) return info
    if (info === 31) throw new Failure('NotCanonical', 'A block has a value of indefinite length.')
    if (info > 27) throw new Failure('Malformed', 'A block has a length that CBOR lacks.')
    let value = 0
    for (let count = 1 << (info - 24); count > 0; count--) value = value * 256 + this.#byte()
    if (value > max) throw new Failure('Malformed', 'A block has an integer over 2^53 - 1.')
    if (value < (info === 24 ? 24 : 2 ** (8 << (info - 25))))
      throw new Failure('NotCanonical', 'A block has a number written longer than needed.')
    return value
  }

  #text(info: number): string {
    const length = this.#argument(info)
    const start = this.#skip(length)
    // Most texts are short ASCII: abilities, field names. TextDecoder's call costs more than they do.
    return (
      (length <= MAX_SHORT ? asciiAt(this.#bytes, start, this.offset) : undefined) ?? decodeText(this.#bytes.subarray(start, this.offset))
    )
  }

  #list(info: number, depth: number): Value[] {
    const length = this.#argument(info)
    // What is claimed is not made room for: a list that claims too much ends with the block.
    const list: Value[] = []
    for (let index = 0; index < length; index++) list.push(this.value(depth + 1))
    return list
  }

  #map(info: number, depth: number): { [key: string]: Value } {
    const length = this.#argument(info)
    const map: { [key: string]: Value } = {}
    let previous = 0
    let previousEnd = 0
    for (let index = 0; index < length; index++) {
      const initial = this.#byte()
      if (initial >> 5 !== 3) throw new Failure('Malformed', 'A map has a key that is not text.')
      const start = this.offset - 1
      const key = this.#text(initial & 0x1f)
      if (index > 0 && !this.#isAfter(previous, previousEnd, start)) {
        throw new Failure('NotCanonical', 'A map has its keys twice or out of order.')
      }
      // Assigning it would set the prototype instead of a field.
      if (key === '__proto__') throw new Failure('Malformed', 'A map has the key "__proto__".')
      previous = start
      previousEnd = this.offset
      map[key] = this.value(depth + 1)
    }
    return map
  }

  /** Whether the key from `start` comes after the one before: as bytes, headers included, so shorter ones come first. */
  #isAfter(previous: number, previousEnd: number, start: number): boolean {
    for (let index = 0; previous + index < previousEnd; index++) {
      const difference = (this.#bytes[start + index] as number) - (this.#bytes[previous + index] as number)
      if (difference > 0) return true
      if (difference < 0) return false
    }
    return false
  }

  #link(info: number): CID {
    if (this.#argument(info) !== 42) throw new Failure('Malformed', 'A block has a tag that is not a link.')
    const initial = this.#byte()
    if (initial >> 5 !== 2) throw new Failure('Malformed', 'A link does not hold bytes.')
    const start = this.#skip(this.#argument(initial & 0x1f))
    if (start === this.offset || this.#bytes[start] !== 0) throw new Failure('Malformed', 'A link lacks its leading zero.')
    return linkAt(this.#bytes, start + 1, this.offset)
  }

  #simple(info: number): Value {
    if (info === 20) return false
    if (info === 21) return true
    if (info === 22) return null
    if (info !== 27)
      throw new Failure(info === 25 || info === 26 ? 'NotCanonical' : 'Malformed', 'A block has a value that DAG-CBOR lacks.')
    const { buffer, byteOffset } = this.#copied(8)
    const value = new DataView(buffer, byteOffset).getFloat64(0)
    if (!Number.isFinite(value)) throw new Failure('Malformed', 'A block has a number that is not finite.')
    if (Number.isInteger(value)) throw new Failure('NotCanonical', 'A block has an integer written as a float.')
    return value
  }
}

const decodeText = (bytes: Uint8Array): string => {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new Failure('Malformed', 'A text is not UTF-8.')
  }
}

/** Absent values equal nothing, not even each other. */
export const sameValue = (a: Value | undefined, b: Value | undefined): boolean =>
  a !== undefined && b !== undefined && sameBytes(encode(a), encode(b))

/**
 * Writes the one form of a value; a `Map` with text keys is written as a map. Fields that are `undefined` are left out.
 * @throws TypeError for a value outside the subset: that's a mistake of the caller's, not of a peer's
 */
export const encode = (value: unknown): Uint8Array => {
  writer.clear()
  writer.value(value, 0)
  return writer.bytes.slice(0, writer.length)
}

/** Bytes that are a value already, to stand in a larger one. */
export class Encoded {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

const SCRATCH_BYTES = 4096
const MAX_SCRATCH = 1024 * 1024

/** Writes values one behind the other. It is used again and again: what is to be kept of it has to be copied. */
export class Writer {
  bytes = new Uint8Array(SCRATCH_BYTES)
  /** How much of `bytes` is written. */
  length = 0

  clear(): void {
    this.length = 0
    if (this.bytes.length > MAX_SCRATCH) this.bytes = new Uint8Array(SCRATCH_BYTES)
  }

  /** Leaves room for what is written later. */
  skip(length: number): void {
    this.reserve(length)
    this.length += length
  }

  value(value: unknown, depth: number): void {
    if (depth > MAX_DEPTH) throw new TypeError(`A value nests deeper than ${MAX_DEPTH} levels.`)
    switch (typeof value) {
      case 'string':
        return this.text(value)
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
    if (value instanceof Encoded) return this.append(value.bytes)
    if (value instanceof Uint8Array) {
      this.head(2, value.length)
      return this.append(value)
    }
    if (Array.isArray(value)) {
      this.head(4, value.length)
      for (const item of value) this.value(item, depth + 1)
      return
    }
    const cid = asLink(value)
    if (cid) return this.link(cid.bytes)
    // Where keys are data, callers use a Map: as fields, each new key would cost the engine a new shape.
    if (value instanceof Map) return this.#entries(value, depth)
    const fields = value as { readonly [key: string]: unknown }
    const keys = Object.keys(fields)
    let count = 0
    for (const key of keys) if (fields[key] !== undefined) count++
    this.head(5, count)
    for (const key of inOrder(keys)) {
      if (fields[key] === undefined) continue
      this.text(key)
      this.value(fields[key], depth + 1)
    }
  }

  #entries(map: ReadonlyMap<string, unknown>, depth: number): void {
    const keys = [...map.keys()].filter((key) => map.get(key) !== undefined)
    this.head(5, keys.length)
    for (const key of inOrder(keys)) {
      this.text(key)
      this.value(map.get(key), depth + 1)
    }
  }

  /** A link, by the bytes of its CID. */
  link(bytes: Uint8Array): void {
    this.head(6, 42)
    this.head(2, bytes.length + 1)
    this.#push(0)
    this.append(bytes)
  }

  #number(value: number): void {
    if (!Number.isFinite(value)) throw new TypeError('DAG-CBOR has finite numbers only.')
    if (!Number.isInteger(value)) {
      this.#push(0xfb)
      const bytes = new Uint8Array(8)
      new DataView(bytes.buffer).setFloat64(0, value)
      return this.append(bytes)
    }
    if (!Number.isSafeInteger(value)) throw new TypeError('DAG-CBOR integers stay below 2^53 here.')
    if (value >= 0) this.head(0, value)
    else this.head(1, -1 - value)
  }

  text(value: string): void {
    // A short ASCII text is written faster by hand than by TextEncoder's call.
    if (value.length <= 64 && isAscii(value)) {
      this.head(3, value.length)
      this.reserve(value.length)
      for (let index = 0; index < value.length; index++) this.bytes[this.length++] = value.charCodeAt(index)
      return
    }
    if (!value.isWellFormed()) throw new TypeError('A text has half of a surrogate pair.')
    const bytes = text8.encode(value)
    this.head(3, bytes.length)
    this.append(bytes)
  }

  /** The initial byte, and the argument in as few bytes as hold it. */
  head(major: number, argument: number): void {
    const top = major << 5
    if (argument < 24) return this.#push(top | argument)
    const power = argument < 2 ** 8 ? 0 : argument < 2 ** 16 ? 1 : argument < 2 ** 32 ? 2 : 3
    this.#push(top | (24 + power))
    for (let shift = 8 * ((1 << power) - 1); shift >= 0; shift -= 8) this.#push(Math.floor(argument / 2 ** shift) & 0xff)
  }

  #push(byte: number): void {
    this.reserve(1)
    this.bytes[this.length++] = byte
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more))
    grown.set(this.bytes)
    this.bytes = grown
  }
}

/** What `encode` writes with. Nothing awaits while it is in use, and what comes out is a copy. */
const writer = new Writer()

const isAscii = (text: string): boolean => {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false
  return true
}

/** Keys in the order of their encoded bytes: shorter first, then by content. Most come in that order. */
const inOrder = (keys: string[]): string[] => {
  for (let index = 1; index < keys.length; index++) {
    if (byAscii(keys[index - 1] as string, keys[index] as string) > 0) return sorted(keys)
  }
  return keys.every(isAscii) ? keys : sorted(keys)
}

const sorted = (keys: string[]): string[] => keys.sort(keys.every(isAscii) ? byAscii : byEncoded)

/** Of ASCII the text tells. */
const byAscii = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : 1)

const byEncoded = (a: string, b: string): number => {
  const [x, y] = [text8.encode(a), text8.encode(b)]
  const first = x.findIndex((byte, index) => byte !== y[index])
  return x.length - y.length || (x[first] ?? 0) - (y[first] ?? 0)
}
