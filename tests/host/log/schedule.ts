import fc from 'fast-check'
import type { Death } from './mortal-store.ts'
import type { Tide } from './tide.ts'

export const HOSTS = 3
const DELEGATIONS = 4

/** What happens to some hosts, in its order. Numbers are of hosts and delegations. */
export type Event =
  | { readonly do: 'revoke'; readonly at: number; readonly what: number; readonly killed?: Death }
  | { readonly do: 'call'; readonly at: number; readonly what: number; readonly can: Tide; readonly killed?: Death }
  /** The next answer of one host to another is under way for so many seconds, and somebody revokes there meanwhile. */
  | { readonly do: 'delay'; readonly what: number; readonly seconds: number }
  | { readonly do: 'cut'; readonly between: readonly [number, number] }
  | { readonly do: 'heal' }
  | { readonly do: 'pass'; readonly seconds: number }
  /** A clock is set so many seconds off. */
  | { readonly do: 'set'; readonly at: number; readonly off: number }
  | { readonly do: 'crash'; readonly at: number; readonly off: number }

const host = fc.nat(HOSTS - 1)
const what = fc.nat(DELEGATIONS - 1)
const can = fc.constantFrom<Tide>('now', 'soon', 'soon', 'today', 'today', 'blind')
const killed = fc.constantFrom<Death>('before', 'after')
/** Clocks that are right as far as clocks are: two of them differ by 60 s at the most. */
const right = fc.integer({ min: -30, max: 30 })
const wrong = fc.constantFrom(-7200, -3600, -600, -90, 90, 600, 3600, 7200)
/** Around the bounds that abilities have. */
const seconds = fc.constantFrom(1, 30, 59, 60, 61, 119, 120, 121, 299, 301, 1800, 3599, 3600, 3601, 7200)

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 40, arbitrary: fc.record({ do: fc.constant('call' as const), at: host, what, can }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('revoke' as const), at: host, what }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('revoke' as const), at: host, what, killed }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('call' as const), at: host, what, can, killed }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delay' as const), what, seconds }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('cut' as const), between: fc.tuple(host, host) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('heal' as const) }) },
  { weight: 20, arbitrary: fc.record({ do: fc.constant('pass' as const), seconds }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('set' as const), at: host, off: fc.oneof(right, wrong) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('crash' as const), at: host, off: right }) },
)

export const schedule: fc.Arbitrary<readonly Event[]> = fc.array(event, { minLength: 6, maxLength: 40 })
