import type { CID } from 'multiformats/cid'
import type { Authority, Effect, Limit, Streaming } from '../contract.ts'
import type { DID } from '../principal.ts'
import { choice, dictionary, type Infer, int, type JsonSchema, link, list, optional, struct, text } from '../schema.ts'

/** The version that is written and read here. What this one lacks, also a field more, is of another. */
export const VERSION = 1

/** For people, but for `maxLease`. */
export const terms = struct({
  price: optional(text({ maxLength: 256 })),
  /** How long what is kept stays when a lease has ended. */
  retention: optional(text({ maxLength: 256 })),
  region: optional(text({ maxLength: 64 })),
  latency: optional(choice('machine', 'network', 'internet')),
  /** The longest lease, in seconds. */
  maxLease: optional(int({ min: 1 })),
})

/** What a host says of a service beyond its contract. */
export type Terms = Infer<typeof terms>

/** How old what a host knows of revocations may be, in seconds: past `fresh` it asks again, past `stale` it refuses. Without one there is no such bound. */
export const freshness = struct({ fresh: optional(int()), stale: optional(int()) })

/** The block that all begins with. Services are blocks of their own: one that stays as it was keeps its CID, whatever changes beside it. */
export const rootShape = struct({
  v: int({ min: VERSION, max: VERSION }),
  host: text({ maxLength: 128 }),
  seq: int({ min: 1 }),
  prev: optional(link()),
  log: struct({
    key: text({ maxLength: 256, description: 'What signs its checkpoints, as a C2SP verifier key; its name is the origin' }),
    filters: optional(struct({ every: int({ min: 1, description: 'Seconds' }), kept: int() })),
  }),
  endpoints: list(text({ maxLength: 512 }), { maxItems: 64 }),
  services: dictionary(link(), { maxProperties: 1024 }),
})

/** What stands in a root. */
export interface ManifestRoot {
  readonly v: typeof VERSION
  readonly host: DID
  /** Higher in each manifest than in the one before. */
  readonly seq: number
  /** The root before this one. */
  readonly prev?: CID
  readonly log: Infer<typeof rootShape>['log']
  /** Addresses, as symbionts pair with. */
  readonly endpoints: readonly string[]
  readonly services: { readonly [id: string]: CID }
}

/** A service as its block has it: its contract, and the host's terms. */
export interface ServiceDescription {
  readonly id: string
  readonly rev: number
  readonly about: string
  /** By `can`. */
  readonly abilities: { readonly [can: string]: AbilityDescription }
  readonly limits: { readonly [name: string]: Limit }
  readonly terms: Terms
}

/** An ability as its service's block has it. */
export interface AbilityDescription {
  /** As the contract spells it: `can` is lower case. */
  readonly name: string
  readonly about: string
  readonly authority: Authority
  readonly effect: Effect
  readonly stream: Streaming
  readonly nb: JsonSchema
  readonly ok: JsonSchema
  readonly errors: { readonly [name: string]: JsonSchema }
  readonly freshness?: Infer<typeof freshness>
}

/** What of a service is no schema itself. */
export const serviceShape = struct({
  id: text({ maxLength: 64 }),
  rev: int({ min: 1 }),
  about: text(),
  limits: dictionary(struct({ kind: choice('max'), about: text(), unit: choice('bytes', 'count'), default: int() }), { maxProperties: 64 }),
  terms,
})

export const abilityShape = struct({
  name: text({ maxLength: 64 }),
  about: text(),
  authority: choice('open', 'leased', 'operator'),
  effect: choice('read', 'idempotent', 'once'),
  stream: choice('none', 'in', 'out'),
  freshness: optional(freshness),
})
