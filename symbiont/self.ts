import { type Caller, type DID, Failure, type LocalSigner, type Proof } from '@symbiosis/protocol'
import { type Connect, distance } from './address.ts'
import type { Holdings } from './holdings.ts'
import { routeTo } from './route.ts'
import { delegates, inTime, stands } from './standing.ts'
import type { Upload } from './upload.ts'
import type { KeptHost } from './wallet.ts'

/** What the parts of a symbiont share. */
export interface Self {
  readonly signer: LocalSigner
  readonly holdings: Holdings
  readonly connect: Connect
  /** Unix seconds. */
  readonly now: () => number
  /** How the app calls itself towards owners of hosts. */
  readonly name?: string
  /** Aborts when the symbiont closes. */
  readonly signal: AbortSignal
  /** Work beside the calls, whose failure is nobody's: `close` waits for it a little. */
  background(work: () => Promise<unknown>): void
}

export const callerTo = (self: Self, host: KeptHost, subject: DID, proofs: readonly Proof[], upload?: Upload): Caller => ({
  signer: self.signer,
  host: host.did,
  subject,
  proofs,
  channel: routeTo(host, self.connect, upload),
  now: self.now,
})

/** Hosts by how near their nearest address is, else in the order of pairing. */
export const nearestFirst = (hosts: readonly KeptHost[]): KeptHost[] => {
  const near = (host: KeptHost) => Math.min(...host.urls.map(distance), Number.MAX_SAFE_INTEGER)
  return [...hosts].sort((a, b) => near(a) - near(b))
}

/**
 * The host that is meant: by DID, name or address; without one, the nearest.
 * @throws Failure NotFound
 */
export const findHost = ({ holdings }: Self, meant?: string): KeptHost => {
  const [first, ...more] = nearestFirst(holdings.hosts).filter(({ did, name, urls }) => !meant || [did, name, ...urls].includes(meant))
  if (!first) {
    throw new Failure('NotFound', meant ? `No host is known as "${meant}".` : 'No host is known.', {
      hint: 'Pair with one first: symbiosis pair URL',
    })
  }
  if (meant && more.length > 0)
    throw new Failure('InvalidInput', `Several hosts are known as "${meant}".`, { field: 'host', hint: 'Name it by its DID.' })
  return first
}

/** The space that is meant where none is named: the first own one, else the last that was accepted, else the agent itself. */
export const defaultSpace = ({ holdings, signer }: Self): DID => {
  const { hosts, spaces } = holdings
  const real = spaces.filter(({ did }) => !hosts.some((host) => host.did === did))
  return (real.find(({ own }) => own) ?? real.at(-1))?.did ?? signer.did
}

/** Delegations by which the agent may do `can` for a space: those in force, and of them the unrevoked ones if there are any. */
export const ownerProofs = (self: Self, space: DID, can: string): Proof[] => {
  const { holdings } = self
  const entry = holdings.spaces.find(({ did }) => did === space)
  const proofs = (entry?.delegations ?? []).map(({ proof }) => proof).reverse()
  const now = self.now()
  const alive = proofs.filter((proof) => delegates(proof.ucan, space, can) && stands(proof, space, (link) => inTime(link, now)))
  const clean = alive.filter((proof) => stands(proof, space, (link) => inTime(link, now) && !holdings.revocationOf(link.cid)))
  return (clean.length > 0 ? clean : alive).slice(0, MAX_SHOWN)
}

/** Proofs of one kind that are shown with a call: the host takes the first that will do. */
export const MAX_SHOWN = 4
