import { type DID, Failure, type HomeLog, type LocalSigner } from '@symbiosis/protocol'
import type { Store } from '../store/store.ts'
import { Attempts } from './attempts.ts'
import type { Contacts } from './contacts.ts'
import { allowedUnder, type FollowNamed, reachWithin } from './dialling.ts'
import { type FollowBounds, Follower } from './follower.ts'
import { countForks, forksOf, writeFork } from './forks.ts'
import type { Importing } from './importing.ts'
import { dropMirror } from './mirror.ts'
import type { Reach } from './reach.ts'
import type { Witness } from './witness.ts'

export interface NamedOptions {
  /** Logs followed at a time because delegations name them. For another one, the one goes that was asked for longest ago. */
  readonly maxNamedLogs: number
  /** Of them, for one lessee. */
  readonly maxNamedLogsPerLessee: number
  readonly maxEntriesPerNamed: number
  /** Revocations kept at a time that such logs brought, by the lessee whose call had them asked. */
  readonly maxNamedRevocationsPerLessee: number
  /** Proofs that logs contradict themselves, beyond which none of a named one is kept: whoever has a lease can have as many made as they like. */
  readonly maxForks: number
  /** Seconds that a call waits for the logs that it depends on. */
  readonly contactPatience: number
  /** Seconds that one pull may take, in the background; the next one goes on from there. */
  readonly pullPatience: number
  /** Seconds until a log that couldn't be had is asked for again, and the most. */
  readonly namedBackoff: number
  readonly maxNamedBackoff: number
  /** Seconds of a clock that only moves forward: that of the machine unless told. */
  elapsed(): number
  /** How a named address is reached where `followNamed` isn't `none`; over HTTPS and HTTP, as that allows, unless told. */
  readonly reachNamed?: (url: string) => Reach
}

export const NAMED_OPTIONS: NamedOptions = {
  maxNamedLogs: 64,
  maxNamedLogsPerLessee: 16,
  maxEntriesPerNamed: 1_000_000,
  maxNamedRevocationsPerLessee: 100_000,
  maxForks: 1000,
  contactPatience: 5,
  pullPatience: 60,
  namedBackoff: 1,
  maxNamedBackoff: 60,
  elapsed: () => performance.now() / 1000,
}

export interface NamedParts {
  readonly dir: string
  readonly signer: LocalSigner
  readonly store: Store
  readonly importing: Importing
  readonly contacts: Contacts
  readonly witness: Witness
  readonly options: NamedOptions & FollowBounds
  readonly policy: FollowNamed
  /** Whether this host listens on its own machine alone. */
  isLocal(): boolean
  now(): number
  /** Pulls a log that the operator has this host follow, and resolves with whether it was in order; undefined for any other. */
  operated(did: DID): (() => Promise<boolean>) | undefined
  /** Aborts when the host closes. */
  readonly closing: AbortSignal
}

interface Named {
  readonly url: string
  readonly follower?: Follower
  /** Whose call had it asked last. */
  lessee: DID | undefined
}

const KIND = 'log/named'
/** In the place of its address: what is begun of forgetting a log must come to its end before it is followed anew. */
const LEAVING = ''

/** Hears of the logs that delegations name, when calls of lessees depend on them. */
export class NamedLogs {
  readonly #parts: NamedParts
  readonly #attempts: Attempts
  /** The one asked for longest ago first. */
  readonly #named = new Map<DID, Named>()

  private constructor(parts: NamedParts) {
    const { namedBackoff: first, maxNamedBackoff: most } = parts.options
    this.#parts = parts
    this.#attempts = new Attempts({ first, most, elapsed: parts.options.elapsed })
  }

  /** Takes up of which logs there are mirrors, so that they are let go in their turn. */
  static async open(parts: NamedParts): Promise<NamedLogs> {
    const logs = new NamedLogs(parts)
    for await (const { space, value } of parts.store.every(KIND)) logs.#named.set(space as DID, { url: value as string, lessee: undefined })
    for (const [did, { url }] of logs.#named) if (url === LEAVING) await logs.#letGo(did)
    return logs
  }

  get followed(): readonly DID[] {
    return [...this.#named.keys()]
  }

  /**
   * What tries to hear of logs that a lessee's call depends on; undefined where nothing can be done for any of them now. It doesn't say how that went: the call is
   * decided again by what is known then.
   */
  hearOf = (logs: readonly HomeLog[], lessee: DID): ((signal: AbortSignal) => Promise<void>) | undefined => {
    const each = new Map(logs.map((log) => [log.did, log]))
    const attempts = [...each.values()].flatMap((log) => this.#attemptOf(log, lessee) ?? [])
    if (attempts.length === 0) return undefined
    return async (signal) => {
      const patience = AbortSignal.any([signal, AbortSignal.timeout(this.#parts.options.contactPatience * 1000)])
      await Promise.all(attempts.map((attempt) => attempt(patience)))
    }
  }

  #attemptOf({ did, url }: HomeLog, lessee: DID): ((patience: AbortSignal) => Promise<void>) | undefined {
    const { operated, closing } = this.#parts
    if (closing.aborted || !this.#attempts.mayTry(did)) return undefined
    const pull = operated(did) ?? this.#pullOf(did, url, lessee)
    if (!pull) return undefined
    return async (patience) => {
      await overOr(this.#attempts.run(did, pull), patience)
      // It goes on without those who waited for it, and nobody else waits for a while.
      if (this.#attempts.isRunning(did)) this.#attempts.holdBack(did)
    }
  }

  #pullOf(did: DID, url: string, lessee: DID): (() => Promise<boolean | undefined>) | undefined {
    const { policy, isLocal, options, dir } = this.#parts
    if (policy === 'none' || forksOf(dir, did).length > 0) return undefined
    const allowed = allowedUnder(url, policy, isLocal())
    const reach = options.reachNamed?.(url) ?? (allowed && reachWithin(url, allowed))
    return reach && (() => this.#pull(did, url, reach, lessee))
  }

  /** Whether the log was seen in order; undefined where there is no room for it. Never throws. */
  async #pull(did: DID, url: string, reach: Reach, lessee: DID): Promise<boolean | undefined> {
    const { closing, options } = this.#parts
    try {
      const follower = await this.#followerOf(did, url, reach, lessee)
      if (!follower) return undefined
      await follower.pull(AbortSignal.any([closing, AbortSignal.timeout(options.pullPatience * 1000)]))
      return true
    } catch (thrown) {
      if (thrown instanceof Failure && thrown.details.field === 'fork') await this.#parts.contacts.forget(did)
      return false
    }
  }

  async #followerOf(did: DID, url: string, reach: Reach, lessee: DID): Promise<Follower | undefined> {
    const known = this.#named.get(did)
    // At the end of the line.
    this.#named.delete(did)
    const named: Named =
      known?.url === url && known.follower
        ? Object.assign(known, { lessee })
        : { url, lessee, follower: this.#makeFollower(did, url, reach) }
    this.#named.set(did, named)
    if (!(await this.#makeRoom(did, lessee))) {
      this.#named.delete(did)
      return undefined
    }
    if (!known) await this.#parts.store.write((tx) => tx.put(KIND, did, '', url))
    return named.follower
  }

  #makeFollower(did: DID, url: string, reach: Reach): Follower {
    const { importing, options, dir, ...parts } = this.#parts
    const { maxEntriesPerNamed: maxEntriesPerFollowed, maxNamedRevocationsPerLessee: most } = options
    const charged = () => `${this.#named.get(did)?.lessee}/named`
    return new Follower({ url, did, named: true }, reach, {
      ...parts,
      bounds: { ...options, maxEntriesPerFollowed },
      importing: {
        proved: (entries, signal) => importing.proved(entries, signal),
        write: (from, told, commit) => importing.write(from, told, commit, { charged: charged(), most }),
      },
      convict: (fork) => {
        if (countForks(dir) < options.maxForks) return writeFork(dir, fork)
        throw new Failure('BadSignature', `${did} has signed two logs that contradict each other.`, {
          field: 'fork',
          limit: options.maxForks,
        })
      },
    })
  }

  /** Lets others go, the longest unasked first; false where all of them are being pulled. */
  async #makeRoom(did: DID, lessee: DID): Promise<boolean> {
    const { maxNamedLogs, maxNamedLogsPerLessee } = this.#parts.options
    const own = () => [...this.#named].filter(([, named]) => named.lessee === lessee).map(([each]) => each)
    for (const [all, most] of [
      [own, maxNamedLogsPerLessee],
      [() => this.followed, maxNamedLogs],
    ] as const) {
      while (all().length > most) {
        const last = all().find((each) => each !== did && !this.#attempts.isRunning(each))
        if (last === undefined) return false
        await this.#letGo(last)
      }
    }
    return true
  }

  /** What it has brought stays: that stands by itself. */
  async #letGo(did: DID): Promise<void> {
    const { store, contacts, operated } = this.#parts
    this.#named.delete(did)
    this.#attempts.forget(did)
    await store.write((tx) => tx.put(KIND, did, '', LEAVING))
    // Its operator may have the host follow it by now, in the same mirror.
    if (!operated(did)) {
      await contacts.forget(did)
      await dropMirror(store, did)
    }
    await store.write((tx) => tx.delete(KIND, did, ''))
  }
}

/** Resolves when the attempt is over, or nobody waits for it any more. */
const overOr = (attempt: Promise<void>, patience: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      patience.removeEventListener('abort', done)
      resolve()
    }
    patience.addEventListener('abort', done)
    if (patience.aborted) done()
    void attempt.then(done, done)
  })
