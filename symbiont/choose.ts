import { type Authority, brief, type DID, Failure, leases as leasesAbility, type Proof, serviceOf } from '@symbiosis/protocol'
import type { Held } from './holdings.ts'
import { defaultSpace, findHost, MAX_SHOWN, nearestFirst, ownerProofs, type Self } from './self.ts'
import { delegates, endOf, inTime, rootOf, stands } from './standing.ts'
import type { KeptHost } from './wallet.ts'

/** One way in which a call could be made. */
export interface Choice {
  readonly subject: DID
  readonly host: KeptHost
  /** Delegations of the subject to the agent, and the host's leases to the subject. */
  readonly proofs: readonly Proof[]
  /** Whether it leans on something known to be revoked. It's made all the same if there is no other: the host tells by whom and when. */
  readonly revoked: boolean
}

export interface Wanted {
  readonly can: string
  readonly authority: Authority
  /** Only for this space. */
  readonly space?: DID
  /** Only at this host: DID, name or address. */
  readonly host?: string
}

/** Every way to make a call, the best first: unrevoked before revoked, own spaces before accepted ones, near hosts before far ones. */
export const choices = (self: Self, wanted: Wanted): Choice[] => {
  const hosts = wanted.host ? [findHost(self, wanted.host)] : nearestFirst(self.holdings.hosts)
  const all = subjectsFor(self, wanted, hosts).flatMap(([subject, host]) => choiceFor(self, wanted, subject, host) ?? [])
  return [...all.filter(({ revoked }) => !revoked), ...all.filter(({ revoked }) => revoked)]
}

/** Own spaces, the agent itself, then accepted spaces, the newest first. */
const subjectsFor = (self: Self, { authority, space }: Wanted, hosts: readonly KeptHost[]): [DID, KeptHost][] => {
  if (authority === 'operator') return hosts.map((host) => [host.did, host])
  const { spaces } = self.holdings
  const subjects = space
    ? [space]
    : [
        ...spaces.filter(({ own }) => own).map(({ did }) => did),
        self.signer.did,
        ...spaces
          .filter(({ own }) => !own)
          .map(({ did }) => did)
          .reverse(),
      ]
  return subjects.flatMap((subject) => hosts.map((host): [DID, KeptHost] => [subject, host]))
}

const choiceFor = (self: Self, { can, authority }: Wanted, subject: DID, host: KeptHost): Choice | undefined => {
  const delegations = subject === self.signer.did ? [] : ownerProofs(self, subject, can)
  if (subject !== self.signer.did && delegations.length === 0) return undefined
  const leases = authority === 'leased' ? leasesFor(self, subject, host.did, can) : []
  if (authority === 'leased' && leases.length === 0) return undefined
  const bad = (proofs: readonly Proof[]) => proofs.length > 0 && proofs.every((proof) => isRevoked(self, proof))
  return { subject, host, proofs: [...delegations, ...leases], revoked: bad(delegations) || bad(leases) }
}

/** The leases of a host to a space that cover an ability: in force, unrevoked if there are such, the newest first. */
export const leasesFor = (self: Self, space: DID, host: DID, can?: string): Proof[] => {
  const now = self.now()
  const alive = heldLeases(self, space, host, can)
    .filter(({ proof }) => stands(proof, host, (link) => inTime(link, now)))
    .sort((a, b) => b.since - a.since)
    .map(({ proof }) => proof)
  const clean = alive.filter((proof) => !isRevoked(self, proof))
  return (clean.length > 0 ? clean : alive).slice(0, MAX_SHOWN)
}

const heldLeases = ({ holdings }: Self, space: DID | undefined, host: DID, can?: string): Held[] =>
  holdings.leases.filter(
    ({ proof }) =>
      rootOf(proof) === host && (!space || proof.ucan.audience === space) && (can === undefined || leasesAbility(proof.ucan, can)),
  )

const isRevoked = ({ holdings }: Self, proof: Proof): boolean => !stands(proof, rootOf(proof), (link) => !holdings.revocationOf(link.cid))

/** Why there is no way to make a call: the failure nearest to one that would work. */
export const noChoice = (self: Self, { can, authority, space, host }: Wanted): Failure => {
  const { holdings, signer } = self
  const service = serviceOf(can)
  const noLease = (hint: string) => new Failure('NoLease', `No lease is at hand for "${can}".`, { chain: 'lease', hint })
  if (holdings.hosts.length === 0) return noLease(`Pair with a host and ask it: symbiosis pair URL, then symbiosis request ${service}`)
  const hosts = host ? [findHost(self, host)] : holdings.hosts
  const held = hosts.flatMap((each) => heldLeases(self, space, each.did, can).map(({ proof }) => proof))
  const actsFor = (did: DID) => did === signer.did || ownerProofs(self, did, can).length > 0
  const lapsed = held.find((proof) => actsFor(proof.ucan.audience))
  if (lapsed) return ended(lapsed, 'lease', `Ask for a new one: symbiosis request ${service}`)
  const past = holdings.spaces
    .filter(({ did }) => (space ? did === space : held.some(({ ucan }) => ucan.audience === did)))
    .flatMap(({ delegations }) => delegations.map(({ proof }) => proof))
    .find(({ ucan }) => delegates(ucan, rootOf({ ucan, proofs: [] }), can))
  if (past) return ended(past, 'owner', 'Ask who holds the space for a new one.')
  const subject = space ?? defaultSpace(self)
  if (authority === 'leased' && actsFor(subject)) return noLease(`Ask for one: symbiosis request ${service}`)
  return new Failure('NotOwner', `No delegation lets this device use "${can}" for ${brief(subject)}.`, {
    chain: 'owner',
    hint: `Ask who holds the space: symbiosis delegate ${signer.did} --can ${can}`,
  })
}

/** The refusal for a proof that would do if it were in force. */
const ended = (proof: Proof, chain: 'owner' | 'lease', hint: string): Failure => {
  const link = String(proof.ucan.cid)
  const end = endOf(proof, rootOf(proof))
  const message = `The ${chain === 'lease' ? 'lease' : 'delegation to this device,'} ${brief(link)} has ended or not begun.`
  return new Failure('Expired', message, { link, chain, ...(Number.isFinite(end) && { at: end }), hint })
}
