import type { IncomingMessage } from 'node:http'
import type { Answer, Gate } from '../channel.ts'
import { Failure } from '../failure.ts'
import { CAR_TYPE } from '../message.ts'
import { joined, STREAM_TYPE, tooLarge, unframed } from './body.ts'

/**
 * Messages that are on their way: who sends one byte by byte would hold what it needs for ever. They are in the order of their deadlines, and one
 * timer serves them all, since nearly all have come whole long before it runs.
 */
export class Arrivals {
  readonly #options: { maxMessageBytes: number; gate?: Gate }
  readonly #milliseconds: number
  readonly #due = new Map<object, { at: number; fail: (late: Failure) => void }>()
  #timer: NodeJS.Timeout | undefined

  constructor({ messageTimeout = 30_000, ...options }: { maxMessageBytes: number; messageTimeout?: number; gate?: Gate }) {
    this.#options = options
    this.#milliseconds = messageTimeout
  }

  /**
   * What a request brings: its whole message, and what streams behind it.
   * @throws Failure Unsupported, TooLarge, Malformed, Cancelled (field `messageTimeout`)
   */
  read(request: IncomingMessage): Promise<Answer> {
    const type = request.headers['content-type']
    const { maxMessageBytes, gate } = this.#options
    if (type !== CAR_TYPE && type !== STREAM_TYPE) {
      throw new Failure('Unsupported', `The content type ${type ?? '(none)'} is not spoken here.`, { supported: [CAR_TYPE, STREAM_TYPE] })
    }
    const { 'content-encoding': coding, 'transfer-encoding': transfer } = request.headers
    // Taken as it is, it would be one message here and another to whoever decodes it on the way.
    if (coding !== undefined || (transfer !== undefined && transfer.toLowerCase() !== 'chunked')) {
      throw new Failure('Unsupported', 'A message is sent as it is, in no coding but "chunked".', { supported: ['chunked'] })
    }
    if (type === CAR_TYPE && Number(request.headers['content-length'] ?? 0) > maxMessageBytes) throw tooLarge(maxMessageBytes)
    const received = (bytes: number) => gate?.received(request.socket, bytes)
    return new Promise((resolve, reject) => {
      const arrived = (answer: Answer) => {
        this.#due.delete(request)
        resolve(answer)
      }
      const failed = (error: unknown) => {
        this.#due.delete(request)
        reject(error)
      }
      if (type === STREAM_TYPE) {
        this.#expect(request, reject)
        unframed(atPace(request, received), maxMessageBytes).then(arrived, failed)
      } else {
        this.#expect(
          request,
          readMessage(request, maxMessageBytes, received, (message) => arrived({ message }), failed),
        )
      }
    })
  }

  #expect(request: IncomingMessage, fail: (late: Failure) => void): void {
    this.#due.set(request, { at: performance.now() + this.#milliseconds, fail })
    this.#timer ??= this.#wait(this.#milliseconds)
  }

  #wait(milliseconds: number): NodeJS.Timeout {
    return setTimeout(this.#check, milliseconds).unref()
  }

  readonly #check = (): void => {
    this.#timer = undefined
    const now = performance.now()
    for (const [request, { at, fail }] of this.#due) {
      if (at > now) {
        this.#timer = this.#wait(at - now)
        return
      }
      this.#due.delete(request)
      const text = `The message did not come within ${this.#milliseconds} milliseconds.`
      fail(new Failure('Cancelled', text, { field: 'messageTimeout', limit: this.#milliseconds }))
    }
  }
}

/** Hears of every chunk; what it gives is awaited before the next is read. */
type Received = (bytes: number) => Promise<void> | undefined

async function* atPace(chunks: AsyncIterable<Uint8Array>, received: Received): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    await received(chunk.length)
    yield chunk
  }
}

/** By events: an iterator of the request costs as much as a tenth of a call, and most messages come in one chunk. Gives what ends it. */
const readMessage = (
  request: IncomingMessage,
  maxBytes: number,
  received: Received,
  arrived: (message: Uint8Array) => void,
  failed: (error: unknown) => void,
): ((reason: Failure) => void) => {
  const chunks: Uint8Array[] = []
  let length = 0
  const fail = (error: unknown) => {
    request.off('data', take).pause()
    failed(error)
  }
  const take = (chunk: Uint8Array) => {
    length += chunk.length
    if (length > maxBytes) return fail(tooLarge(maxBytes))
    chunks.push(chunk)
    const waiting = received(chunk.length)
    if (waiting) {
      request.pause()
      waiting.then(() => request.resume(), fail)
    }
  }
  request
    .on('data', take)
    .once('end', () => arrived(joined(chunks, length)))
    .once('error', failed)
    .once('close', () => {
      if (!request.complete) failed(new Failure('Cancelled', 'The caller has left.'))
    })
  return fail
}
