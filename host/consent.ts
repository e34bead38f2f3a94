import { type Amounts, type Asked, covers, type DID } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import type { Store, StoreTransaction } from './store/store.ts'

/** What the owner is asked. Only `space`, `agent` and `origin` are known to be true; the rest is what the caller says. */
export interface Request {
  /** Names the request: the CID of the invocation that made it. */
  readonly request: CID
  readonly space: DID
  readonly agent: DID
  readonly abilities: readonly Asked[]
  /** Seconds that the leases should last. */
  readonly ttl: number
  readonly why?: string
  readonly app?: string
  /** The web origin, as the browser sent it. */
  readonly origin?: string
  /** What the asking side shows, too. */
  readonly code: string
  /** Unix seconds. */
  readonly expires: number
}

/** `abilities` and `ttl` may be less than was asked, never more. With `always` the answer becomes a standing one. */
export type Answer =
  | { readonly allow: true; readonly abilities?: readonly Asked[]; readonly ttl?: number; readonly always?: boolean }
  | { readonly allow: false; readonly reason?: string; readonly always?: boolean }

/**
 * How a host answers requests: a function of your own, or one of `ask`, `allow`, `deny`. A promise leaves the request pending until it settles;
 * `undefined` leaves it to operators. Aborts when the request is settled some other way.
 */
export type Consent = (request: Request, signal: AbortSignal) => Answer | undefined | Promise<Answer | undefined>

/** Waits for an operator: `symbiosis host approve`. */
export const ask: Consent = () => undefined
/** Grants whatever is asked. For hosts whose every caller is trusted. */
export const allow: Consent = () => ({ allow: true })
/** Refuses whatever is asked. */
export const deny: Consent = () => ({ allow: false, reason: 'This host grants nothing.' })

/** A standing answer. It is data: listed, revocable, and asked before `Consent` is. */
export interface Policy {
  readonly id: string
  readonly answer: 'allow' | 'deny'
  /** The space it is about, or `*` for all. */
  readonly space: string
  /** The abilities it is about: `pin/*`, or `*`. */
  readonly can: string
  /** The most that it allows without asking; a limit that is absent is not bounded. */
  readonly limits: Amounts
  /** Seconds at the most; a request for longer is asked. */
  readonly ttl: number
}

const KIND = 'policy'

/** The standing answers of one host: those of its configuration, which win, and those that the owner gave. */
export class Policies {
  readonly #store: Store
  readonly #configured: readonly Policy[]

  constructor(store: Store, configured: readonly Policy[]) {
    this.#store = store
    this.#configured = configured
  }

  async list(): Promise<Policy[]> {
    const policies = [...this.#configured]
    for await (const { value } of this.#store.every(KIND)) policies.push(value as unknown as Policy)
    return policies
  }

  add = (tx: StoreTransaction, policy: Policy): Promise<void> => tx.put(KIND, policy.space, policy.id, policy as never)

  /** Whether there was such a policy to forget. Configured ones are forgotten in the configuration. */
  async forget(id: string): Promise<boolean> {
    for await (const { space, key } of this.#store.every(KIND, id)) {
      if (key !== id) continue
      await this.#store.write((tx) => tx.delete(KIND, space, key))
      return true
    }
    return false
  }

  /** Forgets what would grant an ability to a space again without asking. */
  async withdraw(tx: StoreTransaction, space: DID, can: string): Promise<void> {
    for (const { key, value } of await tx.list(KIND, space)) {
      const policy = value as unknown as Policy
      if (policy.answer === 'allow' && (covers(policy.can, can) || covers(can, policy.can))) await tx.delete(KIND, space, key)
    }
  }

  /** The standing answer to a request, if every ability of it has one. A denial of any of them denies it. */
  async answer(request: Request): Promise<Answer | undefined> {
    const policies = (await this.list()).filter(({ space }) => space === '*' || space === request.space)
    // Both ways: whoever was denied one ability must not get it by asking for all of them.
    const denied = policies.some(
      ({ answer, can }) => answer === 'deny' && request.abilities.some((asked) => covers(can, asked.can) || covers(asked.can, can)),
    )
    if (denied) return { allow: false, reason: 'A standing policy of this host denies it.' }
    const allowed = request.abilities.every((asked) =>
      policies.some((policy) => policy.answer === 'allow' && allows(policy, asked, request.ttl)),
    )
    return allowed ? { allow: true } : undefined
  }
}

const allows = ({ can, limits, ttl }: Policy, asked: Asked, askedTtl: number): boolean =>
  covers(can, asked.can) &&
  askedTtl <= ttl &&
  Object.entries(limits).every(([limit, most]) => asked.limits?.[limit] === undefined || (asked.limits[limit] as number) <= most)
