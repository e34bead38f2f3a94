import {
  type AccessState,
  type Amounts,
  type Asked,
  archive,
  type DID,
  defaultAmounts,
  Failure,
  leaseOf,
  type Proof,
  type Service,
  serviceOf,
  sha256,
  type Value,
} from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import type { Answer, Consent, Policies, Request } from './consent.ts'
import type { Leases } from './leases.ts'
import type { Store, StoreTransaction } from './store/store.ts'

/** Named limits of asking. */
export interface RequestOptions {
  /** Seconds that a request waits for the owner. */
  requestLife: number
  /** Seconds that a lease lasts where none is asked for, and at the most. */
  leaseTtl: number
  maxLeaseTtl: number
  /** Requests that may wait at a time: of one space, and of all. */
  maxPendingPerSpace: number
  maxPending: number
  /** The same of one address, and of all that comes in by the Unix socket: spaces cost nothing to make. */
  maxPendingPerRemote: number
  /** Seconds that `access/wait` holds its answer back for news. */
  waitHold: number
}

/** How requests for leases are treated, unless told. */
export const REQUEST_OPTIONS: RequestOptions = {
  requestLife: 600,
  leaseTtl: 30 * 86_400,
  maxLeaseTtl: 365 * 86_400,
  maxPendingPerSpace: 8,
  maxPending: 1000,
  maxPendingPerRemote: 64,
  waitHold: 20,
}

const KIND = 'request'
type Made = Pick<Request, 'request' | 'space' | 'agent' | 'why' | 'app' | 'origin'>
type Stored = Request & { state: 'pending' | 'granted' | 'denied'; reason?: string; leases?: Uint8Array[] }

interface Parts {
  readonly store: Store
  readonly leases: Leases
  readonly policies: Policies
  readonly consent: Consent
  readonly services: readonly Service[]
  readonly options: RequestOptions
  now(): number
  log(message: string, fields?: Record<string, unknown>): void
}

/** Requests for leases, from the asking to the answer. They outlive a restart; an answer that was told is on disk. */
export class Requests {
  readonly #parts: Parts
  readonly #pending = new Map<string, { request: Request; remote: string; settled: AbortController }>()
  readonly #making = new Map<string, Promise<AccessState>>()

  private constructor(parts: Parts) {
    this.#parts = parts
  }

  static async open(parts: Parts): Promise<Requests> {
    const requests = new Requests(parts)
    for await (const { value } of parts.store.every(KIND)) {
      const stored = value as unknown as Stored
      if (stored.state === 'pending' && stored.expires >= parts.now()) requests.#ask(stored)
    }
    return requests
  }

  pending(): Request[] {
    this.#dropExpired()
    return [...this.#pending.values()].map(({ request }) => request)
  }

  /** Takes a request in. The same invocation again, at the same moment too, is the same request. */
  make(request: Made, asked: readonly Asked[], ttl: number | undefined, remote: string): Promise<AccessState> {
    const name = String(request.request)
    let making = this.#making.get(name)
    if (!making) {
      making = this.#make(request, asked, ttl, remote).finally(() => this.#making.delete(name))
      this.#making.set(name, making)
    }
    return making
  }

  async #make(request: Made, asked: readonly Asked[], ttl: number | undefined, remote: string): Promise<AccessState> {
    const { store, options, policies, consent, now, log } = this.#parts
    const known = await store.get(KIND, request.space, String(request.request))
    if (known) return stateOf(known as unknown as Stored, now())
    const waiting = this.#pending.get(String(request.request))
    if (waiting) return stateOf({ ...waiting.request, state: 'pending' }, now())
    if (asked.length === 0) throw new Failure('InvalidInput', 'A request asks for at least one ability.', { field: 'abilities' })
    const whole: Request = {
      ...defined(request),
      abilities: asked.map((each, index) => this.#complete(each, `abilities[${index}]`)),
      ttl: Math.min(ttl ?? options.leaseTtl, options.maxLeaseTtl),
      code: codeOf(request.request),
      expires: now() + options.requestLife,
    }
    const standing = await policies.answer(whole)
    if (standing) return this.#settle(whole, standing)
    this.#mustHaveRoom(whole.space, remote)
    const { settled } = this.#await(whole, remote)
    const stored: Stored = { ...whole, state: 'pending' }
    try {
      const answer = consent(whole, settled.signal)
      if (answer && !(answer instanceof Promise)) return await this.#settle(whole, answer)
      await store.write((tx) => this.#put(tx, stored))
      if (answer) this.#whenAnswered(whole, answer)
    } catch (error) {
      this.#release(String(whole.request))
      throw error
    }
    log('a request waits for the owner', { request: String(whole.request), space: whole.space, code: whole.code })
    return stateOf(stored, now())
  }

  /** The state of a request of the space, as soon as it is settled or the hold is over. */
  async wait(space: DID, request: CID, signal: AbortSignal): Promise<AccessState> {
    const { store, options, now } = this.#parts
    this.#dropExpired()
    const waiting = this.#pending.get(String(request))
    if (waiting && waiting.request.space === space) await settledOr(waiting.settled.signal, signal, options.waitHold * 1000)
    signal.throwIfAborted()
    const stored = (await store.get(KIND, space, String(request))) as unknown as Stored | undefined
    if (!stored) throw new Failure('NotFound', 'There is no such request of this space.', { link: String(request) })
    return stateOf(stored, now())
  }

  /** An operator's answer. */
  async answer(request: CID, answer: Answer): Promise<AccessState> {
    this.#dropExpired()
    const waiting = this.#pending.get(String(request))
    if (!waiting)
      throw new Failure('NotFound', 'No request of that name waits for an answer.', {
        link: String(request),
        hint: 'See: symbiosis host requests',
      })
    return this.#settle(waiting.request, answer)
  }

  async #settle(request: Request, answer: Answer): Promise<AccessState> {
    const { store, leases, policies, now, log } = this.#parts
    const name = String(request.request)
    if (!answer.allow) {
      const stored: Stored = { ...request, state: 'denied', ...(answer.reason && { reason: answer.reason }) }
      const settled = await store.write(async (tx) => {
        const before = await this.#before(tx, request)
        if (before && before.state !== 'pending') return before
        // Who was denied at once waits for nothing, and what nobody waits for isn't kept: anyone may ask.
        if (before) await this.#put(tx, stored)
        if (answer.always)
          for (const { can } of request.abilities)
            await policies.add(tx, { id: `${name}/${can}`, answer: 'deny', space: request.space, can, limits: {}, ttl: 0 })
        return stored
      })
      this.#release(name)
      log('a request was denied', { request: name, space: request.space })
      return stateOf(settled, now())
    }
    const ttl = Math.min(answer.ttl ?? request.ttl, request.ttl)
    const granted = answer.abilities ? lesser(answer.abilities, request.abilities) : request.abilities
    const issued: Proof[] = []
    for (const asked of granted) issued.push(await leases.sign(request.space, asked, now() + ttl))
    const stored: Stored = { ...request, state: 'granted', leases: issued.map(archive) }
    const settled = await store.write(async (tx) => {
      const before = await this.#before(tx, request)
      if (before && before.state !== 'pending') return before
      await this.#put(tx, stored)
      for (const lease of issued) await leases.record(tx, lease, { id: `${name}/${leaseOf(lease.ucan)?.can}`, since: now() })
      if (answer.always) {
        for (const { can, limits = {} } of granted)
          await policies.add(tx, { id: `${name}/${can}`, answer: 'allow', space: request.space, can, limits, ttl })
      }
      return stored
    })
    this.#release(name)
    log('a request was granted', { request: name, space: request.space, leases: issued.map(({ ucan }) => String(ucan.cid)) })
    return stateOf(settled, now())
  }

  /** What was asked, checked against the contracts, with an amount for every limit that the service has. */
  #complete({ can, limits = {} }: Asked, field: string): Asked {
    const service = this.#parts.services.find(({ id }) => id === serviceOf(can))
    const [, name] = can.split('/')
    const known =
      service &&
      (name === '*' || Object.keys(service.abilities).some((ability) => ability.toLowerCase() === name)) &&
      can.split('/').length === 2
    if (!known) {
      const hint = `This host leases ${this.#parts.services.map(({ id }) => `${id}/*`).join(', ') || 'nothing'}.`
      throw new Failure('UnknownAbility', `This host does not lease "${can}".`, { field: `${field}.can`, hint })
    }
    const unknown = Object.keys(limits).find((limit) => !Object.hasOwn(service.limits, limit))
    if (unknown !== undefined) {
      throw new Failure('InvalidInput', `The service ${service.id} has no limit "${unknown}".`, { field: `${field}.limits.${unknown}` })
    }
    return { can, limits: { ...defaultAmounts(service.limits), ...limits } }
  }

  #put = (tx: StoreTransaction, stored: Stored): Promise<void> =>
    tx.put(KIND, stored.space, String(stored.request), stored as unknown as Value, { expires: stored.expires + 86_400 })

  #before = async (tx: StoreTransaction, { space, request }: Request): Promise<Stored | undefined> =>
    (await tx.get(KIND, space, String(request))) as unknown as Stored | undefined

  #mustHaveRoom(space: DID, remote: string): void {
    this.#dropExpired()
    const { maxPending, maxPendingPerSpace, maxPendingPerRemote } = this.#parts.options
    const pending = [...this.#pending.values()]
    const mine = pending.filter(({ request }) => request.space === space).length
    const near = pending.filter((each) => each.remote === remote).length
    if (pending.length >= maxPending || mine >= maxPendingPerSpace || near >= maxPendingPerRemote) {
      throw new Failure('RateLimited', 'Too many requests wait for the owner of this host.', {
        retryAfter: 60,
        hint: 'Wait until the owner has answered.',
      })
    }
  }

  #await(request: Request, remote: string): { settled: AbortController } {
    const entry = { request, remote, settled: new AbortController() }
    this.#pending.set(String(request.request), entry)
    return entry
  }

  /** Puts a request that a restart found waiting to the owner again; it was let in once, so no bound keeps it out. */
  #ask(stored: Stored): void {
    const { settled } = this.#await(stored, 'before the restart')
    const answer = this.#parts.consent(stored, settled.signal)
    if (answer) this.#whenAnswered(stored, Promise.resolve(answer))
  }

  #whenAnswered(request: Request, answer: Promise<Answer | undefined>): void {
    answer
      .then((given) => (given && this.#pending.has(String(request.request)) ? this.#settle(request, given) : undefined))
      .catch((error: unknown) =>
        this.#parts.log('the owner could not be asked', { request: String(request.request), error: String(error) }),
      )
  }

  #release(name: string): void {
    this.#pending.get(name)?.settled.abort()
    this.#pending.delete(name)
  }

  #dropExpired(): void {
    for (const [name, { request }] of this.#pending) if (request.expires < this.#parts.now()) this.#release(name)
  }
}

/** What asker and owner compare: six letters and digits of the request's own hash, none of which look alike. */
const codeOf = (request: CID): string => {
  const alphabet = '23456789abcdefghjkmnpqrstuvwxyz'
  const letters = Array.from(sha256(request.bytes).subarray(0, 6), (byte) => alphabet[byte % alphabet.length])
  return `${letters.slice(0, 3).join('')}-${letters.slice(3).join('')}`
}

const stateOf = (stored: Stored, now: number): AccessState => {
  const { state, request, code, expires } = stored
  if (state === 'granted') return { state, request, leases: stored.leases ?? [] }
  if (state === 'denied')
    throw new Failure('Denied', 'The owner of the host said no.', {
      link: String(request),
      ...(stored.reason && { reason: stored.reason }),
    })
  if (expires < now)
    throw new Failure('Expired', 'Nobody answered the request in time.', { link: String(request), at: expires, hint: 'Ask again.' })
  return { state, request, code, expires }
}

/** Less than was asked, or refused. */
const lesser = (granted: readonly Asked[], asked: readonly Asked[]): readonly Asked[] =>
  granted.map((each, index) => {
    const wanted = asked.find(({ can }) => can === each.can)
    if (!wanted) throw new Failure('InvalidInput', `"${each.can}" was not asked for.`, { field: `abilities[${index}].can` })
    const limits: Amounts = { ...wanted.limits, ...each.limits }
    const most = new Map(Object.entries(wanted.limits ?? {}))
    const more = Object.keys(limits).find((limit) => (limits[limit] as number) > (most.get(limit) ?? -1))
    if (more !== undefined)
      throw new Failure('InvalidInput', `More ${more} than was asked for.`, { field: `abilities[${index}].limits.${more}` })
    return { can: wanted.can, limits: { ...limits } }
  })

const settledOr = (settled: AbortSignal, cancelled: AbortSignal, milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds)
    function done() {
      clearTimeout(timer)
      settled.removeEventListener('abort', done)
      cancelled.removeEventListener('abort', done)
      resolve()
    }
    if (settled.aborted || cancelled.aborted) return done()
    settled.addEventListener('abort', done)
    cancelled.addEventListener('abort', done)
  })

const defined = <T extends object>(value: T): T => Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T
