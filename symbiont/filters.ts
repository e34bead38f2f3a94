import { type DID, Failure, type Refusal, toRefusal } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import { fetchFilter } from './filter-fetching.ts'
import { type FilterStore, type KeptFilter, memoryFilters } from './filter-store.ts'
import { HeldFilter } from './held-filter.ts'
import { callerTo, type Self } from './self.ts'
import { type Verified, type VerifyOptions, verify } from './verifying.ts'
import type { KeptHost } from './wallet.ts'

/** What became of asking one host for its filter. */
export interface Refreshed {
  host: DID
  name: string
  /** What is at hand now: how many entries of the host's log it is of, as of when (Unix seconds), and how many shards of all. */
  filter?: { size: number; time: number; shards: number; of: number }
  error?: Refusal
}

export interface FiltersOptions {
  /** Where they are kept. Unless given they end with the process, and are fetched when that is asked for only. */
  store?: FilterStore | undefined
  /** Bytes of a filter that is fetched whole; of a larger one, what it says of the UCANs in the wallet. 8 MiB unless given. */
  maxBytes?: number | undefined
}

/** Seconds after which a filter is asked for anew, that a host is left alone which was asked, and that it has to answer. */
const OLD = 3600
const PAUSE = 600
const PATIENCE = 30

const MAX_BYTES = 8 * 1024 * 1024

/** Keeps what the hosts' logs say of what is revoked, for when no host can be reached. */
export class Filters {
  readonly #self: Self
  readonly #store: FilterStore
  readonly #maxBytes: number
  #looked = Number.NEGATIVE_INFINITY

  constructor(self: Self, { store, maxBytes = MAX_BYTES }: FiltersOptions) {
    this.#self = self
    this.#store = store ?? memoryFilters()
    this.#maxBytes = maxBytes
  }

  /** Asks every host, all at once. */
  refresh(signal?: AbortSignal): Promise<Refreshed[]> {
    return Promise.all(this.#self.holdings.hosts.map((host) => this.#refreshOne(host, signal)))
  }

  /** Asks hosts whose filters have grown old, and that nobody has just asked. */
  async refreshOld(): Promise<void> {
    const now = this.#self.now()
    if (now - this.#looked < PAUSE) return
    this.#looked = now
    await Promise.all(
      this.#self.holdings.hosts.map(async (host) => {
        const kept = await this.#store.load(host.did)
        const isOld = now - (HeldFilter.of(host.did, kept)?.time ?? 0) >= OLD
        if (isOld && now - (kept?.asked ?? 0) >= PAUSE) await this.#refreshOne(host, this.#self.signal)
      }),
    )
  }

  verify(token: string | Uint8Array, options: VerifyOptions): Promise<Verified> {
    return verify(this.#self, (host) => this.#heldOf(host), token, options)
  }

  async #heldOf(host: DID): Promise<HeldFilter | undefined> {
    return HeldFilter.of(host, await this.#store.load(host))
  }

  async #refreshOne(host: KeptHost, signal?: AbortSignal): Promise<Refreshed> {
    const { did, name } = host
    const store = this.#store
    const patience = AbortSignal.timeout(PATIENCE * 1000)
    try {
      const kept = await store.load(did)
      // At once, whatever comes of it: a host that is away is not to be asked by every process anew.
      await store.update(did, (now) => ({ shards: [], ...now, asked: this.#self.now() }))
      const next = await fetchFilter(callerTo(this.#self, host, this.#self.signer.did, []), {
        kept,
        held: HeldFilter.of(did, kept),
        maxBytes: this.#maxBytes,
        ucans: this.#ucans(),
        signal: signal ? AbortSignal.any([signal, patience]) : patience,
      })
      // What another process fetched meanwhile is not set back.
      await store.update(did, (now) => newer(did, now, next))
      return { host: did, name, ...described(did, await store.load(did)) }
    } catch (thrown) {
      if (signal?.aborted) throw thrown
      const error = patience.aborted ? new Failure('Unavailable', `No answer within ${PATIENCE} seconds.`).toRefusal() : toRefusal(thrown)
      return { host: did, name, ...described(did, await store.load(did)), error }
    }
  }

  /** Of all UCANs that the wallet has. */
  #ucans(): CID[] {
    const { spaces, leases, issued } = this.#self.holdings
    const held = [...spaces.flatMap(({ delegations }) => delegations), ...leases, ...issued]
    return held.flatMap(({ proof: { ucan, proofs } }) => [ucan, ...proofs].map(({ cid }) => cid))
  }
}

const newer = (host: DID, kept: KeptFilter | undefined, next: KeptFilter): KeptFilter => {
  const [held, fetched] = [HeldFilter.of(host, kept), HeldFilter.of(host, next)]
  return kept && held && fetched && held.size > fetched.size ? kept : next
}

const described = (host: DID, kept: KeptFilter | undefined): Pick<Refreshed, 'filter'> => {
  const held = HeldFilter.of(host, kept)
  return held ? { filter: { size: held.size, time: held.time, shards: kept?.shards.length ?? 0, of: 2 ** held.proven.entry.bits } } : {}
}
