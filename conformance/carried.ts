import { allow, type Engine, Host, openLog } from '@symbiosis/host'
import {
  ability,
  access,
  type Caller,
  canOf,
  type DID,
  type Door,
  encodeInvocations,
  extract,
  type Handlers,
  inProcessChannel,
  int,
  invoke,
  issueUcan,
  nonce,
  optional,
  type Proof,
  provide,
  revocation,
  service,
  signerFromSeed,
  streamFrom,
  struct,
  text,
  type Ucan,
  ucansOf,
  unwrap,
} from '@symbiosis/protocol'

/** A service with an ability for each thing that a channel has to carry. */
const parcel = service('parcel', {
  rev: 1,
  about: 'Goes to and fro',
  abilities: {
    look: ability({ about: 'Answers', effect: 'read', nb: struct({}), ok: struct({}) }),
    weigh: ability({
      about: 'Answers what it was told',
      effect: 'read',
      nb: struct({ thing: text(), size: int() }),
      ok: struct({ size: int() }),
    }),
    fill: ability({
      about: 'Takes bytes',
      effect: 'idempotent',
      stream: 'in',
      nb: struct({ stopAt: optional(int()) }),
      ok: struct({ bytes: int() }),
      errors: { Full: struct({ bytes: int() }) },
    }),
    pour: ability({ about: 'Gives bytes', effect: 'read', stream: 'out', nb: struct({ bytes: int() }), ok: struct({ bytes: int() }) }),
    wait: ability({ about: 'Waits until it is told to stop', effect: 'read', nb: struct({}), ok: struct({}) }),
  },
})

/** What the suite sees of the service from within. */
export interface Watch {
  /** Runs of the handlers, by name. */
  runs: { [ability: string]: number }
  /** Calls that saw their signal abort. */
  aborted: number
  /** Bytes that `pour` was asked for by its stream. */
  poured: number
  /** Streams of `pour` that were let go. */
  released: number
}

export const watch = (): Watch => ({ runs: {}, aborted: 0, poured: 0, released: 0 })

const POURED = 16 * 1024

const handlers = (seen: Watch): Handlers<typeof parcel> => {
  const ran = (name: string) => {
    seen.runs[name] = (seen.runs[name] ?? 0) + 1
  }
  async function* pouring(bytes: number): AsyncGenerator<Uint8Array> {
    try {
      for (let left = bytes; left > 0; left -= POURED) {
        seen.poured += Math.min(left, POURED)
        yield new Uint8Array(Math.min(left, POURED)).fill(left & 0xff)
      }
    } finally {
      seen.released++
    }
  }
  return {
    look: () => {
      ran('look')
      return {}
    },
    weigh: ({ size }) => ({ size }),
    async fill({ stopAt = Number.POSITIVE_INFINITY }, { body, fail }) {
      let bytes = 0
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        bytes += chunk.length
        if (bytes >= stopAt) return fail('Full', { bytes })
      }
      return { bytes }
    },
    pour: ({ bytes }) => ({ ok: { bytes }, body: streamFrom(pouring(bytes)) }),
    async wait(_, { signal }) {
      ran('wait')
      await new Promise<void>((resolve) => {
        const note = () => {
          seen.aborted++
          resolve()
        }
        if (signal.aborted) note()
        else signal.addEventListener('abort', note, { once: true })
      })
      signal.throwIfAborted()
      return {}
    },
  }
}

/** Of no use to a service that keeps no blocks. */
const noEngine = (): Engine => ({
  collect: async () => ({ kept: 0, removed: 0, bytes: 0 }),
  stats: () => ({ blocks: 0, bytes: 0 }),
  close: async () => {},
})

/** A host with that service, and a caller with a lease of it. */
export class CarriedHost {
  readonly #host: Host
  readonly #signer = signerFromSeed(crypto.getRandomValues(new Uint8Array(32)))
  #leases: Proof[] = []

  private constructor(host: Host) {
    this.#host = host
  }

  static async open(dir: string, seen: Watch, maxBytes: number): Promise<CarriedHost> {
    const host = await Host.open({
      dir,
      engine: noEngine(),
      services: () => [provide(parcel, handlers(seen))],
      consent: allow,
      bounds: { messageBytes: maxBytes, blockBytes: maxBytes, nbBytes: maxBytes },
      log: openLog({ level: 'silent' }),
    })
    const carried = new CarriedHost(host)
    carried.#leases = await carried.lease()
    return carried
  }

  get did(): DID {
    return this.#host.did
  }

  get door(): Door {
    return this.#host.door
  }

  /** A call and the message that carries it, by the lease that all share unless told. */
  async call(can: string, nb: object, leases = this.#leases): Promise<{ call: Ucan; message: Uint8Array }> {
    const call = await issueUcan(this.#signer, {
      audience: this.did,
      capabilities: [{ can, with: this.#signer.did, nb: nb as never }],
      expiration: now() + 60,
      nonce: nonce(),
      proofs: leases.map(({ ucan }) => ucan.cid),
    })
    return { call, message: encodeInvocations([call], ucansOf(leases)) }
  }

  close = () => this.#host.close()

  /** Another lease for the same caller. */
  async lease(): Promise<Proof[]> {
    const { result } = await invoke(this.#caller, access, 'request', { abilities: [{ can: canOf(parcel.id, '*') }] })
    return (unwrap(result).leases ?? []).map(extract)
  }

  /** Takes leases back, as who received them may. */
  async revoke(leases: readonly Proof[]): Promise<void> {
    for (const lease of leases)
      unwrap((await invoke(this.#caller, revocation, 'revoke', { ucan: lease.ucan.cid }, { attach: [lease] })).result)
  }

  get #caller(): Caller {
    const channel = inProcessChannel(this.door)
    return { signer: this.#signer, host: this.did, subject: this.#signer.did, proofs: [], channel, now }
  }
}

const now = () => Math.floor(Date.now() / 1000)
