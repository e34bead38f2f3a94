import type { Provided } from './provide.ts'

/** What a host that is told of a service by its package's name gives it. */
export interface ServicePlace {
  /** A folder of the service's own, for what it keeps beside its records. */
  readonly dir: string
}

/** What `./host` of a service's package exports as its default: by it a host opens a service that it has never heard of. */
export type OpenService = (place: ServicePlace) => Provided | Promise<Provided>
