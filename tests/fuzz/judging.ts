import { dag } from '@symbiosis/capabilities/dag'
import { pin } from '@symbiosis/capabilities/pin'
import {
  access,
  BOUNDS,
  CAR_TYPE,
  CODES,
  type DID,
  decodeReceipts,
  operator,
  readReceipt,
  revocation,
  STREAM_TYPE,
} from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import type { Answer } from './answers.ts'
import type { Case } from './cases.ts'
import type { Exchange } from './connection.ts'

/** What is wrong about an answer, and all the codes that came. */
export interface Judgement {
  readonly codes: readonly string[]
  readonly wrong: readonly string[]
}

const SERVICES = [access, operator, revocation, pin, dag]
const NAMES = new Set<string>([
  ...CODES,
  ...SERVICES.flatMap(({ abilities }) => Object.values(abilities).flatMap(({ errors }) => Object.keys(errors as object))),
])

/** Lines of a stack, and paths of this machine: nothing that is sent holds any, so no answer may. */
const LEAKS = /\n\s+at |node:internal|node_modules|file:\/\/|\.[jt]s:\d+|\/(home|tmp|usr|var|opt|root)\/|symbiosis-fuzz-/

/**
 * Holds what came of a case against what is promised: every answer typed and every receipt signed, no connection cut without one. A connection may end
 * without an answer where
 * - the caller left first;
 * - a stranger pipelined: the gate cuts who sends a second request before the first is answered, since that is done to have much parsed at once;
 * - a stream had begun: cutting its body is how HTTP says that the rest will not come;
 * - far more was sent than a message may have: it is refused unread, and who still sends then may find the connection reset before the answer is read (RFC 9112,
 *   section 9.6). Reading on would make the host work for whoever sends most.
 */
export const judge = (
  sent: Pick<Case, 'framing' | 'leaves' | 'head' | 'bytes'>,
  { answers, partial, end }: Exchange,
  host: DID,
): Judgement => {
  const codes: string[] = []
  const wrong: string[] = []
  if (end === 'left') return { codes: ['(left)'], wrong }
  if (end === 'hung') wrong.push('it was not answered in time')
  for (const answer of answers) judgeAnswer(answer, sent.head, host, codes, wrong)
  const begun = partial?.headers['content-type'] === STREAM_TYPE && partial.status === 200
  if (begun) codes.push('(stream cut)')
  else if (sent.framing === 'pipelined' && end === 'closed') codes.push('(pipeline cut)')
  else if (end === 'closed' && answers.length === 0 && sent.bytes.length > 2 * BOUNDS.messageBytes) codes.push('(reset)')
  else if (end === 'closed' && answers.length === 0) wrong.push('the connection was cut without an answer')
  else if (partial) wrong.push('an answer was cut')
  return { codes, wrong }
}

const judgeAnswer = (answer: Answer, head: boolean, host: DID, codes: string[], wrong: string[]): void => {
  const { status, headers, body } = answer
  const type = headers['content-type']
  const text = Buffer.from(body).toString('latin1')
  const leak = LEAKS.exec(`${text}\n${Object.values(headers).join('\n')}`)
  if (leak) wrong.push(`it tells of the host's insides: ${JSON.stringify(leak[0])}`)
  try {
    if (status === 200 && type === CAR_TYPE) receipts(body, host, codes, wrong)
    else if (status === 200 && type === STREAM_TYPE) receipts(messageOf(body), host, codes, wrong)
    else if (status === 200 && isPage(type, text)) codes.push('(page)')
    else if (status === 204) codes.push('(preflight)')
    else if (status >= 400 && head && text === '') codes.push(`(${status} to a HEAD)`)
    else if (status >= 400 && type === 'application/json') refusal(text, codes, wrong)
    else wrong.push(`it has the status ${status} and the type ${type}`)
  } catch (thrown) {
    wrong.push(`it can't be read: ${String(thrown)}`)
  }
}

const receipts = (message: Uint8Array, host: DID, codes: string[], wrong: string[]): void => {
  const blocks = decodeReceipts(message)
  if (blocks.size === 0) wrong.push('it holds no receipt')
  for (const [ran, block] of blocks) {
    const { out } = readReceipt(block, CID.parse(ran), host)
    named(out.error ? (out.error as { name: unknown }) : undefined, 'receipt', codes, wrong)
  }
}

const messageOf = (body: Uint8Array): Uint8Array => {
  let [length, at] = [0, 0]
  for (let shift = 0; ; shift += 7) {
    const byte = body[at++] ?? 0
    length += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) return body.subarray(at, at + length)
  }
}

const refusal = (text: string, codes: string[], wrong: string[]): void => {
  const { error } = JSON.parse(text) as { error?: { name?: unknown; message?: unknown } }
  if (typeof error?.message !== 'string') wrong.push('its error has no message')
  named(error ?? {}, 'http', codes, wrong)
}

/** An `Internal` is typed, and a mistake of the host's all the same. */
const named = (error: { name?: unknown } | undefined, where: string, codes: string[], wrong: string[]): void => {
  const name = error ? String(error.name) : 'ok'
  codes.push(`${where} ${name}`)
  if (!error) return
  if (!NAMES.has(name)) wrong.push(`its error "${name}" is in no list`)
  if (name === 'Internal') wrong.push('the host failed within')
}

const isPage = (type: string | undefined, text: string): boolean =>
  type === 'text/plain; version=0.0.4' || (type === 'application/json' && (text === '' || !('error' in JSON.parse(text))))
