import type { Blocks, Routing } from './engine.ts'
import type { Provided } from './provide.ts'

/** What a host gives a service as it opens it: the same to each, whoever wrote it. What a service keeps for spaces it keeps in its records and in `blocks`. */
export interface ServicePlace {
  /** A folder of the service's own, for what it keeps beside its records. */
  readonly dir: string
  /** The blocks of the host. What a service reads of them for a space is its own to decide: see `Blocks`. */
  readonly blocks: Blocks
  /** How the host finds its way on a network, where it takes part in one. */
  readonly routing?: Routing
}

/**
 * What `./host` of a service's package exports as its default: by it a host opens a service that it has never heard of. What runs by itself begins
 * in `Hooks.open`, which comes when all services are there: a host that can't open one of them doesn't start.
 */
export type OpenService = (place: ServicePlace) => Provided | Promise<Provided>
