import {
  type Admitted,
  type Authorized,
  type Call,
  type Context,
  type Failed,
  failed,
  type Guard,
  type Path,
  streamUntil,
  type Ucan,
  type Workspace,
} from '@symbiosis/protocol'
import type { KernelContext } from './kernel.ts'

/** What a call brings for its handler. */
interface Brought {
  readonly authorized: Authorized
  readonly message: Admitted
  readonly call: Call
  readonly guard: Guard
  /** Aborts when the host wants calls of this kind to end. */
  readonly end: AbortSignal
  workspace(): Workspace
  checking<T>(call: Call, message: Admitted, invocation: Ucan, run: () => T): Promise<T>
}

/** What a call without a stream holds; abilities that take one never see it. */
const NO_BODY = new ReadableStream<Uint8Array>({ start: (controller) => controller.close() })

/**
 * What a handler sees of its call. Everything is made when it is asked for: most handlers ask for little, and what they don't ask for would cost
 * more than they do. Methods may be taken off it, as off a plain object.
 */
export class CallContext implements Context, KernelContext {
  readonly #brought: Brought
  #workspace: Workspace | undefined
  #signal: AbortSignal | undefined
  readonly body: ReadableStream<Uint8Array>

  constructor(brought: Brought) {
    this.#brought = brought
    const { authorized, message, call } = brought
    // A stream has one reader. Where several calls came with one none takes it, and the first holds it.
    const body = message.invocations[0] === authorized.invocation ? call.body : undefined
    // At once, whether the handler asks for it or not: an upload that stands still must not hold up who closes, or wait for who has left.
    this.body = body ? streamUntil(body, this.signal) : NO_BODY
  }

  get space() {
    return this.#brought.authorized.space
  }

  get agent() {
    return this.#brought.authorized.invocation.issuer
  }

  get invocation() {
    return this.#brought.authorized.invocation.cid
  }

  get account() {
    return this.#brought.authorized.leases
  }

  get lapses() {
    return lapseOf(this.#brought.authorized.leasePaths)
  }

  get signal(): AbortSignal {
    this.#signal ??= AbortSignal.any([this.#brought.call.signal, this.#brought.end])
    return this.#signal
  }

  get get() {
    return this.#records.get
  }

  get list() {
    return this.#records.list
  }

  get holds() {
    return this.#records.holds
  }

  get commit() {
    return this.#records.commit
  }

  get fail() {
    return fail
  }

  get message() {
    return this.#brought.message
  }

  get proofs() {
    return this.#brought.authorized.invocation.proofs
  }

  get owner() {
    return this.#brought.authorized.owner
  }

  get guard() {
    return this.#brought.guard
  }

  get remote() {
    return this.#brought.call.remote
  }

  get origin() {
    return this.#brought.call.origin
  }

  get checking() {
    const { call, message, authorized, checking } = this.#brought
    return <T>(run: () => T): Promise<T> => checking(call, message, authorized.invocation, run)
  }

  get #records(): Workspace {
    this.#workspace ??= this.#brought.workspace()
    return this.#workspace
  }
}

const fail = (name: string, details: object, text?: string): Failed<never> => failed(name, details, text) as Failed<never>

/** When the last of some lease chains ends, Unix seconds; undefined of none. No lease outlives the one above it. */
export const lapseOf = (paths: readonly Path[]): number | undefined =>
  paths.length > 0 ? Math.max(...paths.map((path) => path.at(-1)?.expiration ?? 0)) : undefined
