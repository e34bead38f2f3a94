import { encodeVarint, StreamReader } from '../car.ts'
import type { Answer } from '../channel.ts'
import { Failure } from '../failure.ts'
import { streamFrom } from '../stream.ts'

/**
 * HTTP. A message is the body of a POST to `/` and of its answer. Where an ability streams, the body is the message behind its length as
 * a varint, and then the bytes of the stream to the end of the body: `application/vnd.symbiosis.stream`. HTTP carries a stream one way at a time.
 */
export const STREAM_TYPE = 'application/vnd.symbiosis.stream'
export const tooLarge = (limit: number) =>
  new Failure('TooLarge', `The message is larger than ${limit} bytes.`, { field: 'messageBytes', limit })

export const joined = (chunks: readonly Uint8Array[], length: number): Uint8Array => {
  if (chunks.length === 1) return chunks[0] as Uint8Array
  const whole = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}

/** From this size on a chunk is kept as it is. */
const LARGE_CHUNK = 4096
const MAX_PART = 64 * 1024

/** Chunks that are put together as they come: each small one that was kept by itself would take hundreds of bytes. */
export class Packed {
  #parts: Uint8Array[] = []
  #last = new Uint8Array(0)
  #used = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  add(chunk: Uint8Array): void {
    if (chunk.length > this.#last.length - this.#used) {
      this.#endLast()
      if (this.#length === 0 || chunk.length >= LARGE_CHUNK) this.#parts.push(chunk)
      else this.#last = new Uint8Array(Math.max(chunk.length, Math.min(this.#length, MAX_PART)))
    }
    if (this.#last.length > 0) {
      this.#last.set(chunk, this.#used)
      this.#used += chunk.length
    }
    this.#length += chunk.length
  }

  /** All of them, and begins anew. */
  take(): Uint8Array {
    this.#endLast()
    const taken = joined(this.#parts, this.#length)
    this.#parts = []
    this.#length = 0
    return taken
  }

  #endLast(): void {
    if (this.#used > 0) this.#parts.push(this.#last.subarray(0, this.#used))
    this.#last = new Uint8Array(0)
    this.#used = 0
  }
}

/** A message and a stream as one body. */
export const framed = (message: Uint8Array, body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> => {
  async function* parts(): AsyncGenerator<Uint8Array> {
    yield encodeVarint(message.length)
    yield message
    yield* body
  }
  return streamFrom(parts())
}

/** One body as a message and the stream behind it. */
export const unframed = async (body: AsyncIterable<Uint8Array>, maxMessageBytes: number): Promise<Answer> => {
  const reader = new StreamReader(body)
  const message = await reader.section(maxMessageBytes, 'message')
  if (!message) throw new Failure('Malformed', 'The body is empty where a message was expected.')
  return { message, body: streamFrom(reader.rest()) }
}
