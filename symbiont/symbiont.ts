import type { Answered, DID, Input, Output, Proof, Service } from '@symbiosis/protocol'
import type { LoggedManifest } from '@symbiosis/protocol/manifest'
import type { CID } from 'multiformats/cid'
import type { Abilities } from './abilities.ts'
import { type Connect, connectWeb } from './address.ts'
import { type RequestOptions, request, resume } from './asking.ts'
import { type ChoiceOptions, call, type SymbiontCallOptions } from './calling.ts'
import type { Accepted, Delegated, DelegateOptions } from './delegating.ts'
import { type Invoke, type Returning, returningDoor, type Throwing, throwingDoor } from './doors.ts'
import type { DynamicClient, TriedClient } from './dynamic.ts'
import type { FilterStore } from './filter-store.ts'
import type { Filters, Refreshed } from './filters.ts'
import { Holdings } from './holdings.ts'
import { describeLease, type Lease } from './lease-book.ts'
import { loadedOnce } from './loading.ts'
import type { DynamicOptions, Manifests } from './manifests.ts'
import { offline } from './offline.ts'
import { type Paired, pair } from './pairing.ts'
import { type Renewal, Renewer, type RenewOptions } from './renewing.ts'
import { type Revoked, Revoker } from './revoking.ts'
import { defaultSpace, findHost, type Self } from './self.ts'
import { sleep } from './sleep.ts'
import { createSpace, type NewSpace, recoverSpace } from './spaces.ts'
import { rootOf } from './standing.ts'
import type { SubleaseOptions } from './subleasing.ts'
import type { Verified, VerifyOptions } from './verifying.ts'
import type { KeptHost, Wallet } from './wallet.ts'

/** What a symbiont is opened with. */
export interface SymbiontOptions {
  /** Where keys, delegations and leases are kept. */
  wallet: Wallet
  /** Where filters of what is revoked are kept. Unless given they are fetched when they are asked for only, and end with the process. */
  filters?: FilterStore
  /** Bytes of a filter that is fetched whole; of a larger one, what it says of the UCANs in the wallet. 8 MiB unless given. */
  maxFilterBytes?: number
  /** How addresses are reached; HTTP and HTTPS unless given. */
  connect?: Connect
  /** Unix seconds. */
  now?: () => number
  /** How the app calls itself towards owners of hosts. */
  name?: string
}

const delegating = loadedOnce(() => import('./delegating.ts'))
const subleasing = loadedOnce(() => import('./subleasing.ts'))

/** Milliseconds that `close` waits for work beside the calls, such as renewals. */
const GRACE = 2000

/** The longest that `keepRenewed` sleeps, in seconds: another process may have come by a lease. */
const NAP = 3600

/** A device or app: its key, what it was delegated and leased, and the hosts it knows. */
export class Symbiont implements AsyncDisposable {
  readonly #self: Self
  readonly #renewer: Renewer
  readonly #revoker: Revoker
  readonly #store: FilterStore | undefined
  readonly #filters: () => Promise<Filters>
  readonly #manifests: () => Promise<Manifests>
  readonly #closing: AbortController
  readonly #work: Set<Promise<unknown>>

  private constructor(
    self: Self,
    { filters: store, maxFilterBytes: maxBytes }: SymbiontOptions,
    closing: AbortController,
    work: Set<Promise<unknown>>,
  ) {
    this.#self = self
    this.#closing = closing
    this.#work = work
    this.#renewer = new Renewer(self)
    this.#revoker = new Revoker(self)
    this.#filters = offline(self, { store, maxBytes })
    this.#store = store
    this.#manifests = loadedOnce(async () => {
      const { Manifests } = await import('./manifests.ts')
      return new Manifests(self, store)
    })
  }

  /**
   * Opens what the wallet holds. In an empty wallet the first opening makes the agent's key.
   * @throws Failure Malformed, Unsupported, Denied or Unavailable for a wallet that can't be used
   */
  static async open(options: SymbiontOptions): Promise<Symbiont> {
    const { wallet, connect = connectWeb, now = () => Math.floor(Date.now() / 1000), name } = options
    const holdings = await Holdings.open(wallet)
    const closing = new AbortController()
    const work = new Set<Promise<unknown>>()
    const background = (task: () => Promise<unknown>): void => {
      if (closing.signal.aborted) return
      const running: Promise<unknown> = task()
        .catch(() => {})
        .finally(() => work.delete(running))
      work.add(running)
    }
    const self: Self = { signer: holdings.signer(), holdings, connect, now, signal: closing.signal, background, ...(name && { name }) }
    const symbiont = new Symbiont(self, options, closing, work)
    symbiont.#revoker.lazily()
    return symbiont
  }

  /** Who this device is. */
  get agent(): DID {
    return this.#self.signer.did
  }

  /** What it acts for unless told: its first own space, else the last one accepted, else itself. */
  get space(): DID {
    return defaultSpace(this.#self)
  }

  /** All spaces that it may act for, and what it may do there. */
  spaces(): { did: DID; own: boolean; can: string[] }[] {
    return this.#self.holdings.spaces.map(({ did, own, delegations }) => {
      const can = delegations.flatMap(({ proof }) => proof.ucan.capabilities.map((capability) => capability.can))
      return { did, own, can: [...new Set(can)] }
    })
  }

  /** Makes a space. The phrase is shown this once: who loses the device needs it to get the space back. */
  createSpace(): Promise<NewSpace> {
    return createSpace(this.#self)
  }

  /**
   * Takes a space over by its 24 words.
   * @throws Failure InvalidInput for a phrase with a mistake in it
   */
  recoverSpace(phrase: string): Promise<{ did: DID }> {
    return recoverSpace(this.#self, phrase)
  }

  /**
   * Meets the host at an address, such as `http://127.0.0.1:4747`, and remembers it. With `#did:key:...` behind it, only that host will do.
   * @throws Failure InvalidInput, Unavailable, Unsupported, WrongAudience, BadSignature
   */
  pair(address: string, options: { signal?: AbortSignal } = {}): Promise<Paired> {
    return pair(this.#self, address, options.signal)
  }

  hosts(): KeptHost[] {
    return structuredClone(this.#self.holdings.hosts) as KeptHost[]
  }

  /** Forgets a host and the leases it gave. The host is not told. */
  async forget(host: string): Promise<void> {
    const { did } = findHost(this.#self, host)
    const gone = new Set(this.#self.holdings.leases.filter(({ proof }) => rootOf(proof) === did).map(({ archive }) => archive))
    await this.#self.holdings.update((state) => {
      state.hosts = state.hosts.filter((each) => each.did !== did)
      state.leases = state.leases.filter(({ archive }) => !gone.has(archive))
    })
    await this.#store?.update(did, () => undefined)
  }

  /**
   * Asks the owner of a host for leases: `{ acme: { bytes: '2 GB' } }` or `[{ can: 'acme/make' }]`. Resolves on the owner's answer.
   * @throws Failure Denied, Expired (no answer in time), NotFound (no host is known), NotOwner, InvalidInput, Unavailable, Cancelled
   */
  request(abilities: Abilities, options: RequestOptions = {}): Promise<Lease[]> {
    return this.#leased(request(this.#self, abilities, options))
  }

  /**
   * Waits for the answer to an earlier request, named by what its `onPending` was given. A request outlives this process, and the host's.
   * @throws Failure Denied, Expired (no answer in time), NotFound, NotOwner, Unavailable, Cancelled
   */
  resume(request: CID, options: Pick<RequestOptions, 'host' | 'space' | 'signal'> = {}): Promise<Lease[]> {
    return this.#leased(resume(this.#self, request, options))
  }

  /** The leases at hand, ended and revoked ones included. */
  leases(): Lease[] {
    return this.#self.holdings.leases.map(({ proof }) => describeLease(this.#self, proof))
  }

  /**
   * Renews leases that end soon. Calls do so by themselves.
   * @returns what became of each; a lease that wasn't renewed is good to its end
   */
  renewLeases(options: RenewOptions = {}): Promise<Renewal[]> {
    return this.#renewer.renew(options)
  }

  /** Renews leases, and tells hosts of revocations, as it becomes due, until the signal aborts or the symbiont closes. For apps that run long. */
  async keepRenewed({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    const stop = signal ? AbortSignal.any([signal, this.#self.signal]) : this.#self.signal
    while (!stop.aborted) {
      await this.#self.holdings.reload()
      this.#tend()
      await Promise.all(this.#work)
      const wait = Math.min(NAP, Math.max(1, this.#renewer.nextDue() ?? NAP))
      await sleep(wait * 1000, stop).catch(() => {})
    }
  }

  /**
   * Calls an ability and hands on the verified answer as it is: `result` is `{ ok }` or `{ error }`, `body` what streams behind it.
   * @throws Failure NoLease, Expired, NotOwner, InvalidInput before anything is sent; Unavailable, Cancelled, BadSignature where no answer is to be believed
   */
  call<S extends Service, N extends keyof S['abilities'] & string>(
    service: S,
    name: N,
    input: Input<S['abilities'][N]>,
    options: SymbiontCallOptions = {},
  ): Promise<Answered<Output<S['abilities'][N]>>> {
    this.#tend()
    return call(this.#self, service, name, input, options)
  }

  /** A service whose abilities answer with their value, and throw a `Failure` where they are refused. */
  use<S extends Service>(service: S, choice: ChoiceOptions = {}): Throwing<S> {
    return throwingDoor(service, this.#invoking(choice))
  }

  /** A service whose abilities answer `{ ok }` or `{ error }`; `error.name` tells refusals and the service's own errors apart. */
  try<S extends Service>(service: S, choice: ChoiceOptions = {}): Returning<S> {
    return returningDoor(service, this.#invoking(choice))
  }

  /**
   * What a host leases and how it is called, by its manifest: verified, and shown to stand in the host's log. The wallet remembers its number and that log:
   * none that is older is believed any more, nor one in a log that doesn't continue it.
   * @throws Failure Replayed, Expired and more, as `fetchManifest` of @symbiosis/protocol/manifest does; NotFound, Unavailable
   */
  async manifest({ host, signal }: { host?: string; signal?: AbortSignal } = {}): Promise<LoggedManifest> {
    return (await this.#manifests()).of(findHost(this.#self, host), signal)
  }

  /**
   * A service by what a host's manifest says of it, for where its contract isn't at hand. Input and answers are held to the manifest's schemas, and abilities
   * throw as those of `use` do, also where one of the two is something else. `symbiosis types URL` writes an interface to give as `T`.
   * @throws Failure NotFound where no host that is known leases it, and what `manifest` throws
   */
  async dynamic<T extends object = DynamicClient>(service: string, choice: DynamicOptions = {}): Promise<T> {
    return this.use(...(await (await this.#manifests()).contract(service, choice))) as unknown as T
  }

  /**
   * The same, whose abilities answer as those of `try` do: what the schemas don't admit is returned like any other refusal, `InvalidInput` of what isn't sent,
   * `Malformed` of what the host answers. `T` is the same interface.
   * @throws Failure as `dynamic` does: without a manifest there is nothing to call
   */
  async tryDynamic<T extends object = DynamicClient>(service: string, choice: DynamicOptions = {}): Promise<TriedClient<T>> {
    return this.try(...(await (await this.#manifests()).contract(service, choice))) as unknown as TriedClient<T>
  }

  /**
   * Lends abilities (`'acme/*'`, `'acme/make'`, `'acme'`, or `'*'`) over a space to another device.
   * @throws Failure InvalidInput, NotOwner, Revoked
   */
  async delegate(audience: string, can: readonly string[], options: DelegateOptions = {}): Promise<Delegated> {
    return (await delegating()).delegate(this.#self, audience, can, options)
  }

  /**
   * Leases part of what it was leased onward to another space, of one service or ability: `{ acme: { bytes: '1 GB' } }`. What is used of that counts against the whole, and nobody can have
   * more of it than this. Only a symbiont that is its own space can, since a lease is passed on by whom it is for.
   * @throws Failure InvalidInput, NoLease, Expired, LimitExceeded (it has less itself)
   */
  async sublease(space: string, abilities: Abilities, options: SubleaseOptions = {}): Promise<Delegated> {
    return (await subleasing()).sublease(this.#self, space, abilities, options)
  }

  /**
   * Takes what another device delegated to this one, or leased onward to one of its spaces.
   * @throws Failure Malformed, BadHash, NotCanonical, BadSignature, WrongAudience, Expired, NotOwner, NoLease
   */
  async accept(token: string): Promise<Accepted> {
    return (await delegating()).accept(this.#self, token)
  }

  /**
   * Takes a delegation or a lease back, for good. Resolves when a host has acknowledged it; hosts that couldn't be reached are told later.
   * @throws Failure Unavailable (nobody was told: it still works), NotFound, NotRevoker
   */
  revoke(cidOrToken: string, options: { signal?: AbortSignal } = {}): Promise<Revoked> {
    return this.#revoker.revoke(cidOrToken, options.signal)
  }

  /** Whether this device knows that a delegation or lease was taken back: by itself, or since a host told so. */
  isRevoked(cid: string): boolean {
    return this.#self.holdings.revocationOf(cid) !== undefined
  }

  /**
   * Fetches from every host what it knows to be revoked, in short, for `verify` where none can be reached. Calls do so by themselves where
   * `filters` was given.
   * @returns what came of each; what was at hand of a host before stays where it gave nothing better
   */
  async refreshFilters(options: { signal?: AbortSignal } = {}): Promise<Refreshed[]> {
    return (await this.#filters()).refresh(options.signal)
  }

  /**
   * Checks a token that somebody shows, link by link, and says how old what it knows of revocations is. Nobody is asked unless `online` is set.
   * @throws Failure Malformed, BadHash, NotCanonical, TooLarge where there is nothing to read
   */
  async verify(token: string | Uint8Array, options: VerifyOptions = {}): Promise<Verified> {
    return (await this.#filters()).verify(token, options)
  }

  /** Ends background work, after a little patience with what is under way. */
  async close(): Promise<void> {
    const patience = new AbortController()
    const done = Promise.all(this.#work)
    await Promise.race([done, sleep(GRACE, patience.signal).catch(() => {})])
    patience.abort()
    this.#closing.abort()
    await done
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #leased(granted: Promise<Proof[]>): Promise<Lease[]> {
    const proofs = await granted
    this.#revoker.lazily()
    return proofs.map((proof) => describeLease(this.#self, proof))
  }

  #invoking(choice: ChoiceOptions): Invoke {
    return (service, name, input, options) => this.call<Service, string>(service, name, input, { ...choice, ...options })
  }

  /** What is due beside the calls. Who keeps filters has them kept fresh as well; others needn't pay for it. */
  #tend(): void {
    this.#renewer.lazily()
    this.#revoker.lazily()
    if (this.#store) this.#self.background(async () => (await this.#filters()).refreshOld())
  }
}
