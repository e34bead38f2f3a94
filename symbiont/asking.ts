import { type AccessState, access, brief, type DID, Failure, invoke, type Proof, unwrap } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import { type Abilities, askedOf } from './abilities.ts'
import { parseDuration } from './amounts.ts'
import { addLease } from './lease-book.ts'
import { readLease } from './lease-check.ts'
import { isUnavailable } from './route.ts'
import { callerTo, defaultSpace, findHost, ownerProofs, type Self } from './self.ts'
import { sleep } from './sleep.ts'
import type { KeptHost } from './wallet.ts'

/** What a request for leases says beside the abilities, and how it is waited for. */
export interface RequestOptions {
  /** One sentence for the owner of the host. */
  why?: string
  /** How long the leases should last: seconds, or text such as `'30d'`. */
  ttl?: number | string
  /** How the app calls itself; what `open` was told unless given. */
  app?: string
  /** At which host: DID, name or address; the nearest unless given. */
  host?: string
  /** For which space; the default one unless given. */
  space?: DID
  signal?: AbortSignal
  /** Called once if the owner is asked: words that the owner sees too, when the request ends unanswered (Unix seconds), and what `resume` takes. */
  onPending?(code: string | undefined, expires: number | undefined, request: CID): void
}

/**
 * Asks a host for leases, waits for its owner's answer, and keeps what is granted.
 * @throws Failure Denied (by the owner), Expired (nobody answered), NotFound (no such host), NotOwner, InvalidInput, Unavailable, Cancelled
 */
export const request = async (self: Self, abilities: Abilities, options: RequestOptions = {}): Promise<Proof[]> => {
  const { why, ttl, signal } = options
  const asked = askedOf(abilities)
  const host = findHost(self, options.host)
  const space = options.space ?? defaultSpace(self)
  const app = options.app ?? self.name
  const nb = {
    abilities: asked,
    ...(why && { why }),
    ...(app && { app: { name: app } }),
    ...(ttl !== undefined && { ttl: parseDuration(ttl) }),
  }
  const withSignal = { ...(signal && { signal }) }
  const asking = callerTo(self, host, space, proofsFor(self, space, 'access/request'))
  let state: AccessState = unwrap((await invoke(asking, access, 'request', nb, withSignal)).result)
  if (state.state === 'pending') {
    options.onPending?.(state.code, state.expires, state.request)
    state = await answerTo(self, host, space, state, signal)
  }
  return keepLeases(self, host, space, state)
}

/**
 * Waits for the answer to a request that was made before, by this process or another, and keeps what is granted.
 * @throws Failure Denied, Expired, NotFound (no such request, or host), NotOwner, Unavailable, Cancelled
 */
export const resume = async (self: Self, link: CID, options: Pick<RequestOptions, 'host' | 'space' | 'signal'> = {}): Promise<Proof[]> => {
  const host = findHost(self, options.host)
  const space = options.space ?? defaultSpace(self)
  return keepLeases(self, host, space, await answerTo(self, host, space, { request: link }, options.signal))
}

/** A host may hold the question open or answer `pending` at once: then it's asked again, no more than once a second. */
const PAUSE = 1000

const answerTo = async (
  self: Self,
  host: KeptHost,
  space: DID,
  pending: Pick<AccessState, 'request' | 'expires'>,
  signal?: AbortSignal,
): Promise<AccessState> => {
  const waiting = callerTo(self, host, space, proofsFor(self, space, 'access/wait'))
  for (;;) {
    const began = Date.now()
    try {
      const { result } = await invoke(waiting, access, 'wait', { request: pending.request }, { ...(signal && { signal }) })
      const state = unwrap(result)
      if (state.state === 'granted') return state
    } catch (thrown) {
      // The host may restart while its owner thinks; the request outlives that.
      if (!isUnavailable(thrown) || self.now() > (pending.expires ?? 0)) throw thrown
    }
    await sleep(Math.max(0, PAUSE - (Date.now() - began)), signal)
  }
}

const keepLeases = async (self: Self, host: KeptHost, space: DID, { leases = [] }: AccessState): Promise<Proof[]> => {
  const proofs = leases.map((archive) => readLease(archive, { host: host.did, space, now: self.now() }))
  if (proofs.length === 0) throw new Failure('Malformed', 'The host granted the request without a lease.', { host: host.did })
  await self.holdings.update((state) => {
    for (const proof of proofs) addLease(state, proof, self.now())
  })
  return proofs
}

/** Delegations for something that concerns the whole space, or why the agent may not. */
const proofsFor = (self: Self, space: DID, can: string): Proof[] => {
  if (space === self.signer.did) return []
  const proofs = ownerProofs(self, space, can)
  if (proofs.length > 0) return proofs
  throw new Failure('NotOwner', `This device may not use "${can}" for ${brief(space)}.`, {
    chain: 'owner',
    hint: `Do it on the device that holds the space, or have it delegate "${can}" to ${self.signer.did}. For a space of its own: symbiosis init`,
  })
}
