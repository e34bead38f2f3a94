import { type Asked, brief, covers, type DID, Failure, isDid, leaseCan, leaseOf, type Proof, delegate as sign } from '@symbiosis/protocol'
import { type Abilities, askedOf } from './abilities.ts'
import { parseDuration } from './amounts.ts'
import { encodeBundle } from './bundle.ts'
import { leasesFor, noChoice } from './choose.ts'
import type { Delegated } from './delegating.ts'
import { keep, keepOnce } from './holdings.ts'
import { findHost, type Self } from './self.ts'
import { endOf, rootOf } from './standing.ts'

/** How a part of a lease is passed on. */
export interface SubleaseOptions {
  /** How long it lasts: seconds, or text such as `'7d'`; as long as the lease it's made from unless given, and never longer. */
  ttl?: number | string
  /** Of which host's leases: DID, name or address; the nearest unless given. */
  host?: string
}

/**
 * Leases part of what the agent's own space was leased onward to another space. No host is asked: what the part says is signed, and what is used of it counts
 * against the whole. One service, or one ability, in a call.
 * @throws Failure InvalidInput, NoLease, Expired, LimitExceeded (`field`, `limit`, `asked`: it has less itself)
 */
export const sublease = async (
  self: Self,
  audience: string,
  abilities: Abilities,
  { ttl, host: meant }: SubleaseOptions = {},
): Promise<Delegated> => {
  if (!isDid(audience) || audience === self.signer.did) {
    throw new Failure('InvalidInput', `"${audience.slice(0, 80)}" is no other space.`, {
      field: 'audience',
      hint: 'Give the DID of the space that shall have it.',
    })
  }
  const [asked, ...more] = askedOf(abilities) as [Asked, ...Asked[]]
  if (more.length > 0) {
    // A token of several could be taken back only in part by its one CID.
    throw new Failure('InvalidInput', 'One part is leased onward at a time.', { field: 'abilities', hint: 'Make a token for each.' })
  }
  const host = findHost(self, meant)
  const end = ttl === undefined ? Number.POSITIVE_INFINITY : self.now() + parseDuration(ttl)
  const part = await partOf(self, audience, host.did, asked, end)
  await self.holdings.update((state) => keepOnce(state.issued, keep(part, self.now())))
  return {
    cid: String(part.ucan.cid),
    token: encodeBundle({ delegation: part, leases: [], hosts: [host] }),
    expires: endOf(part, host.did),
  }
}

/** Signs it, from a lease that is as wide at least: the host would void a wider one as a whole. */
const partOf = (self: Self, audience: DID, host: DID, { can, limits = {} }: Asked, end: number): Promise<Proof> => {
  const held = leasesFor(self, self.signer.did, host).filter(({ ucan }) => covers(leaseOf(ucan)?.can ?? '', leaseCan(can)))
  if (held.length === 0) throw noLease(self, can, host)
  const over = held.map((lease) => exceeded(lease, limits))
  const at = over.indexOf(undefined)
  if (at < 0) throw over[0]
  const above = held[at] as Proof
  return sign(self.signer, {
    audience,
    capabilities: [{ can: leaseCan(can), with: host, nb: limits }],
    expiration: Math.min(end, endOf(above, host)),
    proofs: [above],
  })
}

/** Why there is more asked for than a lease has; a limit that it doesn't state, those above it may. */
const exceeded = ({ ucan, proofs }: Proof, limits: NonNullable<Asked['limits']>): Failure | undefined => {
  for (const [name, asked] of Object.entries(limits)) {
    const most = Math.min(...[ucan, ...proofs].map((link) => (leaseOf(link)?.nb?.[name] as number | undefined) ?? Number.POSITIVE_INFINITY))
    if (asked <= most) continue
    return new Failure('LimitExceeded', `${name}: the lease ${brief(ucan.cid)} has ${most}, and ${asked} should be leased onward.`, {
      link: String(ucan.cid),
      chain: 'lease',
      field: name,
      limit: most,
      asked,
    })
  }
}

const noLease = (self: Self, can: string, host: DID): Failure => {
  const own = self.holdings.leases.some(({ proof }) => rootOf(proof) === host && proof.ucan.audience !== self.signer.did)
  if (!own) return noChoice(self, { can, authority: 'leased', space: self.signer.did, host })
  return new Failure(
    'NoLease',
    `The leases at hand for "${can}" are to a space whose key this device doesn't hold, and only that key can lease onward.`,
    {
      chain: 'lease',
      hint: 'Lease onward from a symbiont that is its own space: one that never created or accepted another.',
    },
  )
}
