import type { Downloaded, Refused, Said, Tried } from './doors.ts'

/** A client of a service whose contract isn't at hand: what its abilities take and give is checked when it is called, and not before. */
export interface DynamicClient {
  // biome-ignore lint/suspicious/noExplicitAny: the compiler can't know a contract that is fetched
  readonly [ability: string]: any
}

declare const errors: unique symbol

/** What an ability of a generated client promises: its value. Which errors of its own it may be refused with, by their names, is for types alone. */
export type Promised<T, E = unknown> = Promise<T> & { readonly [errors]?: E }

/** The same client whose abilities answer `{ ok }` or `{ error }`, and throw only for bugs. */
export type TriedClient<T> = string extends keyof T
  ? T
  : {
      readonly [N in keyof T]: T[N] extends (...args: infer A) => Promised<infer O, infer E>
        ? (...args: A) => Promise<Tried<O extends Downloaded<unknown> ? O : { ok: O }, Refused | Said<E>>>
        : never
    }
