import { BOUNDS, type DID, type Door, type Guard, type Kept, type LocalSigner, type Provided, UcanMemory } from '@symbiosis/protocol'
import { answering } from './answering.ts'
import { Background } from './background.ts'
import { ask, Policies } from './consent.ts'
import { Cuts } from './cuts.ts'
import { decided, orUndecided } from './deciding.ts'
import { Dispatcher, routesOf } from './dispatch.ts'
import { Gate } from './gate.ts'
import { ensureOperator, openIdentity } from './identity.ts'
import { kernelServices } from './kernel.ts'
import { KNOWN_OPTIONS } from './known-revocations.ts'
import { Leases } from './leases.ts'
import { type Listener, type ListenOptions, listen } from './listen.ts'
import { lockFolder } from './lock.ts'
import { checkWitnesses } from './log/cosignatures.ts'
import { FILTERS_OPTIONS, Filters } from './log/filters.ts'
import { FOLLOW_OPTIONS, type Followed, Following } from './log/following.ts'
import { RevocationLog } from './log/revocation-log.ts'
import { Witness } from './log/witness.ts'
import { type Log, openLog } from './log.ts'
import { Publisher } from './manifest/publisher.ts'
import { Metrics } from './metrics.ts'
import type { Engine, HostOptions } from './options.ts'
import { Pace } from './pace.ts'
import { programTime } from './program-time.ts'
import { REQUEST_OPTIONS, Requests } from './requests.ts'
import { Revocations } from './revocations.ts'
import { Services } from './services.ts'
import { finishExchange, storePath } from './store/exchange.ts'
import { sqliteStore } from './store/sqlite.ts'
import type { Store } from './store/store.ts'
import { environmentOf, heldRoots } from './workspace.ts'

/**
 * A peer that leases what it has. It needs its key, a clock and the revocations to decide; what it keeps beside them is for its owner to
 * see. Closing it closes its listeners, its services and its engine.
 */
export class Host implements AsyncDisposable {
  readonly did: DID
  readonly name: string
  readonly door: Door
  readonly log: Log
  readonly metrics: Metrics
  readonly gate: Gate
  /** What this host knew to be revoked, and when. */
  readonly revocationLog: RevocationLog
  /** What this host says of itself to everybody. */
  readonly publisher: Publisher
  readonly dir: string
  readonly #parts: Parts
  readonly #listeners = new Set<Listener>()
  readonly #background = new Background((error) => {
    if (this.ready) this.log.error({ err: error }, 'a task of the background failed')
  })
  readonly #aborting = new AbortController()
  readonly #services: Services
  #closed: Promise<void> | undefined

  /**
   * Opens a host, and takes up what the last one left undone.
   * @throws Failure Unavailable where the folder is another host's at the time or its store is damaged, Malformed for a damaged key
   */
  static async open<E extends Engine>(options: HostOptions<E>): Promise<Host> {
    // What was opened is closed again where a later part fails.
    await using undo = new AsyncDisposableStack()
    const unlock = lockFolder(options.dir)
    undo.defer(unlock)
    finishExchange(options.dir)
    const host = await Host.#assemble(options, unlock, undo)
    undo.move()
    return host
  }

  static async #assemble<E extends Engine>(options: HostOptions<E>, unlock: () => void, undo: AsyncDisposableStack): Promise<Host> {
    const identity = openIdentity(options.dir)
    const { signer } = identity
    await ensureOperator(options.dir, signer)
    const store = options.store ?? sqliteStore(storePath(options.dir))
    undo.defer(() => store.close())
    const now = options.now ?? (() => Math.floor(Date.now() / 1000))
    const log = options.log ?? openLog()
    const engine = typeof options.engine === 'function' ? await options.engine() : options.engine
    undo.defer(() => engine.close())
    const provided = await options.services(engine)
    const services = provided.map(({ service }) => service)
    const leases = new Leases(signer, store)
    const policies = new Policies(store, options.policies ?? [])
    const revocationLog = await RevocationLog.open(identity, store)
    const revocations = await Revocations.open({
      store,
      log: revocationLog,
      maxPerSpace: options.maxRevocationsPerSpace ?? 10_000,
      options: pick(options, KNOWN_OPTIONS),
      now: now(),
      progress: (text, fields) => log.info(fields, text),
    })
    checkWitnesses(options.witnesses)
    const closing = new AbortController()
    const following = await Following.open(options.follow ?? [], {
      dir: options.dir,
      signer,
      store,
      revocations,
      witness: await Witness.open(identity, now),
      log,
      now,
      options: { ...FOLLOW_OPTIONS, ...options.following },
      named: options.followNamed ?? 'public',
      isLocal: () => host.isLocal,
      closing: closing.signal,
    })
    const isWitness = (did: DID) => options.witnesses?.includes(did) ?? following.follows(did)
    const filters = new Filters({
      host: signer.did,
      store,
      log: revocationLog,
      now,
      options: { ...FILTERS_OPTIONS, ...pick(options, FILTERS_OPTIONS) },
    })
    const requests = await Requests.open({
      store,
      leases,
      policies,
      consent: options.consent ?? ask,
      services,
      options: { ...REQUEST_OPTIONS, ...pick(options, REQUEST_OPTIONS) },
      now,
      log: (text, fields) => log.info(fields ?? {}, text),
    })
    const publisher = new Publisher({ signer, store, log: revocationLog, now, options })
    const name = options.name ?? 'a Symbiosis host'
    const host: Host = new Host({
      options,
      unlock,
      signer,
      store,
      now,
      log,
      name,
      engine,
      provided,
      requests,
      revocations,
      revocationLog,
      following,
      closing,
      filters,
      publisher,
      kernel: kernelServices({
        name,
        services,
        leases,
        policies,
        requests,
        revocations,
        log: revocationLog,
        following,
        isWitness,
        filters,
        publisher,
        collect: (signal) => host.collect(signal),
      }),
    })
    // What a service began goes on by itself until it is told to end.
    undo.defer(() => host.#endServices())
    await host.#start()
    return host
  }

  private constructor(parts: Parts) {
    this.#parts = parts
    this.did = parts.signer.did
    this.name = parts.name
    this.log = parts.log
    this.dir = parts.options.dir
    this.revocationLog = parts.revocationLog
    this.publisher = parts.publisher
    this.#services = new Services(parts.provided, parts.log)
    const { engine } = parts
    const bounds = { ...BOUNDS, ...parts.options.bounds }
    this.gate = new Gate(parts.options.gate, () => performance.now(), programTime)
    const cuts = new Cuts((work) => void this.#background.track(work))
    parts.revocations.onRemembered = cuts.revoked
    this.metrics = new Metrics({
      strangers: () => this.gate.strangers,
      streams: () => cuts.size,
      pending: () => parts.requests.pending().length,
      revocations: () => parts.revocations.known.size,
      unverified: () => parts.revocations.known.unverified,
      stats: () => engine.stats(),
      entries: () => parts.revocationLog.size(),
      followed: () => parts.following.list(),
      now: () => parts.now(),
    })
    const { maxDecisions = 16 } = parts.options
    const routes = routesOf([...parts.kernel, ...parts.provided])
    const memory = new UcanMemory(parts.options.memory)
    const dispatcher = new Dispatcher({
      store: parts.store,
      cuts,
      closing: this.#parts.closing.signal,
      aborting: this.#aborting.signal,
      onHeld: (space, root) => this.#services.held(space, root),
      checking: async ({ connection, signal }, { checks }, invocation, run) => {
        const ask = () => this.gate.run(connection, orUndecided(checks.inSteps(run, this.gate.payer(connection, invocation))))
        return decided(ask(), ask, { most: maxDecisions, signal: AbortSignal.any([signal, this.#parts.closing.signal]) })
      },
      unexpected: (error, can) => this.log.error({ err: error, can }, 'a handler failed'),
    })
    const guard = (): Guard => ({
      host: this.did,
      now: parts.now(),
      maxLife: parts.options.maxLife ?? 600,
      bounds,
      ability: (can) => routes.get(can),
      revocations: parts.revocations.of,
      ...parts.following.hearing,
    })
    const answer = answering({
      signer: parts.signer,
      bounds,
      guard,
      memory,
      gate: this.gate,
      isPeer: (did) => parts.following.follows(did) || (parts.options.witnesses?.includes(did) ?? false),
      dispatcher,
      metrics: this.metrics,
      log: this.log,
      hearAgain: (authorized) => parts.following.hearAgain(authorized),
      maxDecisions,
      closing: this.#parts.closing.signal,
    })
    this.door = async (call) => {
      const { damage } = parts.revocations.known
      if (damage) throw damage
      return this.#background.track(answer(call))
    }
  }

  /** Opens doors of this machine: HTTP, a Unix socket, or both. */
  async listen(options: ListenOptions = {}): Promise<Listener> {
    const listener = await listen(this, { ...options, maxMessageBytes: this.#parts.options.bounds?.messageBytes ?? BOUNDS.messageBytes })
    this.#listeners.add(listener)
    return listener
  }

  /** Whether the host would take a call now. */
  get ready(): boolean {
    return !this.#parts.closing.signal.aborted
  }

  /** Whether it is reached on this machine alone, as far as it knows: whoever listens by other means must say what may be dialled. */
  get isLocal(): boolean {
    return this.#listeners.size > 0 && [...this.#listeners].every(({ local }) => local)
  }

  /** The hosts whose logs are followed, and how that stands. */
  followed(): Followed[] {
    return this.#parts.following.list()
  }

  /** Removes the blocks that no space holds and no service keeps. */
  async collect(signal: AbortSignal = this.#parts.closing.signal): Promise<{ kept: number; removed: number; bytes: number }> {
    const { store, engine } = this.#parts
    const services = this.#services
    async function* keep(): AsyncGenerator<Kept> {
      // In this order: what a service kept becomes held, and so shows in one of the two whenever it changes.
      yield* services.keep()
      for await (const cid of heldRoots(store)) yield { cid, deep: true }
    }
    const collected = await engine.collect(keep, { signal })
    this.log.info(collected, 'garbage was collected')
    return collected
  }

  /** Refuses new calls, waits for those under way, and leaves everything on disk. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose] = () => this.close()

  async #start(): Promise<void> {
    const { provided, kernel, store, now, revocations, following, filters, publisher, options } = this.#parts
    await publisher.open([...kernel, ...provided].map(({ service }) => service))
    await this.#services.open((service, log) =>
      environmentOf(store, service, {
        now,
        signal: this.#aborting.signal,
        log,
        onHeld: (space, root) => this.#services.held(space, root),
      }),
    )
    const { known } = revocations
    const forget = async () => {
      await known.expire(now())
      await store.expire(now(), this.#parts.closing.signal)
    }
    this.#background.run(forget)
    this.#background.every(60, forget)
    const pace = () => new Pace(this.#parts.closing.signal)
    this.#background.every(60, () => known.keepUp(pace()))
    this.#background.run(() => known.verify(pace()))
    void this.#background.track(following.run(this.#parts.closing.signal))
    this.#background.every(60, () => filters.keepUp())
    this.#background.every(60, () => publisher.keepUp())
    const { collectEvery = 3600 } = options
    if (collectEvery > 0) this.#background.every(collectEvery, () => this.collect())
  }

  async #endServices(): Promise<void> {
    this.#aborting.abort()
    await this.#services.close()
  }

  async #close(): Promise<void> {
    const { options, engine, store, filters, unlock } = this.#parts
    this.#parts.closing.abort()
    filters.close()
    this.gate.close()
    this.#background.stop()
    const patience = AbortSignal.timeout((options.grace ?? 5) * 1000)
    patience.addEventListener('abort', () => this.#aborting.abort())
    for (const listener of this.#listeners) void listener.stop()
    await Promise.race([this.#background.settled(), aborted(patience)])
    this.#aborting.abort()
    // Who heeds the signal is done at once; a handler that doesn't must not keep the host from ending.
    await Promise.race([this.#background.settled(), new Promise((resolve) => setTimeout(resolve, 1000))])
    await Promise.all([...this.#listeners].map((listener) => listener.close()))
    await this.#endServices()
    await engine.close()
    await store.close()
    unlock()
    this.log.info('the host is closed')
  }
}

interface Parts {
  readonly options: Omit<HostOptions, 'services' | 'engine'>
  readonly engine: Engine
  readonly signer: LocalSigner
  readonly store: Store
  readonly log: Log
  readonly name: string
  readonly provided: readonly Provided[]
  readonly kernel: readonly Provided[]
  readonly requests: Requests
  readonly revocations: Revocations
  readonly revocationLog: RevocationLog
  readonly following: Following
  readonly closing: AbortController
  readonly filters: Filters
  readonly publisher: Publisher
  now(): number
  unlock(): void
}

const pick = <T extends object>(from: Partial<T>, names: T): Partial<T> =>
  Object.fromEntries(
    Object.keys(names).flatMap((name) => (from[name as keyof T] === undefined ? [] : [[name, from[name as keyof T]]])),
  ) as Partial<T>

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
