import {
  BOUNDS,
  type Bounds,
  type DID,
  type Door,
  type Guard,
  type Kept,
  type LocalSigner,
  type Provided,
  UcanMemory,
} from '@symbiosis/protocol'
import { answering } from './answering.ts'
import { ask, type Consent, Policies, type Policy } from './consent.ts'
import { Dispatcher, routesOf } from './dispatch.ts'
import { Gate, type GateOptions } from './gate.ts'
import { ensureOperator, openIdentity } from './identity.ts'
import { kernelServices } from './kernel.ts'
import { Leases } from './leases.ts'
import { type Listener, type ListenOptions, listen } from './listen.ts'
import { lockFolder } from './lock.ts'
import { checkWitnesses } from './log/cosignatures.ts'
import { FILTERS_OPTIONS, Filters, type FiltersOptions } from './log/filters.ts'
import { FOLLOW_OPTIONS, type Followed, Following, type FollowOptions } from './log/following.ts'
import { RevocationLog } from './log/revocation-log.ts'
import { Witness } from './log/witness.ts'
import { type Log, openLog } from './log.ts'
import { Metrics } from './metrics.ts'
import { REQUEST_OPTIONS, type RequestOptions, Requests } from './requests.ts'
import { Revocations } from './revocations.ts'
import { finishExchange, storePath } from './store/exchange.ts'
import { sqliteStore } from './store/sqlite.ts'
import type { Store } from './store/store.ts'
import { environmentOf, heldRoots } from './workspace.ts'

/** What keeps blocks for the services, as far as the host itself has to do with it. */
export interface Engine {
  /** Removes every block that isn't kept. */
  collect(keep: () => AsyncIterable<Kept>, options: { signal?: AbortSignal }): Promise<{ kept: number; removed: number; bytes: number }>
  stats(): { blocks: number; bytes: number }
  close(): Promise<void>
}

export interface HostOptions<E extends Engine = Engine> extends Partial<RequestOptions>, Partial<FiltersOptions> {
  /** Where the host keeps its key, its store and its operator's key. One host per folder. */
  dir: string
  /** What the host is called, for people. */
  name?: string
  /** Or what opens it: called when the folder is this host's own, so that two processes never open one engine. */
  engine: E | (() => Promise<E>)
  services(engine: E): Provided[]
  /** How requests are answered that no policy answers; `ask` unless told. */
  consent?: Consent
  policies?: readonly Policy[]
  bounds?: Partial<Bounds>
  /** What strangers may take of the host's time. */
  gate?: Partial<GateOptions>
  /** Seconds that an invocation may live. */
  maxLife?: number
  /** Revocations kept at a time that were let in by the lease of one space. */
  maxRevocationsPerSpace?: number
  /** Addresses of hosts whose logs are followed: what is revoked there is refused here. `#did:key:...` behind one demands that identity. */
  follow?: readonly string[]
  following?: Partial<FollowOptions>
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
  readonly dir: string
  readonly #parts: Parts
  readonly #running = new Set<Promise<unknown>>()
  readonly #listeners = new Set<Listener>()
  readonly #timers: NodeJS.Timeout[] = []
  readonly #closing = new AbortController()
  readonly #aborting = new AbortController()
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
    const provided = options.services(engine)
    const services = provided.map(({ service }) => service)
    const leases = new Leases(signer, store)
    const policies = new Policies(store, options.policies ?? [])
    const revocationLog = await RevocationLog.open(identity, store)
    const revocations = await Revocations.open(store, revocationLog, options.maxRevocationsPerSpace ?? 10_000, now())
    checkWitnesses(options.witnesses)
    const following = new Following(options.follow ?? [], {
      dir: options.dir,
      signer,
      store,
      revocations,
      witness: await Witness.open(identity, now),
      log,
      now,
      options: { ...FOLLOW_OPTIONS, ...options.following },
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
      filters,
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
        collect: (signal) => host.collect(signal),
      }),
    })
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
    const { engine } = parts
    const bounds = { ...BOUNDS, ...parts.options.bounds }
    this.gate = new Gate(parts.options.gate, () => performance.now(), programTime)
    this.metrics = new Metrics({
      strangers: () => this.gate.strangers,
      pending: () => parts.requests.pending().length,
      revocations: () => parts.revocations.size,
      stats: () => engine.stats(),
      entries: () => parts.revocationLog.size(),
      followed: () => parts.following.list(),
      now: () => parts.now(),
    })
    const routes = routesOf([...parts.kernel, ...parts.provided])
    const memory = new UcanMemory(parts.options.memory)
    const dispatcher = new Dispatcher({
      store: parts.store,
      closing: this.#closing.signal,
      aborting: this.#aborting.signal,
      onHeld: (space, root) => this.#held(space, root),
      checking: async ({ connection }, { checks }, invocation, run) =>
        this.gate.run(connection, checks.inSteps(run, this.gate.payer(connection, invocation))),
      unexpected: (error, can) => this.log.error({ err: error, can }, 'a handler failed'),
    })
    const guard = (): Guard => ({
      host: this.did,
      now: parts.now(),
      maxLife: parts.options.maxLife ?? 600,
      bounds,
      ability: (can) => routes.get(can),
      revocations: parts.revocations.of,
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
      closing: this.#closing.signal,
    })
    this.door = (call) => this.#track(answer(call))
  }

  /** Opens doors of this machine: HTTP, a Unix socket, or both. */
  async listen(options: ListenOptions = {}): Promise<Listener> {
    const listener = await listen(this, { ...options, maxMessageBytes: this.#parts.options.bounds?.messageBytes ?? BOUNDS.messageBytes })
    this.#listeners.add(listener)
    return listener
  }

  /** Whether the host would take a call now. */
  get ready(): boolean {
    return !this.#closing.signal.aborted
  }

  /** The hosts whose logs are followed, and how that stands. */
  followed(): Followed[] {
    return this.#parts.following.list()
  }

  /** Removes the blocks that no space holds and no service keeps. */
  async collect(signal: AbortSignal = this.#closing.signal): Promise<{ kept: number; removed: number; bytes: number }> {
    const { store, provided, engine } = this.#parts
    async function* keep(): AsyncGenerator<Kept> {
      // In this order: what a service kept becomes held, and so shows in one of the two whenever it changes.
      for (const { hooks } of provided) if (hooks.keep) yield* hooks.keep()
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
    const { provided, store, now, revocations, following, filters, options } = this.#parts
    for (const { service, hooks } of provided) {
      await hooks.open?.(
        environmentOf(store, service.id, {
          now,
          signal: this.#aborting.signal,
          log: (text, fields) => this.log.info({ service: service.id, ...fields }, text),
          onHeld: (space, root) => this.#held(space, root),
        }),
      )
    }
    const forget = async () => {
      revocations.expire(now())
      await store.expire(now())
    }
    await forget()
    this.#every(60, forget)
    void this.#track(following.run(this.#closing.signal))
    this.#every(60, () => filters.keepUp())
    const { collectEvery = 3600 } = options
    if (collectEvery > 0) this.#every(collectEvery, () => this.collect())
  }

  async #held(...held: Parameters<NonNullable<Provided['hooks']['held']>>): Promise<void> {
    for (const { hooks } of this.#parts.provided) await hooks.held?.(...held)
  }

  #track<T>(running: Promise<T>): Promise<T> {
    this.#running.add(running)
    const done = () => this.#running.delete(running)
    running.then(done, done)
    return running
  }

  #every(seconds: number, task: () => Promise<unknown>): void {
    const run = () =>
      this.#track(task()).catch((error: unknown) => {
        if (this.ready) this.log.error({ err: error }, 'a task of the background failed')
      })
    const timer = setInterval(run, seconds * 1000)
    timer.unref()
    this.#timers.push(timer)
  }

  async #close(): Promise<void> {
    const { options, engine, provided, store, filters, unlock } = this.#parts
    this.#closing.abort()
    filters.close()
    this.gate.close()
    for (const timer of this.#timers) clearInterval(timer)
    const patience = AbortSignal.timeout((options.grace ?? 5) * 1000)
    patience.addEventListener('abort', () => this.#aborting.abort())
    for (const listener of this.#listeners) void listener.stop()
    await Promise.race([Promise.allSettled(this.#running), aborted(patience)])
    this.#aborting.abort()
    // Who heeds the signal is done at once; a handler that doesn't must not keep the host from ending.
    await Promise.race([Promise.allSettled(this.#running), new Promise((resolve) => setTimeout(resolve, 1000))])
    await Promise.all([...this.#listeners].map((listener) => listener.close()))
    for (const { hooks } of provided) await hooks.close?.()
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
  readonly filters: Filters
  now(): number
  unlock(): void
}

const pick = <T extends object>(from: Partial<T>, names: T): Partial<T> =>
  Object.fromEntries(
    Object.keys(names).flatMap((name) => (from[name as keyof T] === undefined ? [] : [[name, from[name as keyof T]]])),
  ) as Partial<T>

/** Milliseconds of the processor that this program had. Those of the thread alone are told by ticks of some milliseconds, which is too coarse. */
const programTime = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
