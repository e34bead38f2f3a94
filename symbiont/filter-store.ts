import type { DID } from '@symbiosis/protocol'
import type { LoggedFilter } from '@symbiosis/protocol/revocation'

/** A part of a filter, and that it is. */
export interface KeptShard {
  index: number
  bytes: Uint8Array
  proof: Uint8Array[]
}

/**
 * A host's filter as a device keeps it: just as the host gave it. So it is verified whenever it is used, whatever became of it meanwhile, and whoever has
 * it can convict the host where it is false.
 */
export interface KeptFilter {
  /** When the host was last asked, Unix seconds, whatever it said. */
  asked: number
  filter?: LoggedFilter
  shards: KeptShard[]
}

/**
 * Where a device keeps the filters of hosts, beside its wallet: they hold no secret, may be large, and can be fetched again. What can't be read is as if it
 * weren't there.
 */
export interface FilterStore {
  load(host: DID): Promise<KeptFilter | undefined>
  /** Applies a change to what is kept, whoever wrote it; undefined comes in where there is nothing, and nothing is kept where it goes out. */
  update(host: DID, change: (kept: KeptFilter | undefined) => KeptFilter | undefined): Promise<void>
}

/** Filters that end with the process. */
export const memoryFilters = (): FilterStore => {
  const filters = new Map<DID, KeptFilter>()
  return {
    load: async (host) => filters.get(host),
    update: async (host, change) => {
      const next = change(filters.get(host))
      if (next) filters.set(host, next)
      else filters.delete(host)
    },
  }
}
