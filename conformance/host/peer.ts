import {
  access,
  type Block,
  type Capability,
  type Channel,
  type DID,
  decodeReceipts,
  delegate,
  encodeInvocations,
  Failure,
  generateSeed,
  httpChannel,
  invoke,
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
import { didAt, type PeerOptions, realClock, type SharedClock } from './meeting.ts'
import { asked, type Granted, LIFE, request } from './requesting.ts'

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
  readonly options: PeerOptions
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
    this.options = options
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
    return this.options.open ?? (await this.cans((ability) => ability.authority === 'open').catch(() => []))
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
  get soon(): number {
    return (this.options.answerWithin ?? 10) * 1000
  }

  /** Does something until it is late. Who is told to come back later does, as long as that is soon. */
  async patiently<T>(send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal } = this.options
    const began = performance.now()
    while (true) {
      const late = AbortSignal.timeout(this.soon)
      try {
        return await send(signal ? AbortSignal.any([signal, late]) : late)
      } catch (thrown) {
        if (late.aborted) throw new Failure('Cancelled', `There was no answer within ${this.soon / 1000} seconds.`)
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
    const nb = { abilities: asked(this), why: 'To check what this host does', ttl: LIFE }
    this.#granted ??= request(this, { signer: this.space, nb })
    return this.#granted
  }
}
