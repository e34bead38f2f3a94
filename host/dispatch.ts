import {
  type Admitted,
  type Authorized,
  type Bound,
  type Call,
  CLOCK_SKEW,
  type Context,
  canOf,
  check,
  type Failed,
  Failure,
  type Guard,
  type Hooks,
  type Provided,
  type Refusal,
  type Result,
  STREAM_TYPE,
  type Streamed,
  toRefusal,
  type Ucan,
} from '@symbiosis/protocol'
import { CallContext } from './context.ts'
import type { Cuts } from './cuts.ts'
import type { Store, StoreTransaction } from './store/store.ts'
import { workspaceOf } from './workspace.ts'

/** An ability with the handler behind it. */
export interface Route extends Bound {
  readonly handler: (input: unknown, context: Context) => unknown
}

/** Dispatch by full ability over a map without a prototype: `pin/constructor` finds nothing. */
export const routesOf = (services: readonly Provided[]): ReadonlyMap<string, Route> => {
  const routes = new Map<string, Route>()
  const ids = new Set<string>()
  for (const { service, handlers } of services) {
    // They would share records and usage, and what is delegated of the one would be the other's.
    if (ids.has(service.id)) throw new Failure('InvalidInput', `Two services are called ${service.id}.`, { field: service.id })
    ids.add(service.id)
    for (const [name, ability] of Object.entries(service.abilities)) {
      const can = canOf(service.id, name)
      const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined
      if (!handler) throw new TypeError(`The service ${service.id} has no handler for ${name}.`)
      if (routes.has(can)) throw new TypeError(`Two abilities are called ${can}.`)
      routes.set(can, { can, name, service, ability, handler: handler as Route['handler'] })
    }
  }
  return routes
}

export interface Outcome {
  readonly out: Result<unknown, Refusal>
  readonly body?: ReadableStream<Uint8Array>
}

interface Parts {
  readonly store: Store
  readonly cuts: Cuts
  /** Aborts when the host begins to close, and when its patience is over. */
  readonly closing: AbortSignal
  readonly aborting: AbortSignal
  onHeld: NonNullable<Hooks['held']>
  /** Runs what asks for signatures: in turns with others' where the caller is a stranger, and at the cost of the invocation's issuer. */
  checking<T>(call: Call, message: Admitted, invocation: Ucan, run: () => T): Promise<T>
  /** Where what a handler throws beyond refusals is told, for the operator alone. */
  unexpected(error: unknown, can: string): void
}

/** Kind of the stored answers of `once` calls. */
const ANSWERED = 'answered'

/** The last steps of a call: replay, limits (by the handler's reservations), handler, answer. */
export class Dispatcher {
  readonly #parts: Parts
  readonly #running = new Map<string, Promise<Outcome>>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Runs what was authorized; never throws. */
  run(route: Route, authorized: Authorized, message: Admitted, call: Call, guard: Guard): Promise<Outcome> {
    if (route.ability.stream === 'none') return this.#run(route, authorized, message, call, guard)
    return this.#parts.cuts.run(authorized, (cut) => this.#run(route, authorized, message, call, guard, cut))
  }

  #run(route: Route, authorized: Authorized, message: Admitted, call: Call, guard: Guard, cut?: AbortSignal): Promise<Outcome> {
    const { store, onHeld, closing, aborting, checking } = this.#parts
    const once = route.ability.effect === 'once'
    const also = async (tx: StoreTransaction, value: unknown): Promise<void> => {
      if (once && !isFailed(value)) await keepAnswer(tx, authorized, { ok: value })
    }
    // Reads end when the host begins to close, since they can be had again; what changes something is given the time it needs.
    const end = route.ability.effect === 'read' ? closing : aborting
    const context = new CallContext({
      authorized,
      message,
      call,
      guard,
      end: cut ? AbortSignal.any([end, cut]) : end,
      workspace: () => workspaceOf(store, route.service.id, authorized.space, authorized.leases, onHeld, also),
      checking,
    })
    const start = () => this.#answer(route, authorized, context, call)
    return once ? this.#once(authorized, start) : start()
  }

  /**
   * One run however often it comes: at once, again, or after a restart. What the handler's commit resolves to is the answer, kept in the
   * transaction of its effect; so no crash leaves an effect without its answer.
   */
  async #once(authorized: Authorized, start: () => Promise<Outcome>): Promise<Outcome> {
    const { store } = this.#parts
    const name = String(authorized.invocation.cid)
    const answered = async () => {
      const out = (await store.get(ANSWERED, authorized.space, name)) as unknown as Result<unknown, Refusal> | undefined
      return out && { out }
    }
    const first = async () => {
      const outcome = (await answered()) ?? (await start())
      const kept = await answered()
      if (!kept && isFinal(outcome)) await store.write((tx) => keepAnswer(tx, authorized, outcome.out))
      return kept ?? outcome
    }
    let running = this.#running.get(name)
    if (!running) {
      running = first().finally(() => this.#running.delete(name))
      this.#running.set(name, running)
    }
    return running
  }

  async #answer(route: Route, authorized: Authorized, context: CallContext, call: Call): Promise<Outcome> {
    const { ability, can } = route
    try {
      if (ability.stream === 'in' && !call.body) throw notStreamed(can, 'takes')
      // HTTP carries a stream one way at a time, and what works on one channel works on all.
      if (ability.stream === 'out' && call.body) throw streamsBack(can)
      if (ability.stream === 'out' && !call.streams) throw notStreamed(can, 'sends')
      const answer = await route.handler(authorized.input, context)
      if (isFailed(answer)) return { out: { error: declared(route, answer.failure.toRefusal()) } }
      const { ok, body } = ability.stream === 'out' ? (answer as Streamed<unknown>) : { ok: answer, body: undefined }
      const mismatch = check(ability.ok, ok)
      if (mismatch) throw new Error(`${can} answered against its contract: ${mismatch.path} ${mismatch.message}`)
      return { out: { ok }, ...(body && { body }) }
    } catch (thrown) {
      const error = toRefusal(thrown)
      if (error.name === 'Internal') this.#parts.unexpected(thrown, can)
      return { out: { error } }
    }
  }
}

const keepAnswer = (tx: StoreTransaction, { space, invocation }: Authorized, out: Result<unknown, Refusal>): Promise<void> =>
  tx.put(ANSWERED, space, String(invocation.cid), out as never, { expires: (invocation.expiration ?? 0) + CLOCK_SKEW + 1 })

/** Whether another try could not end better: those answers are what replays get, too. */
const isFinal = ({ out }: Outcome): boolean =>
  !out.error || !['Internal', 'Unavailable', 'Cancelled', 'RateLimited'].includes(out.error.name)

const isFailed = (answer: unknown): answer is Failed => (answer as Failed | undefined)?.failure instanceof Failure

/** A declared error in its declared shape; another one is a mistake of the service's. */
const declared = ({ can, ability }: Route, error: Refusal): Refusal => {
  const shape = Object.hasOwn(ability.errors, error.name) ? ability.errors[error.name] : undefined
  const { name: _, message: __, ...details } = error
  const mismatch = shape ? check(shape, details) : { path: error.name, message: 'is not declared' }
  if (mismatch) throw new Error(`${can} failed against its contract: ${mismatch.path} ${mismatch.message}`)
  return error
}

const streamsBack = (can: string): Failure =>
  new Failure('Unsupported', `"${can}" sends a stream and takes none, and the call has one.`, { hint: 'Send the message alone.' })

const notStreamed = (can: string, does: string): Failure =>
  new Failure('Unsupported', `"${can}" ${does} a stream, and the call has none.`, {
    supported: [STREAM_TYPE],
    hint: `Over HTTP, send or accept ${STREAM_TYPE}.`,
  })
