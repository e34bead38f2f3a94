import type { Flat } from './flat.ts'
import { type Freshness, freshnessOf } from './freshness.ts'
import type { Infer, JsonSchema, Schema } from './schema.ts'

/**
 * A service contract: the one definition from which follow the types of call and handler, the closed validator, the typed
 * client, the ucanto capability and what a host's owner reads when asked.
 */
export interface Service<A extends Abilities = Abilities, L extends Limits = Limits> {
  readonly id: string
  readonly rev: number
  /** One sentence for the owner who is asked. */
  readonly about: string
  readonly limits: L
  readonly abilities: A
}

/** The abilities of a service, by name: `add` of `pin` is `pin/add`. */
export type Abilities = { readonly [name: string]: Ability }
/** The limits of a service, by name. */
export type Limits = { readonly [name: string]: Limit }

/**
 * - `open`: the space itself, or whom it delegated to, is enough
 * - `leased`: that, and a lease from the host to the space
 * - `operator`: the host's own delegation, `with` the host's DID
 */
export type Authority = 'open' | 'leased' | 'operator'

/**
 * - `read`: changes nothing
 * - `idempotent`: twice is as good as once
 * - `once`: an invocation runs once however often it arrives, and a replay gets the first answer
 */
export type Effect = 'read' | 'idempotent' | 'once'

/** Bytes beside the answer: `in` goes to the host, `out` comes from it. */
export type Streaming = 'none' | 'in' | 'out'

/** One ability: its shapes, and what a caller and a host may assume of it. Made by `ability`. */
export interface Ability<N = unknown, O = unknown, E extends Errors = Errors, T extends Streaming = Streaming> {
  readonly about: string
  readonly authority: Authority
  readonly effect: Effect
  readonly nb: Schema<N>
  readonly ok: Schema<O>
  /** Errors of the service's own, by name, and the shape of what each one says. */
  readonly errors: E
  readonly stream: T
  /** How recently the logs that speak for a call must have been heard of. */
  readonly freshness: Freshness
}

/** Declared errors, by name, each with the shape of what it says beside the message. */
export type Errors = { readonly [name: string]: Schema<unknown> }

/** An amount that a lease may bound. */
export interface Limit {
  readonly kind: 'max'
  readonly about: string
  readonly unit: 'bytes' | 'count'
  /** What an owner grants who names no amount. */
  readonly default: number
}

/** Makes limits. */
export const limit = {
  /** The most that may be held at one time: reserved before it's used, given back by removal. */
  max: (about: string, options: { unit?: 'bytes' | 'count'; default: number }): Limit => ({
    kind: 'max',
    about,
    unit: 'count',
    ...options,
  }),
}

/**
 * Defines an ability.
 * @throws TypeError for one that runs once and streams out
 */
export const ability = <
  N extends object,
  O extends object,
  const E extends Errors = Record<never, never>,
  const T extends Streaming = 'none',
>(definition: {
  about: string
  nb: Schema<N>
  ok: Schema<O>
  effect: Effect
  authority?: Authority
  errors?: E
  stream?: T
  freshness?: Freshness
  // Inside of `service` the compiler would else take what is left out for any error and any stream, and hold nobody to it.
}): Ability<N, O, Flat<NoInfer<E>>, NoInfer<T>> => {
  // A replay gets the stored answer, and a stream can't be stored.
  if (definition.effect === 'once' && definition.stream === 'out') throw new TypeError('An ability that runs once can not stream out.')
  // A refusal has its own fields of these names, and what a service says under them would be lost.
  for (const [error, { properties = {} }] of Object.entries(definition.errors ?? {})) {
    const taken = ['name', 'message'].find((field) => Object.hasOwn(properties, field))
    if (taken) throw new TypeError(`The error ${error} can't have a field "${taken}": every refusal has one.`)
  }
  const { authority = 'leased', stream = 'none' as T, errors = {} as E } = definition
  return { ...definition, authority, stream, errors, freshness: freshnessOf({ ...definition, authority }) }
}

/** Whether a text can be the id of a service, or the name of an ability: safe to stand in commands, paths and code. */
export const isServiceId = (text: string): boolean => ID.test(text) && !RESERVED.has(text)
export const isAbilityName = (text: string): boolean => /^[a-z][a-zA-Z0-9]*$/.test(text)

const ID = /^[a-z][a-z0-9-]*$/
/** Words that mean something else in an ability. */
const RESERVED = new Set(['lease'])

/**
 * Defines a service. `id` and the names of abilities make up `can`: `pin` and `add` are `pin/add`.
 * @throws TypeError for a name that isn't lower-case letters, digits and dashes
 */
export const service = <const A extends Abilities, const L extends Limits = Record<never, never>>(
  id: string,
  definition: { rev: number; about: string; limits?: L; abilities: A },
): Service<A, L> => {
  if (!isServiceId(id)) throw new TypeError(`"${id}" can't be the id of a service.`)
  for (const name of Object.keys(definition.abilities)) {
    if (!isAbilityName(name)) throw new TypeError(`"${name}" can't be the name of an ability.`)
  }
  return { id, rev: definition.rev, about: definition.about, limits: definition.limits ?? ({} as L), abilities: definition.abilities }
}

/** `can` of an ability on the wire, where UCAN has lower case only. */
export const canOf = (serviceId: string, name: string): string => `${serviceId}/${name}`.toLowerCase()

/** What an ability takes, as the type of its `nb`. */
export type Input<A extends Ability> = Infer<A['nb']>
/** What an ability answers, as the type of its `ok`. */
export type Output<A extends Ability> = Infer<A['ok']>

const limitsSchemas = new WeakMap<Limits, JsonSchema>()

/** The shape of a lease's `nb`: the service's limits, each optional. */
export const limitsSchema = (limits: Limits): JsonSchema => {
  let schema = limitsSchemas.get(limits)
  if (!schema) {
    const properties = Object.fromEntries(Object.keys(limits).map((name) => [name, { type: 'integer', minimum: 0 } as const]))
    schema = { type: 'object', properties, required: [], additionalProperties: false }
    limitsSchemas.set(limits, schema)
  }
  return schema
}
