import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { allow, type Engine, Host, openLog, operatorPath, readOperator } from '@symbiosis/host'
import {
  type Ability,
  type Amounts,
  type Answered,
  access,
  type Block,
  type Blocks,
  canOf,
  type DID,
  delegate,
  extract,
  generateSeed,
  inProcessChannel,
  invoke,
  type LocalSigner,
  type OpenService,
  type Proof,
  type Provided,
  type Refusal,
  type Result,
  type Routing,
  signerFromSeed,
  unwrap,
} from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import { holder } from './holder.ts'

/** A call that works, with what there is to know of it. */
export interface Sample {
  /** Name of the ability, as the contract has it; in full where it is about a host, which has other services as well: `thumbs/make`. */
  readonly ability: string
  readonly nb?: object
  /** What goes up beside it, for abilities that stream in. */
  readonly body?: Uint8Array
  /** What it holds of the lease's limits from then on; below 0 where it gives back. */
  readonly uses?: Amounts
  /** The declared error that it is answered with. */
  readonly error?: string
  /** Fields of the answer that are others each time: a time, a random name. */
  readonly varies?: readonly string[]
  /** Whether it's meant to tell of what other spaces did. */
  readonly shared?: boolean
}

/** What a service finds on its host. */
export interface Surroundings {
  /** The host's engine, on a folder; it is opened again after each restart. The embedded node, which nobody can reach, unless told. */
  engine?(dir: string): Promise<ServiceEngine>
  /** Blocks that are here from the start, whoever brought them. */
  stored?: readonly Block[]
  /** Roots that every space holds whole from the start, as if it had pinned them; their blocks stand in `stored`. */
  held?: readonly CID[]
}

/** What a host and its services need of an engine. */
export type ServiceEngine = Engine & Blocks & { readonly routing?: Routing }

/** What became of a sample: the answer, and the bytes behind it. */
export interface Told {
  readonly out: Result<Record<string, unknown>, Refusal>
  readonly bytes?: Uint8Array
}

/** A real host with nothing but the service, and the spaces that call it. */
export class ServiceHost {
  readonly #dir: string
  readonly #open: OpenService
  readonly #surroundings: Surroundings
  #host: Host | undefined
  #service: Provided | undefined
  readonly #holder = holder()

  constructor(dir: string, open: OpenService, surroundings: Surroundings) {
    this.#dir = dir
    this.#open = open
    this.#surroundings = surroundings
  }

  /** Opens it for the first time. */
  async start(): Promise<void> {
    const { stored = [] } = this.#surroundings
    await this.#start((engine) => engine.store(stored, async () => {}))
  }

  /** Closes it and opens it: what it kept has to be there again. */
  async restart(): Promise<void> {
    await this.close()
    await this.#start(async () => {})
  }

  async #start(prepare: (engine: ServiceEngine) => Promise<void>): Promise<void> {
    const { engine: openEngine = embedded } = this.#surroundings
    const dir = join(this.#dir, 'service')
    mkdirSync(dir, { recursive: true })
    this.#host = await Host.open({
      dir: join(this.#dir, 'host'),
      engine: () => openEngine(join(this.#dir, 'engine')),
      services: async (engine) => {
        await prepare(engine)
        this.#service = await this.#open({ dir, blocks: engine, routing: engine.routing })
        return [this.#service, this.#holder.provided]
      },
      consent: allow,
      collectEvery: 0,
      grace: 1,
      log: openLog({ level: 'silent' }),
    })
  }

  /** Removes what nobody holds or keeps. */
  async collect(): Promise<void> {
    await this.#host?.collect()
  }

  async close(): Promise<void> {
    await this.#host?.close()
    this.#host = undefined
  }

  get provided(): Provided {
    return this.#service as Provided
  }

  /** A space with a lease of so much; of everything in the plenty unless told. */
  async guest(limits?: Amounts): Promise<Guest> {
    const { service } = this.provided
    const plenty = Object.fromEntries(Object.keys(service.limits).map((name) => [name, Number.MAX_SAFE_INTEGER]))
    const guest = new Guest(this, signerFromSeed(generateSeed()), [])
    const asked = { can: canOf(service.id, '*'), limits: { ...plenty, ...limits } }
    const { result } = await invoke(guest.caller, access, 'request', { abilities: [asked] })
    await this.furnish(guest.signer.did)
    return new Guest(this, guest.signer, (unwrap(result).leases ?? []).map(extract))
  }

  /** Has a space hold what every space holds. */
  async furnish(space: DID): Promise<void> {
    for (const root of this.#surroundings.held ?? []) await this.#holder.hold(space, root)
  }

  /** Whoever operates the host. */
  get operator(): { signer: LocalSigner; proofs: readonly Proof[]; subject: DID } {
    const { signer, delegation, host } = readOperator(operatorPath(join(this.#dir, 'host')))
    return { signer, proofs: [delegation], subject: host }
  }

  get channel() {
    if (!this.#host) throw new Error('The host is closed.')
    return inProcessChannel(this.#host.door)
  }

  get did(): DID {
    return (this.#host as Host).did
  }
}

/** A space that calls as its own agent. */
export class Guest {
  readonly signer: LocalSigner
  readonly leases: readonly Proof[]
  readonly #host: ServiceHost

  constructor(host: ServiceHost, signer: LocalSigner, leases: readonly Proof[]) {
    this.#host = host
    this.signer = signer
    this.leases = leases
  }

  get caller() {
    const { did: host, channel } = this.#host
    return { signer: this.signer, subject: this.signer.did, proofs: this.leases, host, channel, now }
  }

  /** Calls as the space, or as the operator where the ability is for operators. */
  async call({ ability: name, nb = {}, body }: Sample, signal?: AbortSignal): Promise<Told> {
    const { service } = this.#host.provided
    const { authority } = service.abilities[name] as Ability
    const caller = authority === 'operator' ? { ...this.caller, ...this.#host.operator } : this.caller
    const options = {
      ...(body && { body: new Response(body as Uint8Array<ArrayBuffer>).body as ReadableStream<Uint8Array> }),
      ...(signal && { signal }),
    }
    const { result, body: answer } = (await invoke(caller, service, name, nb as never, options)) as Answered<Record<string, unknown>>
    return { out: result, ...(answer && { bytes: new Uint8Array(await new Response(answer).arrayBuffer()) }) }
  }

  /** Leases some of what it has onward. */
  async lend(limits: Amounts): Promise<Guest> {
    const [above] = this.leases as [Proof]
    const signer = signerFromSeed(generateSeed())
    const [capability] = above.ucan.capabilities
    const lease = await delegate(this.signer, {
      audience: signer.did,
      capabilities: [{ can: capability?.can as string, with: this.#host.did, nb: { ...limits } }],
      expiration: above.ucan.expiration,
      proofs: [above],
    })
    await this.#host.furnish(signer.did)
    return new Guest(this.#host, signer, [lease])
  }

  /** The same without its leases. */
  get bare(): Guest {
    return new Guest(this.#host, this.signer, [])
  }
}

/** Loaded where a service is tested, and not by all that load this package: it takes a second. */
const embedded = async (dir: string): Promise<ServiceEngine> => {
  const { helia } = await import('@symbiosis/host/helia')
  return helia({ dir, listen: [] })
}

const now = (): number => Math.floor(Date.now() / 1000)
