import type { CID } from 'multiformats/cid'
import type { Block } from './block.ts'
import { decode, encode } from './cbor.ts'
import { Failure } from './failure.ts'
import { asLink, copyAt, decodeCid, isPlainAt, linkAt, PLAIN_LENGTH } from './link.ts'
import { iterable, streamFrom } from './stream.ts'

/**
 * CARv1, whole in memory for messages and as a stream for content. The library reader has no bound on what a length may claim; this
 * one has. A block that is there twice is read twice: that it is the same one is for who checks hashes to find.
 * Source: https://ipld.io/specs/transport/car/carv1/
 */
export interface Car {
  readonly roots: CID[]
  readonly blocks: Block[]
}

/** Bounds of a CAR; each refusal is TooLarge and names the bound in `field`. */
export interface CarBounds {
  /** Blocks in the whole CAR. */
  maxBlocks: number
  /** Bytes of one block, its CID not counted. */
  maxBlockBytes: number
}

const MAX_HEADER_BYTES = 4096
const MAX_CID_BYTES = 128

/**
 * Reads a whole CAR. Hashes aren't checked here: that's a step of admission.
 * @throws Failure Malformed, NotCanonical, TooLarge
 */
export const decodeCar = (bytes: Uint8Array, bounds: CarBounds): Car => {
  const cursor = { offset: 0 }
  const { roots } = readHeader(section(bytes, cursor, MAX_HEADER_BYTES, 'header'))
  const blocks: Block[] = []
  while (cursor.offset < bytes.length) {
    if (blocks.length === bounds.maxBlocks) throw tooMany(bounds.maxBlocks)
    const end = sectionEnd(bytes, cursor, bounds.maxBlockBytes + MAX_CID_BYTES, 'block')
    // Blocks of a message name each other, so their links are worth remembering.
    blocks.push(readBlock(bytes, cursor.offset, end, bounds.maxBlockBytes, linkAt))
    cursor.offset = end
  }
  return { roots, blocks }
}

/** A CARv1 of these blocks, in their order. */
export const encodeCar = ({ roots, blocks }: Car): Uint8Array => {
  const header = encodeHeader(roots)
  const lengths = blocks.map(({ cid, bytes }) => cid.bytes.length + bytes.length)
  const car = new Uint8Array(lengths.reduce((sum, length) => sum + varintLength(length) + length, header.length))
  car.set(header)
  let offset = header.length
  for (const [index, { cid, bytes }] of blocks.entries()) {
    offset = writeVarint(car, offset, lengths[index] as number)
    car.set(cid.bytes, offset)
    car.set(bytes, offset + cid.bytes.length)
    offset += lengths[index] as number
  }
  return car
}

const encodeHeader = (roots: CID[]): Uint8Array => {
  const header = encode({ roots, version: 1 })
  return joined([encodeVarint(header.length), header])
}

const blockParts = ({ cid, bytes }: Block): Uint8Array[] => [encodeVarint(cid.bytes.length + bytes.length), cid.bytes, bytes]

/**
 * Reads a CAR as it comes, one block in memory at a time.
 * @throws Failure Malformed (a stream that ends too early, too), NotCanonical, TooLarge
 */
export async function* readCarStream(stream: AsyncIterable<Uint8Array>, bounds: CarBounds): AsyncGenerator<Block, void> {
  const reader = new StreamReader(stream)
  try {
    const header = await reader.section(MAX_HEADER_BYTES, 'header')
    if (!header) throw new Failure('Malformed', 'The stream is empty where a CAR was expected.')
    readHeader(header)
    for (let count = 0; ; count++) {
      const bytes = await reader.section(bounds.maxBlockBytes + MAX_CID_BYTES, 'block')
      if (!bytes) return
      if (count === bounds.maxBlocks) throw tooMany(bounds.maxBlocks)
      yield readBlock(bytes, 0, bytes.length, bounds.maxBlockBytes, cidAt)
    }
  } finally {
    await reader.close()
  }
}

/** Writes a CAR as its blocks come; a slow reader holds the source back. */
export const writeCarStream = (roots: CID[], blocks: AsyncIterable<Block>): ReadableStream<Uint8Array> => {
  async function* parts(): AsyncGenerator<Uint8Array> {
    yield encodeHeader(roots)
    for await (const block of blocks) yield joined(blockParts(block))
  }
  return streamFrom(parts())
}

const readHeader = (bytes: Uint8Array): { roots: CID[] } => {
  const header = decode(bytes) as { version?: unknown; roots?: unknown }
  if (header?.version !== 1) throw new Failure('Unsupported', 'Only CAR version 1 is read here.')
  const roots = header.roots
  if (!Array.isArray(roots) || !roots.every((root) => asLink(root))) throw new Failure('Malformed', 'A CAR names no roots.')
  return { roots }
}

const readBlock = (bytes: Uint8Array, start: number, end: number, maxBlockBytes: number, link: typeof linkAt): Block => {
  const content = start + cidLength(bytes, start, end)
  if (end - content > maxBlockBytes) throw tooLarge('block', end - content, maxBlockBytes)
  return { cid: link(bytes, start, content), bytes: bytes.subarray(content, end) }
}

const cidAt = (bytes: Uint8Array, start: number, end: number): CID => decodeCid(copyAt(bytes, start, end))

/** How many of the leading bytes are a CID. */
const cidLength = (bytes: Uint8Array, start: number, end: number): number => {
  // Nearly all are like this.
  if (end - start >= PLAIN_LENGTH && isPlainAt(bytes, start)) return PLAIN_LENGTH
  const cursor = { offset: start }
  // A CIDv0 is a digest alone, and no version is 18; before it stand a version and a codec otherwise.
  const isDigest = bytes[start] === 0x12
  for (let part = isDigest ? 2 : 0; part < 3; part++) varint(bytes, cursor)
  const digestLength = varint(bytes, cursor)
  const length = cursor.offset - start + digestLength
  if (length > end - start || length > MAX_CID_BYTES) throw new Failure('Malformed', 'A block of a CAR has no whole CID.')
  return length
}

/** The next length-prefixed run of bytes. */
const section = (bytes: Uint8Array, cursor: { offset: number }, max: number, what: string): Uint8Array => {
  const end = sectionEnd(bytes, cursor, max, what)
  const taken = bytes.subarray(cursor.offset, end)
  cursor.offset = end
  return taken
}

/** Goes on behind the length, and says where what it speaks of ends. */
const sectionEnd = (bytes: Uint8Array, cursor: { offset: number }, max: number, what: string): number => {
  const length = varint(bytes, cursor)
  if (length > max) throw tooLarge(what, length, max)
  const end = cursor.offset + length
  if (length === 0 || end > bytes.length) throw new Failure('Malformed', `A CAR ends in the middle of a ${what}.`)
  return end
}

const varint = (bytes: Uint8Array, cursor: { offset: number }): number => {
  let value = 0
  for (let shift = 0; shift < 49; shift += 7) {
    // One that is cut goes on for ever.
    const byte = bytes[cursor.offset++] ?? 0x80
    value += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) {
      if (byte === 0 && shift > 0) throw new Failure('NotCanonical', 'A length is written longer than needed.')
      return value
    }
  }
  throw new Failure('Malformed', 'A length is cut or too long.')
}

/** A number from 0 as an unsigned LEB128. */
export const encodeVarint = (value: number): Uint8Array => {
  const bytes = new Uint8Array(varintLength(value))
  writeVarint(bytes, 0, value)
  return bytes
}

export const varintLength = (value: number): number => {
  let length = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++
  return length
}

/** Writes a varint and says where it ends. */
export const writeVarint = (bytes: Uint8Array, at: number, value: number): number => {
  let [offset, rest] = [at, value]
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[offset++] = (rest % 0x80) | 0x80
  bytes[offset++] = rest
  return offset
}

const joined = (parts: readonly Uint8Array[]): Uint8Array => {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    bytes.set(part, offset)
    offset += part.length
  }
  return bytes
}

const tooLarge = (what: string, asked: number, limit: number) =>
  new Failure('TooLarge', `A ${what} of ${asked} bytes; ${limit} are allowed.`, { field: what, limit, asked })

const cut = (what: string) => new Failure('Malformed', `The stream ends in the middle of a ${what}.`)

const tooMany = (limit: number) => new Failure('TooLarge', `There are more than ${limit} blocks.`, { field: 'blocks', limit })

/** Takes exact runs of bytes off a stream of chunks, copying each byte once. */
export class StreamReader {
  readonly #source: AsyncIterator<Uint8Array>
  #chunk: Uint8Array = new Uint8Array(0)

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#source = iterable(stream)[Symbol.asyncIterator]()
  }

  /** A length-prefixed run, or undefined at a clean end. */
  async section(max: number, what: string): Promise<Uint8Array | undefined> {
    const length = await this.length(max, what)
    if (length === undefined) return undefined
    if (length === 0) throw new Failure('Malformed', `A ${what} is empty.`)
    const bytes = await this.take(length)
    if (!bytes) throw cut(what)
    return bytes
  }

  /** The length that stands before a run, or undefined at a clean end. */
  async length(max: number, what: string): Promise<number | undefined> {
    const prefix: number[] = []
    do {
      const byte = await this.take(1)
      if (!byte) {
        if (prefix.length === 0) return undefined
        throw cut(what)
      }
      prefix.push(byte[0] as number)
    } while ((prefix[prefix.length - 1] as number) >= 0x80 && prefix.length < 8)
    const length = varint(Uint8Array.from(prefix), { offset: 0 })
    if (length > max) throw tooLarge(what, length, max)
    return length
  }

  /** Exactly `length` bytes, or undefined where the stream ends before. */
  async take(length: number): Promise<Uint8Array | undefined> {
    if (this.#chunk.length >= length) return this.#cut(length)
    const bytes = new Uint8Array(length)
    let filled = 0
    while (filled < length) {
      if (this.#chunk.length === 0) {
        const next = await this.#source.next()
        if (next.done) return undefined
        this.#chunk = next.value
        continue
      }
      const part = this.#cut(Math.min(length - filled, this.#chunk.length))
      bytes.set(part, filled)
      filled += part.length
    }
    return bytes
  }

  /** What has come of the next `most` bytes, at least one of them, as it came; undefined where the stream ends before. */
  async part(most: number): Promise<Uint8Array | undefined> {
    while (this.#chunk.length === 0) {
      const next = await this.#source.next()
      if (next.done) return undefined
      this.#chunk = next.value
    }
    return this.#cut(Math.min(most, this.#chunk.length))
  }

  /** Lets the source go; a source that is at its end ignores it. */
  async close(): Promise<void> {
    await this.#source.return?.()
  }

  #cut(length: number): Uint8Array {
    const part = this.#chunk.subarray(0, length)
    this.#chunk = this.#chunk.subarray(length)
    return part
  }
}
