import { type Authorized, type DID, Failure, type LocalSigner, type Refusal, toRefusal } from '@symbiosis/protocol'
import type { Log } from '../log.ts'
import type { Revocations } from '../revocations.ts'
import type { Store } from '../store/store.ts'
import { Contacts } from './contacts.ts'
import type { FollowNamed } from './dialling.ts'
import { type FollowBounds, Follower } from './follower.ts'
import { forksOf, writeFork } from './forks.ts'
import { Importing } from './importing.ts'
import { type Mirrored, mirrored } from './mirrored.ts'
import { NAMED_OPTIONS, NamedLogs, type NamedOptions } from './named.ts'
import { parseFollow, type Reach, reach } from './reach.ts'
import type { Witness } from './witness.ts'

/** How the logs of other hosts are followed. */
export interface FollowOptions extends FollowBounds, NamedOptions {
  /** Revocations kept at a time that one followed host may have brought. Where it has brought as many, its log is followed no further. */
  readonly maxRevocationsPerFollowed: number
  /** Seconds until the first new try, and the most: each is twice as long as the one before. */
  readonly backoff: number
  readonly maxBackoff: number
  /** How addresses are reached; HTTP and Unix sockets unless told. */
  reach(url: string): Reach
}

/** How logs are followed, unless told. */
export const FOLLOW_OPTIONS: FollowOptions = {
  ...NAMED_OPTIONS,
  patience: 15,
  pullEvery: 30,
  batchEntries: 1000,
  batchBytes: 8 * 1024 * 1024,
  frameBytes: 4 * 1024 * 1024,
  leafBytes: 1024,
  evidenceBytes: 8192,
  maxEntriesPerFollowed: 10_000_000,
  maxRevocationsPerFollowed: 1_000_000,
  backoff: 1,
  maxBackoff: 60,
  reach,
}

/** How the following of one host stands. */
export interface Followed {
  readonly url: string
  readonly did?: DID
  /** Entries of its log that are here, and were held against its checkpoint. */
  readonly size: number
  /** When it last showed a log in order, Unix seconds. */
  readonly contact?: number
  /** Why the last try failed, if it did. */
  readonly problem?: Refusal
  /** Files that prove that it has signed contradictions. With one, it is followed no more. */
  readonly forks: readonly string[]
}

interface Parts {
  readonly dir: string
  readonly signer: LocalSigner
  readonly store: Store
  readonly revocations: Revocations
  readonly log: Log
  readonly options: FollowOptions
  readonly witness: Witness
  /** Which hosts are dialled because delegations name them, and whether this host listens on its own machine alone. */
  readonly named: FollowNamed
  isLocal(): boolean
  /** Aborts when the host closes. */
  readonly closing: AbortSignal
  now(): number
}

/** Follows the logs of other hosts, so that what was revoked at one of them is refused here. */
export class Following {
  readonly #parts: Parts
  readonly #followers: Follower[]
  readonly #problems = new Map<Follower, Refusal>()
  readonly #greeted = new Set<Follower>()
  /** Those who wait for the next pull of one to be over. */
  readonly #waiting = new Map<Follower, PromiseWithResolvers<boolean>>()
  readonly #contacts: Contacts
  #named: NamedLogs | undefined

  /** @throws Failure InvalidInput for what is no address */
  static async open(addresses: readonly string[], parts: Parts): Promise<Following> {
    const contacts = await Contacts.open(parts.store, parts.now, parts.options.elapsed)
    const importing = new Importing(parts.revocations, parts.options.maxRevocationsPerFollowed, parts.now)
    const following = new Following(addresses, parts, contacts, importing)
    following.#named = await NamedLogs.open({ ...parts, policy: parts.named, contacts, importing, operated: following.#pullOf })
    return following
  }

  private constructor(addresses: readonly string[], parts: Parts, contacts: Contacts, importing: Importing) {
    this.#parts = parts
    this.#contacts = contacts
    const { dir, signer, store, witness, now, options } = parts
    this.#followers = addresses.map((text) => {
      const address = parseFollow(text)
      return new Follower(address, options.reach(address.url), {
        signer,
        store,
        importing,
        contacts,
        bounds: options,
        now,
        convict: (fork) => writeFork(dir, fork),
        witness,
      })
    })
  }

  follows(did: DID): boolean {
    return this.#followerOf(did) !== undefined
  }

  /** What the guard asks of logs: see `Guard`. */
  get hearing() {
    const [contact, hearOf] = [this.#contacts.of, this.#named?.hearOf]
    return { contact, ...(hearOf && { hearOf }) }
  }

  /** Hears of the logs again that a call depends on, beside it, where it is time to. */
  hearAgain({ aging, leases }: Authorized): void {
    const lessee = leases[0]?.[0]?.to as DID | undefined
    if (aging.length > 0 && lessee) void this.#named?.hearOf(aging, lessee)?.(this.#parts.closing)
  }

  #followerOf = (did: DID) => this.#followers.find(({ mirror, address }) => (mirror?.did ?? address.did) === did)

  #pullOf = (did: DID): (() => Promise<boolean>) | undefined => {
    const follower = this.#followerOf(did)
    // Nobody pulls the log of one who has contradicted itself.
    if (!follower || forksOf(this.#parts.dir, did).length > 0) return follower && FORKED
    return () => {
      const waiting = this.#waiting.get(follower) ?? Promise.withResolvers<boolean>()
      this.#waiting.set(follower, waiting)
      follower.hurry()
      return waiting.promise
    }
  }

  #tried(follower: Follower, inOrder: boolean): void {
    this.#waiting.get(follower)?.resolve(inOrder)
    this.#waiting.delete(follower)
  }

  list(): Followed[] {
    return this.#followers.map((follower) => {
      const { address, mirror, contact } = follower
      const did = mirror?.did ?? address.did
      const problem = this.#problems.get(follower)
      return {
        url: address.url,
        ...(did && { did }),
        size: mirror?.size ?? 0,
        ...(contact !== undefined && { contact }),
        ...(problem && { problem }),
        forks: did ? forksOf(this.#parts.dir, did) : [],
      }
    })
  }

  /**
   * Entries of the log of a followed host, as far as they are here.
   * @throws Failure NotFound where it isn't followed, or has no such entries
   */
  mirrored(of: string, from: number, limit?: number): Promise<Mirrored> {
    return mirrored(this.#parts.store, of, from, limit)
  }

  /** Follows all of them until the signal aborts. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#followers.map((follower) => this.#follow(follower, signal)))
  }

  async #follow(follower: Follower, signal: AbortSignal): Promise<void> {
    const { backoff, maxBackoff } = this.#parts.options
    let wait = backoff
    while (!signal.aborted) {
      try {
        await this.#mustBeHonest(follower, signal)
        await follower.pull(signal)
        this.#cleared(follower)
        this.#tried(follower, true)
        wait = backoff
        await follower.watch(signal)
        // A host could end each of its streams at once.
        await pause(PAUSE, signal)
        continue
      } catch (thrown) {
        if (signal.aborted) return
        const problem = this.#failed(follower, thrown)
        this.#tried(follower, false)
        if (problem.field === 'fork') {
          if (follower.mirror) await this.#contacts.forget(follower.mirror.did)
          return
        }
        wait = problem.retryAfter ?? wait
      }
      await pause(wait * (0.75 + Math.random() / 2), AbortSignal.any([signal, follower.hurried]))
      wait = Math.min(maxBackoff, wait * 2)
    }
  }

  /** A host that has contradicted itself is believed in nothing until somebody has looked at it, and taken the file away. */
  async #mustBeHonest(follower: Follower, signal: AbortSignal): Promise<void> {
    const { did } = await follower.identify(signal)
    const [path] = forksOf(this.#parts.dir, did)
    if (path === undefined) return
    throw new Failure('BadSignature', `${did} was caught signing two logs that contradict each other.`, {
      field: 'fork',
      path,
      hint: 'Follow it again when you know why: take the file away, and start anew.',
    })
  }

  #cleared(follower: Follower): void {
    const { log } = this.#parts
    const { mirror, address } = follower
    const fields = { url: address.url, host: mirror?.did, entries: mirror?.size }
    if (this.#problems.delete(follower)) log.info(fields, 'a host is followed again')
    else if (!this.#greeted.has(follower)) log.info(fields, 'a host is followed')
    this.#greeted.add(follower)
  }

  #failed(follower: Follower, thrown: unknown): Refusal {
    const { log } = this.#parts
    const problem = toRefusal(thrown)
    const { url } = follower.address
    const fields = { url, host: follower.mirror?.did, refusal: problem.name, reason: problem.message, field: problem.field }
    // Once for each reason: a host that is away for a night shows in the log twice.
    const isNew = this.#problems.get(follower)?.message !== problem.message
    this.#problems.set(follower, problem)
    if (problem.name === 'Internal') log.error({ ...fields, err: thrown }, 'a host can not be followed')
    else if (problem.name === 'BadSignature')
      log.error({ ...fields, file: problem.path }, 'a host that is followed shows a log which is not in order')
    else if (isNew) log.warn(fields, 'a host can not be followed')
    return problem
  }
}

const FORKED = async () => false

/** Seconds between a stream that ended in order and the next. */
const PAUSE = 0.02

const pause = (seconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, seconds * 1000)
    timer.unref()
    signal.addEventListener('abort', done, { once: true })
  })
