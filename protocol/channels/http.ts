import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { encodeVarint, StreamReader } from '../car.ts'
import type { Answer, Channel, Door, Gate, OpenOptions } from '../channel.ts'
import { Failure, isAbort, type Refusal, toRefusal } from '../failure.ts'
import { CAR_TYPE } from '../message.ts'
import { streamFrom, streamUntil } from '../stream.ts'

/**
 * HTTP. A message is the body of a POST to `/` and of its answer. Where an ability streams, the body is the message behind its length as
 * a varint, and then the bytes of the stream to the end of the body: `application/vnd.symbiosis.stream`. HTTP carries a stream one way at a time.
 */
export const STREAM_TYPE = 'application/vnd.symbiosis.stream'
const MAX_ANSWER_BYTES = 16 * 1024 * 1024

type Fetch = (url: string, init: RequestInit & { duplex?: 'half' }) => Promise<Response>

/** The caller's end. `fetch` is a parameter, so that a Unix socket or a test can stand in for the network. */
export const httpChannel = (url: string, fetch: Fetch = globalThis.fetch): Channel => {
  const open = async (message: Uint8Array, { signal, body }: OpenOptions, accept: string): Promise<Answer> => {
    let response: Response
    // `fetch` forgets a body that it could not send: its source would wait for ever.
    const broken = new AbortController()
    const upload = body && streamUntil(body, AbortSignal.any([broken.signal, ...(signal ? [signal] : [])]))
    try {
      response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': body ? STREAM_TYPE : CAR_TYPE, accept },
        body: upload ? framed(message, upload) : (message as Uint8Array<ArrayBuffer>),
        redirect: 'error',
        ...(body && { duplex: 'half' }),
        ...(signal && { signal }),
      })
    } catch (thrown) {
      broken.abort()
      throw isAbort(thrown) ? thrown : unreachable(url, thrown)
    }
    const type = response.headers.get('content-type')
    try {
      if (!response.ok) throw await refusalOf(response)
      if (type === STREAM_TYPE && response.body) return await unframed(response.body, MAX_ANSWER_BYTES)
      if (type !== CAR_TYPE) throw new Failure('Unsupported', `What answers at ${url} is no host: it sent ${type ?? 'no content type'}.`)
      return { message: await readAll(response.body, MAX_ANSWER_BYTES) }
    } catch (thrown) {
      if (thrown instanceof Failure || isAbort(thrown)) throw thrown
      throw unreachable(url, thrown)
    }
  }
  return {
    url,
    request: async (message, options = {}) => (await open(message, options, CAR_TYPE)).message,
    open: (message, options = {}) => open(message, options, `${CAR_TYPE}, ${STREAM_TYPE}`),
  }
}

/** What a GET gets. Other web sites may read it only where it is `open`. */
export interface Page {
  status: number
  type: string
  body: string
  open?: boolean
}

export interface HttpOptions {
  /** Bytes of a message; a longer one is refused unread. */
  maxMessageBytes: number
  /** Milliseconds within which a message must have come whole, unless told 30,000. The bytes of a stream behind it have as long as they need. */
  messageTimeout?: number
  /** Withholds reading from who asks too much. */
  gate?: Gate
  /** How `/healthz` and other GETs answer; undefined for what isn't there. */
  pages?(path: string, connection: object): Promise<Page | undefined>
  /** How callers are named in logs and rate limits. */
  remote?(request: IncomingMessage): string
}

/**
 * The host's end, as a listener for `http.createServer` of Node. Any web page may call: the signed invocation is the only
 * authority, and there are no cookies that a page could ride on.
 */
export const httpListener =
  (door: Door, { pages, remote = ({ socket }) => socket.remoteAddress ?? 'unknown', ...options }: HttpOptions) =>
  async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const aborter = new AbortController()
    const { gate } = options
    const connection = request.socket
    // The response closes when it is done, too; then nobody listens any more.
    response.once('close', () => {
      aborter.abort()
      gate?.leave(connection)
    })
    try {
      if (request.httpVersion === '1.1' && request.headers.host === undefined) throw new Failure('Malformed', 'The request names no host.')
      if (request.method !== 'GET' && request.method !== 'HEAD') response.setHeader('access-control-allow-origin', '*')
      const entering = gate?.enter(connection)
      if (entering) await entering
      if (request.method === 'OPTIONS') return preflight(response)
      if (request.method === 'GET' || request.method === 'HEAD') return await sendPage(request, response, pages)
      if (request.method !== 'POST') throw new Failure('Unsupported', `The method ${request.method} is not spoken here; POST a message.`)
      if (request.url !== '/') throw new Failure('NotFound', 'Messages are posted to the path "/".')
      const { origin, accept = '' } = request.headers
      const { message, body } = await inTime(readCall(request, options), options.messageTimeout)
      const streams = accept.includes(STREAM_TYPE)
      const answer = await door({
        message,
        streams,
        signal: aborter.signal,
        remote: remote(request),
        connection,
        ...(body && { body }),
        ...(origin && { origin }),
      })
      await sendAnswer(response, answer)
    } catch (thrown) {
      sendRefusal(request, response, toRefusal(thrown))
    }
  }

/**
 * Lets a server answer in our own words what Node would refuse with none: what is no HTTP, what it expects, CONNECT. Make it with
 * `requireHostHeader: false`, since the listener asks for that header itself.
 */
export const answerAll = (server: Server, listener: RequestListener): Server =>
  server
    .on('request', listener)
    // An expectation may be ignored: RFC 9110, section 10.1.1.
    .on('checkExpectation', listener)
    .on('connect', (_, socket) => refuseOn(socket, new Failure('Unsupported', 'The method CONNECT is not spoken here; POST a message.')))
    .on('clientError', (error: NodeJS.ErrnoException, socket) => refuseOn(socket, unreadable(error.code)))

const unreadable = (code = ''): Failure => {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Failure('Cancelled', 'The head of the request did not come in time.')
  if (code.endsWith('_OVERFLOW')) return new Failure('TooLarge', 'The head of the request is too large.', { field: 'head' })
  return new Failure('Malformed', 'The request is not HTTP/1.1.')
}

/** Refuses on a connection that has no request, or none that can be read any further. */
const refuseOn = (socket: Duplex, failure: Failure): void => {
  const answering = (socket as { _httpMessage?: ServerResponse })._httpMessage
  if (!socket.writable || answering?.headersSent) return void socket.destroy()
  const body = JSON.stringify({ error: failure.toRefusal() })
  const head = `HTTP/1.1 ${STATUS[failure.name] ?? 400} ${failure.name}\r\nconnection: close\r\ncontent-type: application/json\r\n`
  socket.end(`${head}content-length: ${body.length}\r\n\r\n${body}`, () => socket.destroy())
}

const readCall = async (request: IncomingMessage, { maxMessageBytes: maxBytes, gate }: HttpOptions): Promise<Answer> => {
  const type = request.headers['content-type']
  const received = (bytes: number) => gate?.received(request.socket, bytes)
  if (type === STREAM_TYPE) return unframed(atPace(request, received), maxBytes)
  if (type !== CAR_TYPE) {
    throw new Failure('Unsupported', `The content type ${type ?? '(none)'} is not spoken here.`, { supported: [CAR_TYPE, STREAM_TYPE] })
  }
  const length = Number(request.headers['content-length'] ?? 0)
  if (length > maxBytes) throw tooLarge(maxBytes)
  return { message: await readAll(request, maxBytes, received) }
}

/** Hears of every chunk; what it gives is awaited before the next is read. */
type Received = (bytes: number) => Promise<void> | undefined

async function* atPace(chunks: AsyncIterable<Uint8Array>, received: Received): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    await received(chunk.length)
    yield chunk
  }
}

/** Who sends a message byte by byte would hold what it needs for ever. */
const inTime = async <T>(arriving: Promise<T>, milliseconds = 30_000): Promise<T> => {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const text = `The message did not come within ${milliseconds} milliseconds.`
    late.reject(new Failure('Cancelled', text, { field: 'messageTimeout', limit: milliseconds }))
  }, milliseconds)
  try {
    return await Promise.race([arriving, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

const sendAnswer = async (response: ServerResponse, { message, body }: Answer): Promise<void> => {
  if (!body) {
    response.writeHead(200, { 'content-type': CAR_TYPE, 'content-length': message.length }).end(message)
    return
  }
  response.writeHead(200, { 'content-type': STREAM_TYPE })
  const reader = framed(message, body).getReader()
  const cancel = () => reader.cancel().catch(() => {})
  if (response.destroyed) return void (await cancel())
  response.once('close', cancel)
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (!response.write(next.value)) await drained(response)
      if (response.destroyed) return
    }
    response.end()
  } catch {
    // The receipt is sent already: cutting the body is how HTTP says that the rest will not come.
    response.destroy()
  }
}

const drained = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    // Who left before this could listen sends no event any more.
    if (response.destroyed) return resolve()
    const done = () => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.on('drain', done).on('close', done)
  })

const STATUS: { [code: string]: number } = {
  Cancelled: 408,
  TooLarge: 413,
  Unsupported: 415,
  NotFound: 404,
  RateLimited: 429,
  Unavailable: 503,
  Internal: 500,
}

const sendRefusal = (request: IncomingMessage, response: ServerResponse, refusal: Refusal): void => {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const body = JSON.stringify({ error: refusal })
  // What is still on its way up was refused unread.
  if (!request.complete) response.setHeader('connection', 'close')
  if (refusal.retryAfter !== undefined) response.setHeader('retry-after', Math.ceil(refusal.retryAfter))
  response.writeHead(STATUS[refusal.name] ?? 400, {
    'content-type': 'application/json',
    'content-length': new TextEncoder().encode(body).length,
  })
  response.end(body)
}

const preflight = (response: ServerResponse): void => {
  response.writeHead(204, {
    'access-control-allow-methods': 'POST, GET',
    'access-control-allow-headers': 'content-type, accept',
    'access-control-max-age': '86400',
  })
  response.end()
}

const sendPage = async (request: IncomingMessage, response: ServerResponse, pages: HttpOptions['pages']): Promise<void> => {
  const page = await pages?.(request.url ?? '/', request.socket)
  if (!page) throw new Failure('NotFound', 'There is no such page.')
  if (page.open) response.setHeader('access-control-allow-origin', '*')
  response.writeHead(page.status, { 'content-type': page.type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
  response.end(request.method === 'HEAD' ? undefined : page.body)
}

/** The refusal that a host sent without a receipt. It is believed for its text alone: nothing signs it. */
const refusalOf = async (response: Response): Promise<Failure> => {
  const text = new TextDecoder().decode(await readAll(response.body, 64 * 1024).catch(() => new Uint8Array()))
  try {
    const { error } = JSON.parse(text) as { error: Refusal }
    if (typeof error.name === 'string') return Failure.fromRefusal({ ...error, message: String(error.message) })
  } catch {
    // not the JSON of a host
  }
  return new Failure('Unavailable', `The host answered with HTTP status ${response.status}.`, { status: response.status })
}

const unreachable = (url: string, cause: unknown): Failure => {
  const reason =
    (cause as { cause?: { code?: string } } | null)?.cause?.code ?? (cause as { code?: string } | null)?.code ?? 'the connection broke'
  return new Failure(
    'Unavailable',
    `The host at ${url} can't be reached: ${reason}.`,
    { reason, hint: 'Check that it runs and that the address is right.' },
    { cause },
  )
}

const tooLarge = (limit: number) => new Failure('TooLarge', `The message is larger than ${limit} bytes.`, { field: 'messageBytes', limit })

const readAll = async (stream: AsyncIterable<Uint8Array> | null, max: number, received?: Received): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream ?? []) {
    length += chunk.length
    if (length > max) throw tooLarge(max)
    chunks.push(chunk)
    const waiting = received?.(chunk.length)
    if (waiting) await waiting
  }
  if (chunks.length === 1) return chunks[0] as Uint8Array
  const whole = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}

/** A message and a stream as one body. */
const framed = (message: Uint8Array, body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> => {
  async function* parts(): AsyncGenerator<Uint8Array> {
    yield encodeVarint(message.length)
    yield message
    yield* body
  }
  return streamFrom(parts())
}

/** One body as a message and the stream behind it. */
const unframed = async (body: AsyncIterable<Uint8Array>, maxMessageBytes: number): Promise<Answer> => {
  const reader = new StreamReader(body)
  const message = await reader.section(maxMessageBytes, 'message')
  if (!message) throw new Failure('Malformed', 'The body is empty where a message was expected.')
  return { message, body: streamFrom(reader.rest()) }
}
