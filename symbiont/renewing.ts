import { access, type DID, Failure, invoke, type Refusal, toRefusal, unwrap } from '@symbiosis/protocol'
import { parseDuration } from './amounts.ts'
import type { Held } from './holdings.ts'
import { addLease, describeLease, type Lease } from './lease-book.ts'
import { readLease } from './lease-check.ts'
import { callerTo, ownerProofs, type Self } from './self.ts'
import { endOf, rootOf } from './standing.ts'

/** Which leases are renewed. */
export interface RenewOptions {
  /** Renew what ends within this time: seconds, or text such as `'7d'`. Unless given, what has less than a third of its life left. */
  within?: number | string
  signal?: AbortSignal
}

/** What became of one lease. */
export interface Renewal {
  /** CID of the lease that was to be renewed. */
  lease: string
  host: DID
  renewed?: Lease
  error?: Refusal
}

/** How long a lease is left alone that a host wouldn't renew, in seconds. */
const PAUSE = 600

/** Renews leases before they end, while the consent behind them stands. */
export class Renewer {
  readonly #self: Self
  readonly #paused = new Map<string, number>()
  #running: Promise<unknown> | undefined

  constructor(self: Self) {
    this.#self = self
  }

  async renew({ within, signal }: RenewOptions = {}): Promise<Renewal[]> {
    const horizon = within === undefined ? undefined : this.#self.now() + parseDuration(within)
    const due = this.#renewable().filter((held) =>
      horizon === undefined ? this.#dueAt(held) <= this.#self.now() : endOfHeld(held) <= horizon,
    )
    return Promise.all(due.map((held) => this.#renewOne(held, signal)))
  }

  /** Renews what is due beside whatever else goes on; one such run at a time, and not soon again what failed. */
  lazily(): void {
    const due = this.#renewable().filter((held) => this.#dueAt(held) <= this.#self.now() && !this.#isPaused(held))
    if (due.length === 0 || this.#running) return
    this.#self.background(() => {
      this.#running = Promise.all(due.map((held) => this.#renewOne(held, this.#self.signal))).finally(() => {
        this.#running = undefined
      })
      return this.#running
    })
  }

  /** Seconds until the next lease is due, or undefined where there is none to renew. */
  nextDue(): number | undefined {
    const times = this.#renewable().map((held) => Math.max(this.#dueAt(held), this.#paused.get(String(held.proof.ucan.cid)) ?? 0))
    return times.length === 0 ? undefined : Math.max(0, Math.min(...times) - this.#self.now())
  }

  /** Leases of hosts to spaces that the agent may renew for; what a delegation for one ability came with is its giver's to renew. */
  #renewable(): Held[] {
    const { holdings, signer, now } = this.#self
    return holdings.leases.filter(({ proof }) => {
      const { ucan } = proof
      if (ucan.issuer !== rootOf(proof) || endOf(proof, rootOf(proof)) < now() || holdings.revocationOf(ucan.cid)) return false
      return ucan.audience === signer.did || ownerProofs(this.#self, ucan.audience, 'access/renew').length > 0
    })
  }

  #dueAt({ proof, since }: Held): number {
    const end = endOf(proof, rootOf(proof))
    return end - (end - since) / 3
  }

  #isPaused({ proof }: Held): boolean {
    return (this.#paused.get(String(proof.ucan.cid)) ?? 0) > this.#self.now()
  }

  async #renewOne({ proof }: Held, signal?: AbortSignal): Promise<Renewal> {
    const { holdings, signer, now } = this.#self
    const lease = String(proof.ucan.cid)
    const did = rootOf(proof) as DID
    const space = proof.ucan.audience
    try {
      const host = holdings.hosts.find((each) => each.did === did)
      if (!host) throw new Failure('NotFound', 'The host of the lease is not known any more.', { hint: 'Pair with it again.' })
      const proofs = space === signer.did ? [] : ownerProofs(this.#self, space, 'access/renew')
      const { result } = await invoke(
        callerTo(this.#self, host, space, proofs),
        access,
        'renew',
        { lease: proof.ucan.cid },
        { attach: [proof], ...(signal && { signal }) },
      )
      const renewed = readLease(unwrap(result).lease, { host: did, space, now: now() })
      // A host may find that the lease is still young, and answer with it.
      if (renewed.ucan.cid.equals(proof.ucan.cid)) this.#paused.set(lease, now() + PAUSE)
      else await holdings.update((state) => addLease(state, renewed, now(), lease))
      return { lease, host: did, renewed: describeLease(this.#self, renewed) }
    } catch (thrown) {
      this.#paused.set(lease, now() + PAUSE)
      return { lease, host: did, error: toRefusal(thrown) }
    }
  }
}

const endOfHeld = ({ proof }: Held): number => endOf(proof, rootOf(proof))
