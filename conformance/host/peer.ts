import {
  type Amounts,
  access,
  type Block,
  type Capability,
  type Channel,
  type DID,
  decodeReceipts,
  delegate,
  encodeInvocations,
  extract,
  Failure,
  generateSeed,
  httpChannel,
  invoke,
  isDid,
  issueUcan,
  type LocalSigner,
  nonce,
  type Output,
  type Proof,
  type Refusal,
  type Result,
  readReceipt,
  serviceOf,
  signerFromSeed,
  type Ucan,
  ucansOf,
  unwrap,
} from '@symbiosis/protocol'
import { type AbilityDescription, fetchManifest, type Manifest } from '@symbiosis/protocol/manifest'
import type { Sample } from '../guests.ts'
import { Breach, Unseen } from './breach.ts'

export type Answer = Result<Record<string, unknown>, Refusal>

/** A call, with whatever a rule wants to be wrong about it. */
export interface CallShape {
  can: string
  nb: object
  subject: string
  capabilities: readonly Capability[]
  proofs: readonly Proof[]
  /** UCANs that come along without being named. */
  attach: readonly Proof[]
  expiration: number | null
  notBefore: number
  audience: DID
  signer: LocalSigner
}

/** A request that the owner said yes to. */
export interface Granted {
  /** What it was answered at first, when the same call came again, and at last. */
  readonly first: Answer
  readonly again: Answer
  readonly last: Answer
  readonly leases: readonly Proof[]
}

/** The time that the host and the rules share. */
export interface SharedClock {
  /** Unix seconds. */
  now(): number
  /** Resolves when so many seconds have passed, for both. */
  pass(seconds: number): Promise<void>
}

/** How a host is met across the wire. */
export interface PeerOptions {
  /** Services to ask leases of; all that the host tells of unless given. */
  services?: readonly string[]
  /** Abilities of those services that are open to all; as its manifest says unless given. */
  open?: readonly string[]
  /** Seconds that the owner may take to say yes. 0 unless told. */
  patience?: number
  /** Seconds within which a call is answered, 10 unless told; an ability that waits for something is given up after it. */
  answerWithin?: number
  /**
   * Calls of the host's own services that work for a new space, in this order; `ability` in full, `thumbs/make`, and what an ability gives back as a
   * negative amount of `uses`. Of `pin` and `dag` the rules have some.
   */
  samples?: readonly Sample[]
  /** Real time unless given: for hosts whose clock can be moved. */
  clock?: SharedClock
  /** Called when the owner is asked. */
  onAsked?(code: string): void
  signal?: AbortSignal
}

const realClock: SharedClock = {
  now: () => Math.floor(Date.now() / 1000),
  pass: (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000)),
}

/** What is asked for of each limit, unless samples use more. */
const ASKED = 1_000_000
/** So many times what the samples use is asked for: the rules run them for one space after the other. */
const RUNS = 100

/** Seconds that leases are asked for. */
export const LIFE = 3600

/** The longest that a rule waits because the host says that it asks too much, in ms. */
const MAX_PAUSE = 30_000

/** A host across the wire, and a space of this side's that calls it. Receipts are verified, always. */
export class Peer {
  readonly url: string
  readonly channel: Channel
  readonly did: DID
  readonly services: Output<(typeof access)['abilities']['hello']>['services']
  readonly space = signerFromSeed(generateSeed())
  readonly device = signerFromSeed(generateSeed())
  readonly stranger = signerFromSeed(generateSeed())
  readonly clock: SharedClock
  /** Samples of its own services. */
  readonly samples: readonly Sample[]
  readonly #options: PeerOptions
  #granted: Promise<Granted> | undefined
  #manifest: Promise<Manifest> | undefined

  private constructor(url: string, did: DID, services: Peer['services'], options: PeerOptions) {
    this.url = url
    this.did = did
    this.services = services
    this.channel = httpChannel(url)
    this.clock = options.clock ?? realClock
    // On the wire abilities are in lower case, and those of services that nothing is asked of are no part of it.
    const all = (options.samples ?? []).map((sample) => ({ ...sample, ability: sample.ability.toLowerCase() }))
    this.samples = all.filter(({ ability }) => !options.services || options.services.includes(serviceOf(ability)))
    this.#options = options
  }

  /** @throws Failure Unavailable, Unsupported where no host answers; what `invoke` throws where it answers falsely */
  static async meet(url: string, options: PeerOptions = {}): Promise<Peer> {
    const did = await didAt(url)
    const signer = signerFromSeed(generateSeed())
    const { now } = options.clock ?? realClock
    const caller = { signer, host: did, subject: signer.did, proofs: [], channel: httpChannel(url), now }
    const { services } = unwrap((await invoke(caller, access, 'hello', {})).result)
    const wanted = options.services ?? services.map(({ id }) => id)
    return new Peer(
      url,
      did,
      services.filter(({ id }) => wanted.includes(id)),
      options,
    )
  }

  /** The manifest, asked for once; what it lacks is for the rules about it to say. */
  manifest(): Promise<Manifest> {
    this.#manifest ??= fetchManifest({
      signer: this.stranger,
      host: this.did,
      subject: this.stranger.did,
      proofs: [],
      channel: this.channel,
      now: this.clock.now,
    })
    return this.#manifest
  }

  /** An ability of its services as the manifest tells of it. */
  async ability(can: string): Promise<AbilityDescription | undefined> {
    const id = can.split('/')[0] as string
    if (!this.services.some((service) => service.id === id)) return undefined
    return (await this.manifest()).services.get(id)?.abilities[can]
  }

  /** Abilities of its services that need no lease. */
  async open(): Promise<readonly string[]> {
    return this.#options.open ?? (await this.cans((ability) => ability.authority === 'open').catch(() => []))
  }

  /** Abilities of its services, by what the manifest tells of them. */
  async cans(which: (ability: AbilityDescription) => boolean): Promise<string[]> {
    const { services } = await this.manifest()
    return this.services.flatMap(({ id }) =>
      Object.entries(services.get(id)?.abilities ?? {}).flatMap(([can, ability]) => (which(ability) ? [can] : [])),
    )
  }

  get now(): number {
    return this.clock.now()
  }

  async invocation(call: Partial<CallShape>): Promise<Ucan> {
    const { signer = this.space, can = 'access/hello', subject = signer.did, nb = {}, proofs = [], notBefore } = call
    return issueUcan(signer, {
      audience: call.audience ?? this.did,
      capabilities: call.capabilities ?? [{ can, with: subject, nb: nb as never }],
      expiration: call.expiration === undefined ? this.now + 60 : call.expiration,
      ...(notBefore !== undefined && { notBefore }),
      nonce: nonce(),
      proofs: proofs.map(({ ucan }) => ucan.cid),
    })
  }

  /** Sends one call, whatever is wrong about it. */
  async call(call: Partial<CallShape>): Promise<Answer> {
    const invocation = await this.invocation(call)
    return this.send([invocation], ucansOf([...(call.proofs ?? []), ...(call.attach ?? [])])).then(([answer]) => answer as Answer)
  }

  /** Sends invocations with the blocks beside them, and reads the receipts in their order. */
  async send(invocations: readonly Ucan[], blocks: readonly Block[]): Promise<Answer[]> {
    return this.read(await this.post(encodeInvocations(invocations, blocks)), invocations)
  }

  /** The answers of a message to invocations. */
  read(message: Uint8Array, invocations: readonly Ucan[]): Answer[] {
    const receipts = decodeReceipts(message)
    return invocations.map(({ cid }) => {
      const receipt = receipts.get(String(cid))
      if (!receipt) throw new Breach('There is no receipt for a call of the message.')
      return readReceipt<Record<string, unknown>>(receipt, cid, this.did).out
    })
  }

  /** Sends a message as it is. */
  post(message: Uint8Array): Promise<Uint8Array> {
    return this.patiently((signal) => this.channel.request(message, { signal }))
  }

  /** Milliseconds within which a call is answered. */
  get patience(): number {
    return (this.#options.answerWithin ?? 10) * 1000
  }

  /** Does something until it is late. Who is told to come back later does, as long as that is soon. */
  async patiently<T>(send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal, answerWithin = 10 } = this.#options
    const began = performance.now()
    while (true) {
      const late = AbortSignal.timeout(answerWithin * 1000)
      try {
        return await send(signal ? AbortSignal.any([signal, late]) : late)
      } catch (thrown) {
        if (late.aborted) throw new Failure('Cancelled', `There was no answer within ${answerWithin} seconds.`)
        if (!(thrown instanceof Failure) || thrown.name !== 'RateLimited') throw thrown
        const pause = (thrown.details.retryAfter ?? 1) * 1000
        if (performance.now() - began + pause > MAX_PAUSE) throw thrown
        await new Promise((resolve) => setTimeout(resolve, pause))
      }
    }
  }

  /** Delegates in the ordinary way; `over` bends it. */
  given(from: LocalSigner, to: LocalSigner, over: Partial<CallShape> = {}): Promise<Proof> {
    const { can = 'access/hello', subject = from.did, nb, proofs = [], expiration = this.now + LIFE, capabilities } = over
    return delegate(from, {
      audience: to.did,
      capabilities: capabilities ?? [{ can, with: subject, ...(nb && { nb: nb as never }) }],
      expiration,
      proofs,
    })
  }

  /**
   * Leases for the space, asked for once.
   * @throws Breach where the owner doesn't say yes in time
   */
  async leases(): Promise<readonly Proof[]> {
    return (await this.granted()).leases
  }

  /** The request that the leases came of. */
  granted(): Promise<Granted> {
    if (this.services.length === 0) throw new Unseen('The host tells of no service that could be leased.')
    this.#granted ??= this.request({
      signer: this.space,
      nb: { abilities: this.asked(), why: 'To check what this host does', ttl: LIFE },
    })
    return this.#granted
  }

  /** All services, with an amount of every limit; of the least that is given unless told. */
  asked(amounts?: { readonly [service: string]: Amounts }): { can: string; limits: { [limit: string]: number } }[] {
    return this.services.map(({ id, limits }) => ({
      can: `${id}/*`,
      limits: Object.fromEntries(limits.map((name) => [name, amounts?.[id]?.[name] ?? this.#plenty(id, name)])),
    }))
  }

  #plenty(service: string, limit: string): number {
    const used = this.samples.filter(({ ability }) => ability.startsWith(`${service}/`)).map(({ uses }) => Math.max(0, uses?.[limit] ?? 0))
    return Math.max(ASKED, RUNS * used.reduce((sum, amount) => sum + amount, 0))
  }

  /**
   * Asks for leases, and waits for the owner.
   * @throws Breach where the owner doesn't say yes in time
   */
  async request(call: Partial<CallShape>): Promise<Granted> {
    const { patience = 0, onAsked } = this.#options
    const ends = performance.now() + patience * 1000
    const invocation = await this.invocation({ ...call, can: 'access/request' })
    const send = async () => (await this.send([invocation], ucansOf(call.proofs ?? [])))[0] as Answer
    const [first, again] = [await send(), await send()]
    if (first.ok?.state === 'pending') onAsked?.(String(first.ok.code))
    let last = first
    while (last.ok?.state === 'pending' && performance.now() < ends) {
      const nb = { request: last.ok.request as never }
      last = await this.call({ ...call, can: 'access/wait', nb }).catch((thrown: unknown) => {
        // It may hold the answer back for longer than other calls take.
        if (thrown instanceof Failure && thrown.name === 'Cancelled') return last
        throw thrown
      })
    }
    const { ok, error } = last
    if (error) throw new Breach(`Asked for leases it answers ${error.name}: ${error.message}`)
    if (ok.state !== 'granted') throw new Unseen('Its owner has not said yes to the leases that the rules about leases need.')
    return { first, again, last, leases: (ok.leases as Uint8Array[]).map(extract) }
  }
}

const didAt = async (url: string): Promise<DID> => {
  let about: { did?: unknown }
  try {
    about = (await (await fetch(url)).json()) as { did?: unknown }
  } catch (cause) {
    throw new Failure('Unavailable', `No host tells of itself at ${url}.`, { reason: 'no answer', hint: 'Check the address.' }, { cause })
  }
  if (typeof about?.did !== 'string' || !isDid(about.did)) throw new Failure('Unsupported', `What answers at ${url} is no host.`)
  return about.did
}
