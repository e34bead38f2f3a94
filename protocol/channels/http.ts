import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Answer, Channel, Door, Gate, OpenOptions } from '../channel.ts'
import { Failure, isAbort, type Refusal, toRefusal } from '../failure.ts'
import { CAR_TYPE } from '../message.ts'
import { iterable, streamUntil } from '../stream.ts'
import { Arrivals, unread } from './arrivals.ts'
import { connected, framed, STREAM_TYPE, unframed } from './framing.ts'
import { joined, tooLarge } from './packed.ts'

const MAX_ANSWER_BYTES = 16 * 1024 * 1024

type Fetch = (url: string, init: RequestInit & { duplex?: 'half' }) => Promise<Response>

/**
 * Whether a stream has to be gathered before it goes up: in browsers, which stream upwards over HTTP/2 only, if at all, and a page can't know what it will
 * be. No other runtime goes by that name.
 */
export const gathersUploads: boolean = /^Mozilla/.test(`${globalThis.navigator?.userAgent}`)

/**
 * The caller's end. `fetch` is a parameter, so that a Unix socket or a test can stand in for the network; `gathers` says whether a body goes up whole. A
 * browser moves one that is large to its disk.
 */
export const httpChannel = (url: string, fetch: Fetch = globalThis.fetch, gathers: boolean = gathersUploads): Channel => {
  const open = async (message: Uint8Array, { signal, body }: OpenOptions, accept: string): Promise<Answer> => {
    let response: Response
    // `fetch` forgets a body that it could not send: its source would wait for ever.
    const broken = new AbortController()
    const answered = new AbortController()
    const upload = body && streamUntil(body, AbortSignal.any([broken.signal, ...(signal ? [signal] : [])]))
    try {
      const streamed = upload && framed(message, upload, answered.signal)
      response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': body ? STREAM_TYPE : CAR_TYPE, accept },
        body: streamed ? await (gathers ? new Response(streamed).blob() : streamed) : (message as Uint8Array<ArrayBuffer>),
        redirect: 'error',
        ...(body && !gathers && { duplex: 'half' }),
        ...(signal && { signal }),
      })
    } catch (thrown) {
      broken.abort()
      throw isAbort(thrown) ? thrown : unreachable(url, thrown)
    }
    const type = response.headers.get('content-type')
    try {
      if (!response.ok) throw await refusalOf(response)
      if (type === STREAM_TYPE && response.body) {
        const reader = response.body.getReader()
        return await unframed(connected(reader), { maxMessageBytes: MAX_ANSWER_BYTES }, (reason) => reader.cancel(reason))
      }
      if (type !== CAR_TYPE) throw new Failure('Unsupported', `What answers at ${url} is no host: it sent ${type ?? 'no content type'}.`)
      return { message: await readAll(response.body, MAX_ANSWER_BYTES) }
    } catch (thrown) {
      if (thrown instanceof Failure || isAbort(thrown)) throw thrown
      throw unreachable(url, thrown)
    } finally {
      answered.abort()
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
  body: string | Uint8Array
  open?: boolean
  /** How long it may be kept, `no-store` unless told. */
  cache?: string
  /** Of this representation. Who has it already is told no more than that. */
  etag?: string
  /** What a browser lets the page do: a Content-Security-Policy. */
  policy?: string
}

/** How a host answers HTTP. */
export interface HttpOptions {
  /** Bytes of a message; a longer one is refused unread. */
  maxMessageBytes: number
  /** Bytes of a frame of the stream behind a message, unless told 1 MiB. */
  maxFrameBytes?: number
  /** Milliseconds within which a message must have come whole, unless told 30,000. The bytes of a stream behind it have as long as they need. */
  messageTimeout?: number
  /** Withholds reading from who asks too much. */
  gate?: Gate
  /** How `/healthz` and other GETs answer; undefined for what isn't there. */
  pages?(path: string, connection: object, accept: string): Promise<Page | undefined>
  /** DNS names under which pages that aren't open may be asked for. Under an address or `localhost` they always may. */
  names?: readonly string[]
  /** How callers are named in logs and rate limits. */
  remote?(request: HttpRequest): string
}

/** An `IncomingMessage` of Node. Declared as no more than this, and its response as an object: pages compile against this package without Node's types. */
export interface HttpRequest {
  readonly socket: { readonly remoteAddress?: string }
}

/** An `http.Server` of Node. */
export interface HttpServer {
  // biome-ignore lint/suspicious/noExplicitAny: so Node has it
  on(event: string, listener: (...args: any[]) => void): this
}

export type HttpListener = (request: HttpRequest, response: object) => Promise<void>

/**
 * The host's end, as a listener for `http.createServer` of Node. Any web page may call: the signed invocation is the only
 * authority, and there are no cookies that a page could ride on.
 */
export const httpListener = (
  door: Door,
  { pages, names = [], remote = ({ socket }) => socket.remoteAddress ?? 'unknown', ...options }: HttpOptions,
): HttpListener => {
  const { gate } = options
  const arrivals = new Arrivals(options)
  return async (incoming, outgoing) => {
    const request = incoming as IncomingMessage
    const response = outgoing as ServerResponse
    const caller = new Caller()
    const connection = request.socket
    // The response closes when it is done, too; then nobody listens any more.
    response.once('close', () => {
      caller.leave()
      gate?.leave(connection)
    })
    try {
      const entering = gate?.enter(connection)
      if (entering && !isMessage(request)) await unread(request, entering)
      if (request.httpVersion === '1.1' && request.headers.host === undefined) throw new Failure('Malformed', 'The request names no host.')
      if (request.method === 'OPTIONS') {
        await gate?.turn(connection)
        return preflight(response)
      }
      if (isGet(request)) return await sendPage(request, response, pages, names)
      if (request.method !== 'POST') throw new Failure('Unsupported', `The method ${request.method} is not spoken here; POST a message.`)
      if (request.url !== '/') throw new Failure('NotFound', 'Messages are posted to the path "/".')
      const { accept = '' } = request.headers
      const origin = originOf(request)
      const { message, body } = await arrivals.read(request, entering)
      const answer = await door({
        message,
        streams: accept.includes(STREAM_TYPE),
        get signal() {
          return caller.signal
        },
        remote: remote(request),
        connection,
        ...(body && { body }),
        ...(origin && { origin }),
      })
      if (answer.body) await sendStream(response, answer.message, answer.body)
      else send(response, 200, CAR_TYPE, answer.message)
    } catch (thrown) {
      const turn = response.destroyed ? undefined : gate?.turn(connection)
      // Whoever gets no turn in time is told that instead.
      const refusal = turn
        ? await unread(request, turn).then(
            () => thrown,
            (late) => late,
          )
        : thrown
      sendRefusal(request, response, toRefusal(refusal))
    }
  }
}

/** Tells who asks that the caller has left. Few ask, and a signal for each call would cost more than all else that HTTP does here. */
class Caller {
  #aborter: AbortController | undefined
  #left = false

  get signal(): AbortSignal {
    this.#aborter ??= new AbortController()
    if (this.#left) this.#aborter.abort()
    return this.#aborter.signal
  }

  leave(): void {
    this.#left = true
    this.#aborter?.abort()
  }
}

/**
 * Lets a server answer in our own words what Node would refuse with none: what is no HTTP, what it expects, CONNECT. Make it with
 * `requireHostHeader: false`, since the listener asks for that header itself.
 */
export const answerAll = <S extends HttpServer>(server: S, listener: HttpListener): S =>
  server
    .on('request', listener)
    // An expectation may be ignored: RFC 9110, section 10.1.1.
    .on('checkExpectation', listener)
    // Who listens has to end it. One that waits for no answer needs none.
    .on('timeout', (socket: Duplex) =>
      answeredOn(socket)
        ? refuseOn(socket, new Failure('Cancelled', 'Nothing was sent for too long.', { field: 'idleTimeout' }))
        : socket.destroy(),
    )
    .on('connect', (_: IncomingMessage, socket: Duplex) =>
      refuseOn(socket, new Failure('Unsupported', 'The method CONNECT is not spoken here; POST a message.')),
    )
    .on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => refuseOn(socket, unreadable(error.code)))

const unreadable = (code = ''): Failure => {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Failure('Cancelled', 'The head of the request did not come in time.')
  if (code.endsWith('_OVERFLOW')) return new Failure('TooLarge', 'The head of the request is too large.', { field: 'head' })
  return new Failure('Malformed', 'The request is not HTTP/1.1.')
}

/** The answer that is due on a connection. */
const answeredOn = (socket: Duplex): ServerResponse | undefined => (socket as { _httpMessage?: ServerResponse })._httpMessage

/** Refuses on a connection that has no request, or none that can be read any further. */
const refuseOn = (socket: Duplex, failure: Failure): void => {
  // Node takes its own listener off for CONNECT, and who sends that and leaves would end the process.
  socket.on('error', () => {})
  if (!socket.writable || answeredOn(socket)?.headersSent) return void socket.destroy()
  const body = JSON.stringify({ error: failure.toRefusal() })
  const head = `HTTP/1.1 ${STATUS[failure.name] ?? 400} ${failure.name}\r\nconnection: close\r\ncontent-type: application/json\r\n`
  socket.end(`${head}content-length: ${body.length}\r\n\r\n${body}`, () => socket.destroy())
}

/**
 * What a browser says of the page that calls: the one thing that the owner is shown as vouched for. So nothing else may pass for an origin, least of
 * all what moves the cursor of a terminal.
 */
const ORIGIN = /^(null|[a-z][a-z0-9+.-]*:\/\/[!-~]{0,300})$/

const originOf = ({ headers: { origin } }: IncomingMessage): string | undefined => {
  if (origin === undefined || ORIGIN.test(origin)) return origin
  throw new Failure('Malformed', 'The header "origin" holds no origin as browsers write them.', { field: 'origin' })
}

const isMessage = ({ method, url }: IncomingMessage): boolean => method === 'POST' && url === '/'

const isGet = ({ method }: IncomingMessage): boolean => method === 'GET' || method === 'HEAD'

/** Any web page may read an answer. Headers as a list go out as they are, where Node would look each of an object's up. */
const headers = (type: string, more: readonly (string | number)[] = []): string[] =>
  ['access-control-allow-origin', '*', 'content-type', type, ...more] as string[]

const send = (response: ServerResponse, status: number, type: string, body: Uint8Array, more: readonly (string | number)[] = []): void => {
  response.writeHead(status, headers(type, ['content-length', body.length, ...more])).end(body)
}

const sendStream = async (response: ServerResponse, message: Uint8Array, body: ReadableStream<Uint8Array>): Promise<void> => {
  // Whoever has left reads nothing: then the stream itself is told, which what is framed would only do once it has come to it.
  if (response.destroyed) return void (await body.cancel().catch(() => {}))
  response.writeHead(200, headers(STREAM_TYPE))
  const reader = framed(message, body).getReader()
  const cancel = () => reader.cancel().catch(() => {})
  response.once('close', cancel)
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (!response.write(next.value)) await drained(response)
      if (response.destroyed) return
    }
    response.end()
  } catch {
    // The receipt is sent already, and nothing signed says why the rest will not come: a body that is cut says that much.
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
  const more: (string | number)[] = []
  // What is still on its way up was refused unread.
  if (!request.complete) more.push('connection', 'close')
  if (refusal.retryAfter !== undefined) more.push('retry-after', Math.ceil(refusal.retryAfter))
  const body = new TextEncoder().encode(JSON.stringify({ error: refusal }))
  // No other web site may read what a GET tells, unless the page is open.
  if (isGet(request))
    response
      .writeHead(STATUS[refusal.name] ?? 400, ['content-type', 'application/json', 'content-length', body.length, ...more] as string[])
      .end(body)
  else send(response, STATUS[refusal.name] ?? 400, 'application/json', body, more)
}

const preflight = (response: ServerResponse): void => {
  response.writeHead(204, {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'POST, GET',
    'access-control-allow-headers': 'content-type, accept',
    'access-control-max-age': '86400',
  })
  response.end()
}

/**
 * Whether a page that isn't open may be told under the name by which it was asked for. A web site that lets its own name point to this machine is of one
 * site with the host, to a browser; but it can only ask under that name.
 */
const isOurs = ({ headers: { host } }: IncomingMessage, names: readonly string[]): boolean => {
  // No browser leaves it out.
  if (host === undefined) return true
  const name = host.replace(/:\d+$/, '').toLowerCase()
  return /^(localhost|\d+\.\d+\.\d+\.\d+|\[[\da-f:.]+\])$/.test(name) || names.some((known) => known.toLowerCase() === name)
}

const sendPage = async (
  request: IncomingMessage,
  response: ServerResponse,
  pages: HttpOptions['pages'],
  names: readonly string[],
): Promise<void> => {
  const page = await pages?.(request.url ?? '/', request.socket, request.headers.accept ?? '')
  if (page && !page.open && !isOurs(request, names))
    throw new Failure('NotFound', 'There is no such page under that name.', { hint: 'Ask for it by the address of the host.' })
  if (!page) throw new Failure('NotFound', 'There is no such page.')
  if (page.open) response.setHeader('access-control-allow-origin', '*')
  if (page.policy) response.setHeader('content-security-policy', page.policy)
  response.setHeader('vary', 'accept')
  if (page.etag) response.setHeader('etag', page.etag)
  response.setHeader('cache-control', page.cache ?? 'no-store')
  if (page.etag && isKnown(request, page.etag)) return void response.writeHead(304).end()
  response.writeHead(page.status, { 'content-type': page.type, 'x-content-type-options': 'nosniff' })
  response.end(request.method === 'HEAD' ? undefined : page.body)
}

/** Whether the asker has what the tag is of. Compared weakly: RFC 9110, section 13.1.2. */
const isKnown = ({ headers }: IncomingMessage, etag: string): boolean =>
  (headers['if-none-match'] ?? '').split(',').some((each) => ['*', etag, `W/${etag}`].includes(each.trim()))

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

/** What is said of an address at which nobody was reached, by what `fetch` threw. Browsers tell a page neither why nor that it was they who forbade it. */
export const unreachable = (url: string, cause: unknown): Failure => {
  const reason =
    (cause as { cause?: { code?: string } } | null)?.cause?.code ?? (cause as { code?: string } | null)?.code ?? 'the connection broke'
  return new Failure(
    'Unavailable',
    `The host at ${url} can't be reached: ${reason}.`,
    { reason, hint: 'Check that it runs, that the address is right, and that the browser lets the page reach it.' },
    { cause },
  )
}

/**
 * The whole of a body.
 * @throws Failure TooLarge
 */
export const readAll = async (stream: AsyncIterable<Uint8Array> | null, max: number): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream ? iterable(stream) : []) {
    length += chunk.length
    if (length > max) throw tooLarge(max)
    chunks.push(chunk)
  }
  return joined(chunks, length)
}
