import type { CID } from 'multiformats/cid'
import type { Value } from './cbor.ts'
import type { Ability, Input, Limits, Output, Service } from './contract.ts'
import { CODES, Failure } from './failure.ts'
import type { Amounts, Edge } from './lease.ts'
import type { DID } from './principal.ts'
import type { Infer } from './schema.ts'

/**
 * The host's half of a service. Handlers see one space at a time, and keep what they keep through `commit`: what it wrote is durable when it
 * resolves, and an answer is sent only after.
 */
export interface Provided {
  readonly service: Service
  readonly handlers: { readonly [name: string]: Handler }
  readonly hooks: Hooks
}

export type Handler = (input: never, context: never) => unknown

/** What a service does beside answering. All of it is optional. */
export interface Hooks {
  /** Called once before the first call, after a crash too: take up what was left undone. */
  open?(environment: Environment): void | Promise<void>
  /** Called on the way down where `open` had come to its end; what `Environment.signal` aborted is awaited here. */
  close?(): Promise<void>
  /** Called after a commit in which a space came to hold a root, by whichever service. What it throws goes to the operator's log, and to no caller. */
  held?(space: DID, root: CID): void | Promise<void>
  /**
   * What garbage collection must leave, beyond what spaces hold: `Environment.every` has the records to list it from. It is read before what is
   * held, so one commit may turn what was kept into what is held, and never the other way round: a collection could see it in neither.
   */
  keep?(): AsyncIterable<Kept>
}

/** A block that stays; with `deep`, so do all below it. */
export interface Kept {
  readonly cid: CID
  readonly deep: boolean
}

/** What a service may use beside its calls. */
export interface Environment {
  /** The service's records of one space; `account` is charged by what it reserves. */
  space(space: DID, account?: Account): Workspace
  /** The service's records under a key prefix, of every space, in the order of their keys. */
  every(prefix: string): AsyncIterable<{ space: DID; key: string; value: Value }>
  /** Unix seconds. */
  now(): number
  /** Aborts when the host closes. */
  readonly signal: AbortSignal
  /** Notes for the operator's log. Never give it keys, leases or delegations. */
  log(message: string, fields?: Record<string, unknown>): void
}

/** Whom usage counts against: the lease chains of the call that began it, each from the host down. Plain data, fit to be kept. */
export type Account = readonly (readonly Edge[])[]

/** What was reserved and where; keep it beside what it pays for, and give it back to `adjust`. A type, since the compiler takes no interface for a `Value`. */
export type Charge = {
  readonly edges: readonly Edge[]
  readonly amounts: Amounts
}

/** The records of one service for one space. Keys are text, values anything that DAG-CBOR holds. */
export interface Records {
  get(key: string): Promise<Value | undefined>
  /** In the order of the keys. */
  list(options?: { prefix?: string; after?: string; limit?: number }): Promise<{ key: string; value: Value }[]>
  /** The root's state if this space holds it, by whichever service. */
  holds(root: CID): Promise<{ complete: boolean } | undefined>
}

/** `L` names the limits that may be reserved; a contract's handlers get those that it declares. */
export interface Workspace<L extends string = string> extends Records {
  /**
   * Runs `change` in a transaction and resolves when it is on disk. What `change` throws undoes all of it. Await nothing in it but the
   * transaction: the whole host waits meanwhile.
   */
  commit<T>(change: (tx: Transaction<L>) => Promise<T>): Promise<T>
}

export interface Transaction<L extends string = string> extends Records {
  put(key: string, value: Value): Promise<void>
  delete(key: string): Promise<void>
  /**
   * Counts amounts against every lease of the first chain that has room for all of them.
   * @throws Failure LimitExceeded, with `limit`, `used`, `asked` of the chain that came nearest
   */
  reserve<N extends L>(amounts: { readonly [limit in N]: number }): Promise<Charge>
  /** Changes what a charge amounts to; growing may throw LimitExceeded, shrinking never does. */
  adjust<N extends L>(charge: Charge, amounts: { readonly [limit in N]: number }): Promise<Charge>
  /**
   * From here on the space holds the root, through this service: it may be read by the space through every service, and garbage collection leaves
   * what is here below it. `complete` says that all of it is here; say so only of what the space itself brought, or had fetched, since services give a
   * space whatever it holds. A service holds a root once for a space, however many of its records name it.
   */
  hold(root: CID, options?: { complete?: boolean }): Promise<void>
  unhold(root: CID): Promise<void>
}

/** What a handler is given beside its input. */
export interface Context<A extends Ability = Ability, L extends string = string> extends Workspace<L> {
  readonly space: DID
  /** Who called: a device or app of the space's. */
  readonly agent: DID
  /** CID of the invocation; it names the call in receipts and logs. */
  readonly invocation: CID
  /** Whom usage counts against; keep it where work goes on after the answer. */
  readonly account: Account
  /** When the lease that lets the call in ends, Unix seconds: what goes on after the answer should end then. Undefined where none is needed. */
  readonly lapses: number | undefined
  /** Aborts when the caller goes away or the host closes. */
  readonly signal: AbortSignal
  /** What the caller streams, for abilities that declare `stream: 'in'`. */
  readonly body: ReadableStream<Uint8Array>
  /** An error that the contract declares, as the answer. */
  fail<N extends keyof A['errors'] & string>(name: N, details: Infer<A['errors'][N]>, message?: string): Failed<N>
}

declare const FAILED: unique symbol
/** A declared error on its way out. */
export interface Failed<N extends string = string> {
  readonly [FAILED]?: N
  readonly failure: Failure
}

/** An answer with a stream behind it, for abilities that declare `stream: 'out'`. */
export interface Streamed<T> {
  readonly ok: T
  readonly body: ReadableStream<Uint8Array>
}

type Said<A extends Ability> = A['stream'] extends 'out' ? Streamed<Output<A>> : Output<A>
type Answer<T, E extends string> = T | Failed<E>

/** A handler for each ability of a contract, held to its types. */
export type Handlers<S extends Service> = {
  readonly [N in keyof S['abilities']]: (
    input: Input<S['abilities'][N]>,
    context: Context<S['abilities'][N], keyof S['limits'] & string>,
  ) =>
    | Answer<Said<S['abilities'][N]>, keyof S['abilities'][N]['errors'] & string>
    | Promise<Answer<Said<S['abilities'][N]>, keyof S['abilities'][N]['errors'] & string>>
}

/**
 * Puts handlers behind a contract. The compiler holds them to it; at run time so does the host.
 * @throws TypeError for an error that is called like a code of the closed list: whoever reads a refusal could not tell whose it is
 */
export const provide = <const S extends Service>(contract: S, handlers: NoInfer<Handlers<S>>, hooks: Hooks = {}): Provided => {
  for (const { errors } of Object.values(contract.abilities)) {
    const taken = CODES.find((code) => Object.hasOwn(errors, code))
    if (taken) throw new TypeError(`The service ${contract.id} can't have an error "${taken}": every host refuses by that code.`)
  }
  return { service: contract, handlers: handlers as Provided['handlers'], hooks }
}

/** A declared error as an answer, for what has no context at hand; handlers have `fail`. */
export const failed = (name: string, details: object, message: string = name): Failed => ({
  failure: new Failure(name, message, { ...details }),
})

/** What an owner grants who names no amount. */
export const defaultAmounts = (limits: Limits): Amounts =>
  Object.fromEntries(Object.entries(limits).map(([name, { default: amount }]) => [name, amount]))
