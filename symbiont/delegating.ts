import {
  brief,
  covers,
  type DID,
  Failure,
  type HomeLog,
  homeLogsFact,
  isDid,
  leaseOf,
  type Proof,
  delegate as sign,
} from '@symbiosis/protocol'
import { abilityOf } from './abilities.ts'
import { parseDuration } from './amounts.ts'
import { type Bundle, type BundleHost, encodeBundle, readBundle } from './bundle.ts'
import { leasesFor } from './choose.ts'
import { keep, keepDelegation, keepHost, keepOnce } from './holdings.ts'
import { inspectProof } from './inspect.ts'
import { addLease, describeLease, type Lease } from './lease-book.ts'
import { checkLease } from './lease-check.ts'
import { homeLogsAmong, mustBeLogs } from './naming-logs.ts'
import { defaultSpace, ownerProofs, type Self } from './self.ts'
import { endOf, inTime, isAboutOneSpace, rootOf, stands } from './standing.ts'
import type { WalletState } from './wallet.ts'

/** What is delegated, beside the abilities. */
export interface DelegateOptions {
  /** How long it lasts: seconds, or text such as `'7d'`. Unless given, as long as what it's made from. */
  expires?: number | string
  /** Over which space; the default one unless given. */
  space?: DID
  /**
   * The hosts whose logs speak for it: whoever is shown it has to have heard of these lately. Unless given, the hosts that lease to the space, as far as others can
   * reach them; none with `[]`.
   */
  logs?: readonly HomeLog[]
}

/** A delegation that was made. */
export interface Delegated {
  cid: string
  /** One line of text; the other device needs nothing else. Who has it can't use it without that device's key. */
  token: string
  /** Unix seconds, or null for never. */
  expires: number | null
}

/**
 * Lends abilities to another device. No host is asked.
 * @throws Failure InvalidInput, NotOwner (this device itself may not do what it should delegate), Revoked
 */
export const delegate = async (
  self: Self,
  audience: string,
  can: readonly string[],
  { expires, space, logs }: DelegateOptions = {},
): Promise<Delegated> => {
  if (!isDid(audience)) {
    throw new Failure('InvalidInput', `"${audience.slice(0, 80)}" is no device.`, {
      field: 'audience',
      hint: 'Give the DID that the other device shows: symbiosis whoami',
    })
  }
  const subject = space ?? defaultSpace(self)
  const abilities = [...new Set(can.map((each) => (each.trim() === '*' ? '*' : abilityOf(each))))]
  if (abilities.length === 0)
    throw new Failure('InvalidInput', 'Nothing is delegated.', { field: 'can', hint: 'Name an ability, or "*" for all.' })
  const proofs = [...new Set(abilities.flatMap((ability) => proofFor(self, subject, ability) ?? []))]
  const ends = [
    ...proofs.map((proof) => endOf(proof, subject)),
    expires === undefined ? Number.POSITIVE_INFINITY : self.now() + parseDuration(expires),
  ]
  const end = Math.min(...ends)
  const expiration = Number.isFinite(end) ? end : null
  const capabilities = abilities.map((ability) => ({ can: ability, with: subject }))
  const leases = leasesWith(self, subject, abilities)
  const hosts = self.holdings.hosts.filter(({ did }) => did === subject || leases.some((lease) => rootOf(lease) === did))
  const named = logs ? mustBeLogs(logs) : homeLogsAmong(hosts, self.holdings.hosts)
  const facts = named.length > 0 ? [homeLogsFact(named)] : []
  const delegation = await sign(self.signer, { audience, capabilities, expiration, facts, proofs })
  await self.holdings.update((state) => keepOnce(state.issued, keep(delegation, self.now())))
  return { cid: String(delegation.ucan.cid), token: encodeBundle({ delegation, leases, hosts: [...hosts] }), expires: expiration }
}

/** The delegation that the agent would pass an ability on from; undefined where it is the space itself. */
const proofFor = (self: Self, space: DID, can: string): Proof | undefined => {
  if (space === self.signer.did) return undefined
  const [proof] = ownerProofs(self, space, can)
  if (!proof) {
    throw new Failure('NotOwner', `This device may not use "${can}" for ${brief(space)} itself, so it can't delegate it.`, {
      chain: 'owner',
      hint: 'Delegate what it has, or do it on the device that holds the space.',
    })
  }
  const revoked = [proof.ucan, ...proof.proofs].find(({ cid }) => self.holdings.revocationOf(cid))
  if (revoked && !stands(proof, space, ({ cid }) => !self.holdings.revocationOf(cid))) {
    const link = String(revoked.cid)
    throw new Failure('Revoked', `This device's own delegation ${brief(link)} was revoked.`, {
      link,
      chain: 'owner',
      hint: 'Ask who holds the space for a new one.',
    })
  }
  return proof
}

/** The leases that abilities have use for. */
const leasesWith = (self: Self, space: DID, abilities: readonly string[]): Proof[] => {
  const matters = (can: string) => abilities.some((ability) => covers(ability, can) || covers(can, ability))
  return self.holdings.hosts
    .flatMap(({ did }) => leasesFor(self, space, did))
    .filter(({ ucan }) => !self.holdings.revocationOf(ucan.cid) && matters((leaseOf(ucan)?.can ?? '').slice('lease/'.length)))
}

/** What came with a token. */
export interface Accepted {
  cid: string
  /** The space that the device may act for; of a lease that was leased onward, the one it is for. */
  space: DID
  can: string[]
  /** Unix seconds, or null for never. */
  expires: number | null
  leases: Lease[]
  hosts: { did: DID; name: string }[]
}

/**
 * Takes what another device delegated to this one, or leased onward to one of its spaces: checked whole, then kept.
 * @throws Failure Malformed, BadHash, NotCanonical, BadSignature, WrongAudience (it's for another device), Expired, NotOwner, NoLease
 */
export const accept = async (self: Self, token: string): Promise<Accepted> => {
  const bundle = readBundle(token)
  const { delegation, leases, hosts } = bundle
  const { ucan } = delegation
  if (leaseOf(ucan)) return acceptLeases(self, bundle)
  const link = String(ucan.cid)
  const space = rootOf(delegation) as DID
  const now = self.now()
  if (ucan.audience !== self.signer.did) {
    throw new Failure('WrongAudience', `The token is for the device ${ucan.audience}; this one is ${self.signer.did}.`, {
      link,
      chain: 'owner',
      hint: `Accept it there, or have one made for this device: symbiosis delegate ${self.signer.did}`,
    })
  }
  if (!isAboutOneSpace(ucan)) {
    throw new Failure('Malformed', 'The token is not about exactly one space.', { link, field: 'with' })
  }
  const { usable, problems } = inspectProof(delegation, 'owner', { now })
  const [problem] = problems
  if (!usable || problem)
    throw new Failure(problem?.code ?? 'NotOwner', problem?.message ?? 'The token leads from no space.', {
      link: problem?.link ?? link,
      chain: 'owner',
      hint: 'Ask for a new token.',
    })
  const current = leases.filter((lease) => inTime(lease.ucan, now))
  mustBeWhole(current, space, hosts, now)
  await self.holdings.update((state) => {
    keepDelegation(state, space, false, keep(delegation, now))
    keepAll(state, current, hosts, now)
  })
  const end = endOf(delegation, space)
  return {
    cid: link,
    space,
    can: ucan.capabilities.map(({ can }) => can),
    expires: Number.isFinite(end) ? end : null,
    leases: current.map((lease) => describeLease(self, lease)),
    hosts: hosts.map(({ did, name }) => ({ did, name })),
  }
}

/** A token of leases alone, for a space of this device's. */
const acceptLeases = async (self: Self, { delegation: first, leases: more, hosts }: Bundle): Promise<Accepted> => {
  const all = [first, ...more]
  const { audience: space, cid } = first.ucan
  const now = self.now()
  if (space !== self.signer.did && !self.holdings.spaces.some(({ did }) => did === space)) {
    throw new Failure('WrongAudience', `The lease is for ${space}, which is no space of this device.`, {
      link: String(cid),
      chain: 'lease',
      hint: `Have it made for a space of this device: ${defaultSpace(self)}`,
    })
  }
  mustBeWhole(all, space, hosts, now)
  await self.holdings.update((state) => keepAll(state, all, hosts, now))
  const kept = all.map((lease) => describeLease(self, lease))
  return {
    cid: String(cid),
    space,
    can: kept.map(({ can }) => can),
    expires: Math.min(...kept.map(({ expires }) => expires)),
    leases: kept,
    hosts: hosts.map(({ did, name }) => ({ did, name })),
  }
}

/** Leases have to hold link by link, and to say where they may be used. */
const mustBeWhole = (leases: readonly Proof[], space: DID, hosts: readonly BundleHost[], now: number): void => {
  for (const lease of leases) checkLease(lease, { host: rootOf(lease) as DID, space, now })
  const nameless = leases.find((lease) => !hosts.some(({ did }) => did === rootOf(lease)))
  if (!nameless) return
  throw new Failure('Malformed', `The token does not say where ${brief(rootOf(nameless))} is.`, {
    link: String(nameless.ucan.cid),
    field: 'hosts',
  })
}

const keepAll = (state: WalletState, leases: readonly Proof[], hosts: readonly BundleHost[], now: number): void => {
  for (const lease of leases) addLease(state, lease, now)
  for (const host of hosts) keepHost(state, host, { proved: false })
}
