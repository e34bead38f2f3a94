import type { IncomingMessage } from 'node:http'
import { Failure } from '../failure.ts'
import { Packed } from './packed.ts'

/**
 * Stops reading from the connection of a request. A request that was given something asks for more by itself, a tick later: so it is
 * stopped after that, and again for all that comes until it works. What was read already still comes.
 */
export const withhold = ({ socket }: IncomingMessage): void => queueMicrotask(() => socket.pause())

export const release = ({ socket }: IncomingMessage): void => void socket.resume()

/** Bytes that are taken in ahead of who asks for them. */
const AHEAD = 64 * 1024

/**
 * The body of a request, as fast as somebody asks for it. Node's own iterator leaves what nobody has asked for in the chunks that the caller chose:
 * those of a byte take five hundred, and a caller who sends 64 KiB of them takes 30 MB. Here everything is taken at once and packed, and it is
 * the connection that waits.
 */
export class Intake {
  readonly #request: IncomingMessage
  readonly #packed = new Packed()
  #ended = false
  #closed = false
  #failure: unknown
  #wake: (() => void) | undefined

  constructor(request: IncomingMessage) {
    this.#request = request
    const wake = () => this.#wake?.()
    const left = (cause?: unknown) => {
      if (!this.#ended) this.#failure ??= new Failure('Cancelled', 'The caller has left.', {}, { cause })
      wake()
    }
    request
      .on('data', (chunk: Uint8Array) => {
        if (this.#closed) return
        this.#packed.add(chunk)
        if (this.#packed.length >= AHEAD) withhold(request)
        wake()
      })
      .once('end', () => {
        this.#ended = true
        wake()
      })
      .once('error', left)
      .once('close', () => left())
  }

  /** What came since, as soon as there is something; undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#packed.length === 0 && !this.#ended && !this.#failure) {
      if (this.#request.socket.isPaused()) release(this.#request)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
    if (this.#failure) throw this.#failure
    return this.#packed.length > 0 ? this.#packed.take() : undefined
  }

  /** Wants no more of it: the rest goes by, since who still sends it would not hear the answer if the connection broke. */
  close(): void {
    this.#closed = true
    this.#packed.take()
    if (this.#request.socket.isPaused()) release(this.#request)
  }
}
