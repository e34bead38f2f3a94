import { CAR_TYPE, STREAM_TYPE } from '@symbiosis/protocol'
import { mutateBytes } from './byte-mutations.ts'
import type { Body } from './messages.ts'
import { type Random, weighted } from './random.ts'

/** A request on its way to the door, and what has to come back. */
export interface Request {
  readonly bytes: Uint8Array
  /** Answers that have to come. */
  readonly answers: number
  /** `kept`: the connection serves the next one. `last`: its framing is not to be trusted. `pipelined`: a stranger's may be cut, see `judging.ts`. */
  readonly framing: 'kept' | 'last' | 'pipelined'
  readonly head: boolean
}

interface Head {
  method: string
  target: string
  version: string
  headers: [name: string, value: string][]
}

/** A request as `fetch` makes one. The name of its case lets the host tell which one was costly. */
export const plainRequest = (index: number, { bytes, streamed, accept }: Body): Request => {
  const head = headOf(index, streamed, accept, bytes.length)
  return { bytes: Buffer.concat([written(head), bytes]), answers: 1, framing: 'kept', head: false }
}

const headOf = (index: number, streamed: boolean, accept: string, length: number): Head => ({
  method: 'POST',
  target: '/',
  version: 'HTTP/1.1',
  headers: [
    ['host', 'host'],
    ['x-case', String(index)],
    ['content-type', streamed ? STREAM_TYPE : CAR_TYPE],
    ['accept', accept],
    ['content-length', String(length)],
  ],
})

const written = ({ method, target, version, headers }: Head): Uint8Array =>
  Buffer.from(`${method} ${target} ${version}\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`, 'latin1')

type Mutation = (head: Head, body: Uint8Array, random: Random) => Request

/** The request with its head, its framing or all of its bytes mutated. */
export const mutatedRequest = (index: number, body: Body, random: Random): Request => {
  const head = headOf(index, body.streamed, body.accept, body.bytes.length)
  return weighted(random, MUTATIONS)(head, body.bytes, random)
}

const last = (...parts: readonly Uint8Array[]): Request => ({ bytes: Buffer.concat(parts), answers: 1, framing: 'last', head: false })
const kept = (head: Head, body: Uint8Array): Request => ({
  bytes: Buffer.concat([written(head), body]),
  answers: 1,
  framing: 'kept',
  head: head.method === 'HEAD',
})
const set = (head: Head, name: string, value: string): Head => ({
  ...head,
  headers: [...head.headers.filter(([each]) => each !== name), [name, value]],
})
const without = (head: Head, name: string): Head => ({ ...head, headers: head.headers.filter(([each]) => each !== name) })
const text = (value: string) => Buffer.from(value, 'latin1')

const TYPES = [
  '',
  'text/plain',
  'application/json',
  `${CAR_TYPE};x=y`,
  CAR_TYPE.toUpperCase(),
  STREAM_TYPE,
  CAR_TYPE,
  '\xff',
  'x'.repeat(4000),
]
const METHODS = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'SEARCH', 'QUERY']
const STRANGE_METHODS = ['CONNECT', 'post', 'P OST', '', 'PRI', '\x00', 'A'.repeat(100)]
const TARGETS = [
  '//',
  '/?x',
  '/metrics',
  '/healthz',
  '/readyz',
  '/../',
  '/%00',
  '*',
  'http://other/',
  '/'.repeat(3000),
  '/\xff',
  '/constructor',
  '/__proto__',
]
const VERSIONS = ['HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/1.2', 'HTTP/', 'HTTP/1.1 ', '']
const LENGTHS = ['-1', '+5', '0x10', '1e3', '5, 5', '5 5', '', '99999999999999999999', '1048577', '4294967296', '0']

const MUTATIONS: readonly (readonly [number, Mutation])[] = [
  [8, (head, body, random) => kept(set(head, 'content-type', random.pick(TYPES)), body)],
  [4, (head, body, random) => kept(set(head, 'accept', random.pick(['', '*/*', STREAM_TYPE, 'x'.repeat(2000), '\xff\xfe'])), body)],
  [4, (head, body, random) => kept(set(head, 'origin', random.pick(['null', 'https://a.example', '', '\xe9', 'x'.repeat(3000)])), body)],
  [
    8,
    (head, body, random) =>
      kept({ ...head, method: random.pick(METHODS), ...(random.chance(0.4) && { target: random.pick(TARGETS) }) }, body),
  ],
  [6, (head, body, random) => kept({ ...head, target: random.pick(TARGETS.filter((target) => target !== '*')) }, body)],
  [4, (head, body, random) => last(written({ ...head, method: random.pick(STRANGE_METHODS) }), body)],
  [4, (head, body, random) => last(written({ ...head, version: random.pick(VERSIONS) }), body)],
  [3, (head, body, random) => last(written(without(head, random.pick(['host', 'content-type', 'content-length', 'accept']))), body)],
  [4, (head, body, random) => last(written(set(head, 'content-length', random.pick(LENGTHS))), body)],
  [
    3,
    (head, body, random) =>
      last(written(set(head, 'content-length', String(Math.max(0, body.length + random.pick([-1, 1, -10, 1000]))))), body),
  ],
  [2, (head, body) => last(written({ ...head, headers: [...head.headers, ['content-length', '3']] }), body)],
  [
    3,
    (head, body, random) =>
      last(written(set(head, 'transfer-encoding', random.pick(['chunked', 'gzip', 'chunked, chunked', 'x', 'identity']))), body),
  ],
  [4, (head, body, random) => kept(set(without(head, 'content-length'), 'transfer-encoding', 'chunked'), chunked(body, random))],
  [
    3,
    (head, body, random) => last(written(set(without(head, 'content-length'), 'transfer-encoding', 'chunked')), badlyChunked(body, random)),
  ],
  [2, (head, body, random) => last(written(set(head, 'filling', 'x'.repeat(random.pick([8_000, 16_000, 17_000, 70_000])))), body)],
  [2, (head, body, random) => last(written({ ...head, headers: [...head.headers, ...many(random.pick([100, 1000, 2500]))] }), body)],
  [3, (head, body, random) => last(written(set(head, random.pick(ODD_NAMES), random.pick(['', 'x', '\x01', '\xff', 'a\nb']))), body)],
  [2, (head, body, random) => kept(set(head, 'expect', random.pick(['100-continue', '200-ok', ''])), body)],
  [2, (head, body) => last(written(set(set(head, 'connection', 'upgrade'), 'upgrade', 'websocket')), body)],
  [2, (head, body) => last(written(set(head, 'connection', 'close')), body)],
  [
    2,
    (head, body, random) =>
      last(Buffer.from(Buffer.concat([written(head), body]).subarray(0, 1 + random.below(written(head).length + body.length)))),
  ],
  [2, (head, body) => last(text(Buffer.from(written(head)).toString('latin1').replaceAll('\r\n', '\n')), body)],
  [3, (head, body, random) => last(mutateBytes(Buffer.concat([written(head), body]), () => written(head), random))],
  [1, (_head, _body, random) => last(random.bytes(1 + random.below(300)))],
  [2, (head, body, random) => pipelined(kept(head, body), 2 + random.below(4))],
]

const ODD_NAMES = [
  '',
  ' x',
  'x y',
  'x\x00',
  '__proto__',
  'constructor',
  'host',
  'content-type ',
  'transfer-encoding',
  'trailer',
  'te',
  'cookie',
  'range',
]

const many = (count: number): [string, string][] => Array.from({ length: count }, (_, index) => [`x-${index}`, 'x'])

const pipelined = ({ bytes }: Request, count: number): Request => ({
  bytes: Buffer.concat(Array.from({ length: count }, () => bytes)),
  answers: 1,
  framing: 'pipelined',
  head: false,
})

const chunked = (body: Uint8Array, random: Random): Uint8Array => {
  const parts: Uint8Array[] = []
  for (let at = 0; at < body.length; ) {
    const part = body.subarray(at, at + 1 + random.below(body.length))
    parts.push(text(`${part.length.toString(16)}${random.chance(0.1) ? ';x=y' : ''}\r\n`), part, text('\r\n'))
    at += part.length
  }
  return Buffer.concat([...parts, text('0\r\n\r\n')])
}

const badlyChunked = (body: Uint8Array, random: Random): Uint8Array => {
  const size = body.length.toString(16)
  return random.pick([
    () => Buffer.concat([text(`${size}\r\n`), body, text('\r\n')]),
    () => Buffer.concat([text('fffffff\r\n'), body, text('\r\n0\r\n\r\n')]),
    () => Buffer.concat([text(`-${size}\r\n`), body, text('\r\n0\r\n\r\n')]),
    () => Buffer.concat([text('ffffffffffffffffff\r\n'), body]),
    () => Buffer.concat([text(`${size}\n`), body, text('\n0\n\n')]),
    () => Buffer.concat([text(`${size}\r\n`), body, text('0\r\n\r\n')]),
    () => Buffer.concat([text(`${size};${'x'.repeat(20_000)}\r\n`), body, text('\r\n0\r\n\r\n')]),
    () => Buffer.concat([text(`${size}\r\n`), body, text(`\r\n0\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`)]),
    () => mutateBytes(chunked(body, random), () => body, random),
  ])()
}
