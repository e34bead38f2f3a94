import {
  type Admitted,
  type Answer,
  type Authorized,
  admitting,
  authorize,
  type Block,
  type Call,
  type Door,
  encodeReceipts,
  Failure,
  type Guard,
  issueReceipt,
  type LocalSigner,
  type Refusal,
  type Result,
  type Steps,
  textOf,
  toRefusal,
  type Ucan,
  type UcanMemory,
} from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import type { Dispatcher, Outcome, Route } from './dispatch.ts'
import type { Gate } from './gate.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

interface Parts {
  readonly signer: LocalSigner
  /** What decides, as of now. */
  guard(): Guard
  readonly memory: UcanMemory
  readonly gate: Gate
  readonly dispatcher: Dispatcher
  readonly metrics: Metrics
  readonly log: Log
  /** Aborts when the host begins to close. */
  readonly closing: AbortSignal
}

/** A call on its way to its receipt, and with it the stream of the answer. */
type Answering = Promise<{ ran: CID; block: Block; body: ReadableStream<Uint8Array> | undefined }>

/** A signed answer, with what the log and the channel need of it. */
interface Signed {
  readonly receipt: Block
  readonly refusal?: string
  readonly body?: ReadableStream<Uint8Array>
}

/** The door of a host: admission, then for each invocation the pipeline; one receipt each. */
export const answering = (parts: Parts): Door => {
  const { signer, guard, memory, gate, dispatcher, metrics, log, closing } = parts

  const door = async (call: Call): Promise<Answer> => {
    if (closing.aborted) throw new Failure('Unavailable', 'The host is shutting down.', { retryAfter: 5 })
    let allowed: boolean | undefined = false
    let answers: Answering[]
    try {
      ;({ answers, allowed } = await gate.run(call.connection, begin(call)))
    } finally {
      gate.judge(call.connection, allowed)
    }
    const answered = await Promise.all(answers)
    const body = answered.find((answer) => answer.body)?.body
    return { message: encodeReceipts(answered), ...(body && { body }) }
  }

  /** Begins all calls of a message, each as soon as it is decided, and says what the message proves: see `Gate.judge`. */
  function* begin(call: Call): Steps<{ answers: Answering[]; allowed: boolean | undefined }> {
    const message = yield* admitting(call.message, guard().bounds, memory)
    const decided: Result<Authorized>[] = []
    const answers: Answering[] = []
    for (const invocation of message.invocations) {
      yield
      const started = performance.now()
      const decision = yield* decide(invocation, message, call)
      decided.push(decision)
      answers.push(answerOne(invocation, decision, message, call, started))
    }
    const proves = decided.some(({ ok }) => ok && ok.bound.ability.authority !== 'open')
    return { answers, allowed: decided.every(({ ok }) => ok) ? proves || undefined : false }
  }

  /** Never throws: one call that can't be decided must not take the receipts of the others along. */
  function* decide(invocation: Ucan, message: Admitted, call: Call): Steps<Result<Authorized>> {
    try {
      return yield* message.checks.inSteps(() => authorize(invocation, message, guard()), gate.payer(call.connection, invocation))
    } catch (thrown) {
      return { error: refusalFor(invocation, thrown) }
    }
  }

  const answerOne = async (invocation: Ucan, decision: Result<Authorized>, message: Admitted, call: Call, started: number): Answering => {
    const { can } = invocation.capabilities[0] ?? { can: '' }
    const { receipt: block, refusal, body } = await perform(invocation, decision, message, call)
    metrics.called(guard().ability(can) ? can : 'unknown', refusal ?? 'ok', (performance.now() - started) / 1000)
    if (log.isLevelEnabled('debug')) {
      log.debug({ can, agent: invocation.issuer, invocation: textOf(invocation.cid), refusal, remote: call.remote }, 'a call was answered')
    }
    return { ran: invocation.cid, block, body }
  }

  /** Never throws, either. */
  const perform = async (invocation: Ucan, { ok, error }: Result<Authorized>, message: Admitted, call: Call): Promise<Signed> => {
    const sign = ({ out, body }: Outcome): Signed => ({
      receipt: issueReceipt(signer, invocation.cid, out),
      ...(out.error && { refusal: out.error.name }),
      ...(body && { body }),
    })
    try {
      if (error) return sign({ out: { error } })
      const route = ok.bound as Route
      const alone = mustStreamAlone(route, message.invocations.length)
      return sign(alone ?? (await dispatcher.run(route, ok, message, call, guard())))
    } catch (thrown) {
      return sign({ out: { error: refusalFor(invocation, thrown) } })
    }
  }

  const refusalFor = (invocation: Ucan, thrown: unknown): Refusal => {
    const error = toRefusal(thrown)
    if (error.name === 'Internal') log.error({ err: thrown, invocation: String(invocation.cid) }, 'a call could not be answered')
    return error
  }

  return door
}

/** A stream belongs to one call: with several, nobody could tell whose it is. */
const mustStreamAlone = ({ ability, can }: Route, invocations: number): Outcome | undefined =>
  ability.stream !== 'none' && invocations > 1
    ? { out: { error: { name: 'Unsupported', message: `"${can}" streams, so it has to be alone in its message.` } } }
    : undefined
