import {
  type Ability,
  type Answered,
  type Code,
  type Details,
  Failure,
  type Infer,
  type Input,
  type Output,
  type Refusal,
  type Service,
  toRefusal,
} from '@symbiosis/protocol'
import type { SymbiontCallOptions } from './calling.ts'

/** A refusal by one of the closed codes, told apart from a service's declared errors by its `name`. */
export interface Refused extends Details {
  name: Code
  message: string
}

/** The errors that an ability declares, each with what it says. */
type Declared<A extends Ability> = Said<{ [N in keyof A['errors'] & string]: Infer<A['errors'][N]> }>

/** Errors, by what each says. */
export type Said<E> = { [N in keyof E & string]: Flat<{ name: N; message: string } & E[N]> }[keyof E & string]

/** Has editors show the fields, and not how they were put together. */
type Flat<T> = { [K in keyof T]: T[K] } & {}

/** An answer with bytes behind it, for abilities that stream out. */
export interface Downloaded<T> {
  ok: T
  body: ReadableStream<Uint8Array>
}

export type Tried<T, E> = (T & { error?: undefined }) | { ok?: undefined; body?: undefined; error: E }

/** Abilities that stream in need a body, the others have none. */
type Options<A extends Ability> = Omit<SymbiontCallOptions, 'body'> &
  (A['stream'] extends 'in' ? { body: ReadableStream<Uint8Array> } : unknown)

type Arguments<A extends Ability> = A['stream'] extends 'in'
  ? [input: Input<A>, options: Options<A>]
  : Record<never, never> extends Input<A>
    ? [input?: Input<A>, options?: Options<A>]
    : [input: Input<A>, options?: Options<A>]

/** A service whose abilities throw a `Failure` where they are refused. */
export type Throwing<S extends Service> = {
  readonly [N in keyof S['abilities']]: (
    ...args: Arguments<S['abilities'][N]>
  ) => Promise<S['abilities'][N]['stream'] extends 'out' ? Downloaded<Output<S['abilities'][N]>> : Output<S['abilities'][N]>>
}

/** A service whose abilities answer `{ ok }` or `{ error }`, and throw only for bugs. */
export type Returning<S extends Service> = {
  readonly [N in keyof S['abilities']]: (
    ...args: Arguments<S['abilities'][N]>
  ) => Promise<
    Tried<
      S['abilities'][N]['stream'] extends 'out' ? Downloaded<Output<S['abilities'][N]>> : { ok: Output<S['abilities'][N]> },
      Refused | Declared<S['abilities'][N]>
    >
  >
}

/** Invokes an ability of a service. */
export type Invoke = (service: Service, name: string, input: object, options: SymbiontCallOptions) => Promise<Answered<unknown>>

export const throwingDoor = <S extends Service>(service: S, invoke: Invoke): Throwing<S> =>
  door(service, async (name, streams, input, options) => {
    const { ok, body, error } = opened(await invoke(service, name, input, options), streams)
    if (error) throw Failure.fromRefusal(error)
    return streams ? { ok, body } : ok
  }) as Throwing<S>

export const returningDoor = <S extends Service>(service: S, invoke: Invoke): Returning<S> =>
  door(service, async (name, streams, input, options) => {
    try {
      return opened(await invoke(service, name, input, options), streams)
    } catch (thrown) {
      if (thrown instanceof Failure) return { error: toRefusal(thrown) }
      throw thrown
    }
  }) as Returning<S>

type Opened = { ok?: unknown; body?: ReadableStream<Uint8Array>; error?: Refusal }

const opened = ({ result, body }: Answered<unknown>, streams: boolean): Opened => {
  if (result.error) return { error: result.error }
  if (!streams) return { ok: result.ok }
  if (!body) throw new Failure('Malformed', 'The host answered without the bytes that this ability streams.')
  return { ok: result.ok, body }
}

const door = (
  service: Service,
  run: (name: string, streams: boolean, input: object, options: SymbiontCallOptions) => Promise<unknown>,
): object => {
  const methods: { [name: string]: unknown } = Object.create(null)
  for (const [name, ability] of Object.entries(service.abilities)) {
    methods[name] = (input: object = {}, options: SymbiontCallOptions = {}) => run(name, ability.stream === 'out', input, options)
  }
  // Awaiting a door by mistake asks it for `then`: without a prototype and such an ability, it has none.
  return methods
}
