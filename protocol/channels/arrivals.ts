import type { IncomingMessage } from 'node:http'
import type { Answer, Gate } from '../channel.ts'
import { Failure } from '../failure.ts'
import { CAR_TYPE } from '../message.ts'
import { STREAM_TYPE, unframed } from './framing.ts'
import { Intake, release, withhold } from './intake.ts'
import { Packed, tooLarge } from './packed.ts'

interface ArrivalOptions {
  maxMessageBytes: number
  maxFrameBytes?: number
  gate?: Gate
}

/**
 * Messages that are on their way: who sends one byte by byte would hold what it needs for ever. They are in the order of their deadlines, and one
 * timer serves them all, since nearly all have come whole long before it runs.
 */
export class Arrivals {
  readonly #options: ArrivalOptions
  readonly #milliseconds: number
  readonly #due = new Map<object, { at: number; fail: (late: Failure) => void }>()
  #timer: NodeJS.Timeout | undefined

  constructor({ messageTimeout = 30_000, ...options }: ArrivalOptions & { messageTimeout?: number }) {
    this.#options = options
    this.#milliseconds = messageTimeout
  }

  /**
   * What a request brings: its whole message, and what streams behind it. Until `entering` resolves no more is read than what the first packet brought.
   * @throws Failure Unsupported, TooLarge, Malformed, Cancelled (field `messageTimeout`), and whatever `entering` rejects with
   */
  read(request: IncomingMessage, entering?: Promise<void>): Promise<Answer> {
    const type = request.headers['content-type']
    const { maxMessageBytes, gate } = this.#options
    const unfit = this.#unfit(request)
    if (unfit && !entering) throw unfit
    if (unfit && entering) return unread(request, entering).then(() => Promise.reject(unfit))
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
      // Who is kept waiting is not late.
      const expect = (fail: (late: Failure) => void) => {
        if (entering) entering.then(() => this.#expect(request, fail), failed)
        else this.#expect(request, fail)
      }
      if (type === STREAM_TYPE) {
        const intake = new Intake(request)
        expect((late) => {
          reject(late)
          intake.close()
        })
        unframed(atPace(intake, received, entering), this.#options).then(arrived, failed)
      } else {
        expect(readMessage(request, maxMessageBytes, received, entering, (message) => arrived({ message }), failed))
      }
    })
  }

  #unfit({ headers }: IncomingMessage): Failure | undefined {
    const { 'content-type': type, 'content-encoding': coding, 'transfer-encoding': transfer } = headers
    if (type !== CAR_TYPE && type !== STREAM_TYPE) {
      return new Failure('Unsupported', `The content type ${type ?? '(none)'} is not spoken here.`, { supported: [CAR_TYPE, STREAM_TYPE] })
    }
    // Taken as it is, it would be one message here and another to whoever decodes it on the way.
    if (coding !== undefined || (transfer !== undefined && transfer.toLowerCase() !== 'chunked')) {
      return new Failure('Unsupported', 'A message is sent as it is, in no coding but "chunked".', { supported: ['chunked'] })
    }
    const { maxMessageBytes } = this.#options
    if (type === CAR_TYPE && Number(headers['content-length'] ?? 0) > maxMessageBytes) return tooLarge(maxMessageBytes)
  }

  #expect(request: IncomingMessage, fail: (late: Failure) => void): void {
    if (request.complete || request.destroyed) return
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

/** Waits, and lets go meanwhile of what comes along. */
export const unread = async (request: IncomingMessage, until: Promise<void>): Promise<void> => {
  const drop = () => withhold(request)
  request.on('data', drop)
  drop()
  try {
    await until
  } finally {
    request.off('data', drop)
    release(request)
  }
}

/** Hears of every chunk; what it gives is awaited before the next is read. */
type Received = (bytes: number) => Promise<void> | undefined

async function* atPace(intake: Intake, received: Received, entering: Promise<void> | undefined): AsyncGenerator<Uint8Array> {
  try {
    await entering
    for (let chunk = await intake.next(); chunk; chunk = await intake.next()) {
      await received(chunk.length)
      yield chunk
    }
  } finally {
    intake.close()
  }
}

/** By events: an iterator of the request costs as much as a tenth of a call, and most messages come in one chunk. Gives what ends it. */
const readMessage = (
  request: IncomingMessage,
  maxBytes: number,
  received: Received,
  entering: Promise<void> | undefined,
  arrived: (message: Uint8Array) => void,
  failed: (error: unknown) => void,
): ((reason: Failure) => void) => {
  const packed = new Packed()
  let waiting: Promise<void> | undefined
  const fail = (error: unknown) => {
    request.off('data', take).pause()
    failed(error)
  }
  const wait = (until: Promise<void>) => {
    waiting = until.then(() => {
      waiting = undefined
      release(request)
    })
    waiting.catch(fail)
    withhold(request)
  }
  const take = (chunk: Uint8Array) => {
    packed.add(chunk)
    if (packed.length > maxBytes) return fail(tooLarge(maxBytes))
    const paced = received(chunk.length)
    if (waiting) withhold(request)
    else if (paced) wait(paced)
  }
  request
    .on('data', take)
    .once('end', () => {
      if (waiting) waiting.then(() => arrived(packed.take()), failed)
      else arrived(packed.take())
    })
    .once('error', failed)
    .once('close', () => {
      if (!request.complete) failed(new Failure('Cancelled', 'The caller has left.'))
    })
  if (entering) wait(entering)
  return fail
}
