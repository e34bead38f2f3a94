import {
  type Admitted,
  type Answer,
  type Authorized,
  admitting,
  authorize,
  type Bounds,
  BrokenOff,
  type Call,
  type DID,
  type Door,
  Failure,
  finish,
  type Guard,
  isAbort,
  type LocalSigner,
  type Refusal,
  ReplyWriter,
  type Result,
  type Steps,
  streamTelling,
  textOf,
  toRefusal,
  type Ucan,
  type UcanMemory,
  Undecided,
} from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import { decided, orUndecided } from './deciding.ts'
import type { Dispatcher, Outcome, Route } from './dispatch.ts'
import { isFamiliar } from './familiar.ts'
import type { Gate } from './gate.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

interface Parts {
  readonly signer: LocalSigner
  readonly bounds: Bounds
  /** What decides, as of now. */
  guard(): Guard
  readonly memory: UcanMemory
  readonly gate: Gate
  /** Whether it is a host that this one's operator has named: one that is followed, or a witness. It is no stranger, whatever it asks. */
  isPeer(did: DID): boolean
  readonly dispatcher: Dispatcher
  readonly metrics: Metrics
  readonly log: Log
  /** Told of each call that runs: the logs that it depends on may be due. */
  hearAgain(authorized: Authorized): void
  /** Decisions of one call at the most, where each lacks something that has to be had first. */
  readonly maxDecisions: number
  /** Aborts when the host begins to close. */
  readonly closing: AbortSignal
}

/** A call on its way to its outcome. */
type Answering = Promise<Outcome & { readonly ran: CID }>

/** A call that was decided, and is on its way. */
interface Begun {
  readonly decision: Result<Authorized>
  readonly answer: Answering
}

/** Receipts that are signed without another turn: about half a millisecond. */
const SIGNED_AT_ONCE = 4

/** The door of a host: admission, then for each invocation the pipeline; one receipt each. */
export const answering = (parts: Parts): Door => {
  const { signer, bounds, guard, memory, gate, isPeer, dispatcher, metrics, log, maxDecisions, closing } = parts
  const replies = new ReplyWriter(signer)

  const door = async (call: Call): Promise<Answer> => {
    if (closing.aborted) throw shuttingDown()
    const familiar = () => isFamiliar(call.message, bounds, memory, signer.did, guard().revocations)
    const { answers } = await gate.run(call.connection, begin(call), { judge: ({ allowed }) => allowed, familiar })
    // None of them ever fails, so none is left alone while another is waited for.
    const answered = []
    for (const answer of answers) answered.push(await answer)
    const streamed = answered.find((answer) => answer.body)
    const message =
      answered.length <= SIGNED_AT_ONCE
        ? finish(signing(answered, replies))
        : await gate.run(call.connection, signing(answered, new ReplyWriter(signer)))
    if (!streamed?.body) return { message }
    return { message, body: streamTelling(streamed.body, (thrown) => brokenOff(streamed.ran, thrown)) }
  }

  /** Why a stream ends before its time is signed, as its beginning was. */
  const brokenOff = (ran: CID, thrown: unknown): BrokenOff => {
    const error = refusalFor(ran, closing.aborted && isAbort(thrown) ? shuttingDown() : thrown)
    return new BrokenOff(finish(signing([{ ran, out: { error } }], replies)))
  }

  /** One receipt for each. */
  function* signing(answered: readonly Awaited<Answering>[], into: ReplyWriter): Steps<Uint8Array> {
    into.clear()
    for (const { ran, out } of answered) {
      try {
        into.add(ran, out)
      } catch (thrown) {
        into.add(ran, { error: refusalFor(ran, thrown) })
      }
      yield
    }
    return into.finish()
  }

  /** Begins all calls of a message, each as soon as it is decided, and says what the message proves: see `Gate.run`. */
  function* begin(call: Call): Steps<{ answers: Answering[]; allowed: boolean | undefined }> {
    const message = yield* admitting(call.message, bounds, memory)
    const decisions: Result<Authorized>[] = []
    const answers: Answering[] = []
    for (const invocation of message.invocations) {
      yield
      const started = performance.now()
      const begun = yield* beginOne(invocation, message, call, started)
      if (begun instanceof Undecided) {
        answers.push(beginAgain(begun, invocation, message, call, started))
        continue
      }
      decisions.push(begun.decision)
      answers.push(begun.answer)
    }
    return { answers, allowed: verdictOn(decisions) }
  }

  /** What it was good for that a message came: see `Gate.run`. What is decided later is judged then. */
  const verdictOn = (decisions: readonly Result<Authorized>[]): boolean | undefined => {
    const proves = decisions.some(({ ok }) => ok && (ok.bound.ability.authority !== 'open' || isPeer(ok.space)))
    return decisions.every(({ ok }) => ok) ? proves || undefined : false
  }

  /** Begins a call in the turn in which it is decided: what is revoked from then on finds it under way. */
  function* beginOne(invocation: Ucan, message: Admitted, call: Call, started: number): Steps<Begun | Undecided> {
    const decision = yield* decide(invocation, message, call)
    return decision instanceof Undecided ? decision : { decision, answer: answerOne(invocation, decision, message, call, started) }
  }

  /** Never throws: one call that can't be decided must not take the receipts of the others along. */
  function* decide(invocation: Ucan, message: Admitted, call: Call): Steps<Result<Authorized> | Undecided> {
    try {
      const deciding = message.checks.inSteps(() => authorize(invocation, message, guard()), gate.payer(call.connection, invocation))
      return yield* orUndecided(deciding)
    } catch (thrown) {
      return { error: refusalFor(invocation.cid, thrown) }
    }
  }

  /** Never throws, either. */
  const beginAgain = async (first: Undecided, invocation: Ucan, message: Admitted, call: Call, started: number): Answering => {
    const judge = (begun: Begun | Undecided) => (begun instanceof Undecided ? undefined : verdictOn([begun.decision]))
    const again = () => gate.run(call.connection, beginOne(invocation, message, call, started), { judge })
    try {
      const { answer } = await decided(first, again, { most: maxDecisions, signal: AbortSignal.any([call.signal, closing]) })
      return await answer
    } catch (thrown) {
      return answerOne(invocation, { error: refusalFor(invocation.cid, thrown) }, message, call, started)
    }
  }

  /** Never throws. */
  const answerOne = async (
    invocation: Ucan,
    { ok, error }: Result<Authorized>,
    message: Admitted,
    call: Call,
    started: number,
  ): Answering => {
    const ran = invocation.cid
    let outcome: Outcome
    try {
      outcome = error ? { out: { error } } : await run(ok, message, call)
    } catch (thrown) {
      outcome = { out: { error: refusalFor(ran, thrown) } }
    }
    const { out, body } = outcome
    const { can } = invocation.capabilities[0] ?? { can: '' }
    metrics.called(ok || guard().ability(can) ? can : 'unknown', out.error?.name ?? 'ok', (performance.now() - started) / 1000)
    if (log.isLevelEnabled('debug')) {
      log.debug(
        { can, agent: invocation.issuer, invocation: textOf(ran), refusal: out.error?.name, remote: call.remote },
        'a call was answered',
      )
    }
    return { ran, out, ...(body && { body }) }
  }

  const run = (authorized: Authorized, message: Admitted, call: Call): Promise<Outcome> | Outcome => {
    const route = authorized.bound as Route
    parts.hearAgain(authorized)
    return mustStreamAlone(route, message.invocations.length) ?? dispatcher.run(route, authorized, message, call, guard())
  }

  const refusalFor = (ran: CID, thrown: unknown): Refusal => {
    const error = toRefusal(thrown)
    if (error.name === 'Internal') log.error({ err: thrown, invocation: String(ran) }, 'a call could not be answered')
    return error
  }

  return door
}

const shuttingDown = (): Failure => new Failure('Unavailable', 'The host is shutting down.', { retryAfter: 5 })

/** A stream belongs to one call: with several, nobody could tell whose it is. */
const mustStreamAlone = ({ ability, can }: Route, invocations: number): Outcome | undefined =>
  ability.stream !== 'none' && invocations > 1
    ? { out: { error: { name: 'Unsupported', message: `"${can}" streams, so it has to be alone in its message.` } } }
    : undefined
