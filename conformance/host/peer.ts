import {
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
  signerFromSeed,
  type Ucan,
  ucansOf,
  unwrap,
} from '@symbiosis/protocol'
import { type AbilityDescription, fetchManifest, type Manifest } from '@symbiosis/protocol/manifest'
import { Breach } from './breach.ts'

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
  /** Called when the owner is asked. */
  onAsked?(code: string): void
  signal?: AbortSignal
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
  readonly #options: PeerOptions
  #leases: Promise<readonly Proof[]> | undefined
  #manifest: Promise<Manifest> | undefined

  private constructor(url: string, did: DID, services: Peer['services'], options: PeerOptions) {
    this.url = url
    this.did = did
    this.services = services
    this.channel = httpChannel(url)
    this.#options = options
  }

  /** @throws Failure Unavailable, Unsupported where no host answers; what `invoke` throws where it answers falsely */
  static async meet(url: string, options: PeerOptions = {}): Promise<Peer> {
    const did = await didAt(url)
    const signer = signerFromSeed(generateSeed())
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
      now,
    })
    return this.#manifest
  }

  /** Abilities of its services that need no lease. */
  async open(): Promise<readonly string[]> {
    return this.#options.open ?? (await this.#cans((ability) => ability.authority === 'open'))
  }

  /** Leased abilities that run once and need no input. */
  once(): Promise<readonly string[]> {
    return this.#cans(
      ({ effect, authority, stream, nb }) =>
        effect === 'once' && authority === 'leased' && stream === 'none' && (nb.required ?? []).length === 0,
    )
  }

  async #cans(which: (ability: AbilityDescription) => boolean): Promise<string[]> {
    const manifest = await this.manifest().catch(() => undefined)
    return this.services.flatMap(({ id }) =>
      Object.entries(manifest?.services.get(id)?.abilities ?? {}).flatMap(([can, ability]) => (which(ability) ? [can] : [])),
    )
  }

  get now(): number {
    return now()
  }

  async invocation(call: Partial<CallShape>): Promise<Ucan> {
    const { signer = this.space, can = 'access/hello', subject = signer.did, nb = {}, proofs = [], notBefore } = call
    return issueUcan(signer, {
      audience: call.audience ?? this.did,
      capabilities: call.capabilities ?? [{ can, with: subject, nb: nb as never }],
      expiration: call.expiration === undefined ? now() + 60 : call.expiration,
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
    const receipts = decodeReceipts(await this.post(encodeInvocations(invocations, blocks)))
    return invocations.map(({ cid }) => {
      const receipt = receipts.get(String(cid))
      if (!receipt) throw new Breach('There is no receipt for a call of the message.')
      return readReceipt<Record<string, unknown>>(receipt, cid, this.did).out
    })
  }

  /** Sends a message as it is. Who is told to come back later does, as long as that is soon. */
  async post(message: Uint8Array): Promise<Uint8Array> {
    const { signal, answerWithin = 10 } = this.#options
    const began = performance.now()
    while (true) {
      const late = AbortSignal.timeout(answerWithin * 1000)
      try {
        return await this.channel.request(message, { signal: signal ? AbortSignal.any([signal, late]) : late })
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
    const { can = 'access/hello', subject = from.did, nb, proofs = [], expiration = now() + 3600, capabilities } = over
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
  leases(): Promise<readonly Proof[]> {
    this.#leases ??= this.#request()
    return this.#leases
  }

  async #request(): Promise<readonly Proof[]> {
    const { patience = 0, onAsked } = this.#options
    const abilities = this.services.map(({ id }) => ({ can: `${id}/*` }))
    if (abilities.length === 0) throw new Breach('The host tells of no service that could be leased.')
    const ends = now() + patience
    let { ok, error } = await this.call({ can: 'access/request', nb: { abilities, why: 'To check what this host does', ttl: 3600 } })
    if (ok?.state === 'pending') onAsked?.(String(ok.code))
    while (ok?.state === 'pending' && now() < ends) {
      ;({ ok, error } = await this.call({ can: 'access/wait', nb: { request: ok.request as never } }))
    }
    if (error) throw new Breach(`Asked for leases it answers ${error.name}: ${error.message}`)
    if (ok?.state !== 'granted') throw new Breach('Its owner has not said yes to the leases that the rules about leases need.')
    return (ok.leases as Uint8Array[]).map(extract)
  }
}

const now = (): number => Math.floor(Date.now() / 1000)

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
