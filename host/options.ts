import type { Bounds, DID, Kept, Provided } from '@symbiosis/protocol'
import type { Consent, Policy } from './consent.ts'
import type { GateOptions } from './gate.ts'
import type { KnownOptions } from './known-revocations.ts'
import type { FollowNamed } from './log/dialling.ts'
import type { FiltersOptions } from './log/filters.ts'
import type { FollowOptions } from './log/following.ts'
import type { Log } from './log.ts'
import type { PublishOptions } from './manifest/publisher.ts'
import type { RequestOptions } from './requests.ts'
import type { Store } from './store/store.ts'

/** What keeps blocks for the services, as far as the host itself has to do with it. */
export interface Engine {
  /** Removes every block that isn't kept. */
  collect(keep: () => AsyncIterable<Kept>, options: { signal?: AbortSignal }): Promise<{ kept: number; removed: number; bytes: number }>
  stats(): { blocks: number; bytes: number }
  close(): Promise<void>
}

/** What a host is opened with. */
export interface HostOptions<E extends Engine = Engine>
  extends Partial<RequestOptions>,
    Partial<FiltersOptions>,
    Partial<KnownOptions>,
    Partial<PublishOptions> {
  /** Where the host keeps its key, its store and its operator's key. One host per folder. */
  dir: string
  /** What the host is called, for people. */
  name?: string
  /** Or what opens it: called when the folder is this host's own, so that two processes never open one engine. */
  engine: E | (() => Promise<E>)
  /** Called once, when the engine is there. */
  services(engine: E): readonly Provided[] | Promise<readonly Provided[]>
  /** How requests are answered that no policy answers; `ask` unless told. */
  consent?: Consent
  policies?: readonly Policy[]
  bounds?: Partial<Bounds>
  /** What strangers may take of the host's time. */
  gate?: Partial<GateOptions>
  /** Seconds that an invocation may live. */
  maxLife?: number
  /** Decisions of one call, where each finds something else that has to be read or asked for first; 16 unless told. Then it is refused. */
  maxDecisions?: number
  /** Revocations kept at a time that were let in by the lease of one space. */
  maxRevocationsPerSpace?: number
  /** Addresses of hosts whose logs are followed: what is revoked there is refused here. `#did:key:...` behind one demands that identity. */
  follow?: readonly string[]
  following?: Partial<FollowOptions>
  /** Which hosts are dialled because a lessee's delegation names their logs; `public` unless told. */
  followNamed?: FollowNamed
  /** Who may cosign this host's log; those that it follows unless told. */
  witnesses?: readonly DID[]
  /** UCANs whose signature checks are remembered. */
  memory?: number
  /** Seconds between two collections of garbage; 0 for none but the operator's. */
  collectEvery?: number
  /** Seconds that calls under way are waited for on closing. */
  grace?: number
  log?: Log
  /** Another store than the embedded one. */
  store?: Store
  /** Unix seconds. */
  now?(): number
}
