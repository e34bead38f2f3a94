import { Failure } from '../failure.ts'

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
