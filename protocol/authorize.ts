import type { CID } from 'multiformats/cid'
import type { Admitted, Bounds } from './admission.ts'
import { sameValue, type Value } from './cbor.ts'
import { findPaths, type Path, type Search } from './chain.ts'
import { CLOCK_SKEW } from './clock.ts'
import type { Ability, Service } from './contract.ts'
import { brief, Failure, type Refusal, type Result, refuse } from './failure.ts'
import { heardOf, staleLog, type Unheard } from './hearing.ts'
import { type HomeLog, homeLogsOf } from './home-logs.ts'
import { covers, type Edge, exceeds, leaseCan, leaseOf, statedLimits } from './lease.ts'
import { textOf } from './link.ts'
import type { DID } from './principal.ts'
import type { Revocation } from './revocation/bearing.ts'
import { check } from './schema.ts'
import type { Capability, Ucan } from './ucan.ts'
import { Undecided } from './undecided.ts'

/** What the pipeline asks of its host. Pure: the time is given. */
export interface Guard {
  readonly host: DID
  /** Unix seconds. */
  readonly now: number
  /** Seconds that an invocation may still have to live. */
  readonly maxLife: number
  readonly bounds: Bounds
  /** The ability behind a `can`, from a map without a prototype. */
  ability(can: string): Bound | undefined
  /** @throws Undecided where that has to be looked up first */
  revocations(ucan: CID): readonly Revocation[]
  /** When another host's log was last seen in order, up to its newest checkpoint, in Unix seconds; undefined for never, as is all where it's absent. */
  contact?(log: DID): number | undefined
  /** What tries to hear of logs, for a lessee of this host whose call waits for it; undefined where nobody can, or not yet again. */
  hearOf?(logs: readonly HomeLog[], lessee: DID): ((signal: AbortSignal) => Promise<void>) | undefined
}

/** An ability and the service it belongs to. */
export interface Bound {
  readonly can: string
  readonly name: string
  readonly service: Service
  readonly ability: Ability
}

/** A call that may run. */
export interface Authorized {
  readonly invocation: Ucan
  readonly bound: Bound
  /** For whom: the space, or for operators the host. */
  readonly space: DID
  readonly input: { readonly [field: string]: Value }
  /** The owner chain, from the space down; empty where the space itself called. */
  readonly owner: readonly Ucan[]
  /** Every lease chain that holds, each from the host down; empty where none is needed. The first that has room is charged. */
  readonly leases: readonly (readonly Edge[])[]
  /** The leases that these chains are made of. */
  readonly leasePaths: readonly Path[]
  /** Logs that its chains name, of which it is time to hear again. */
  readonly aging: readonly HomeLog[]
}

type Step = (call: Call, guard: Guard) => Refusal | undefined

interface Call {
  readonly invocation: Ucan
  readonly message: Admitted
  capability: Capability
  bound: Bound
  owner: readonly Ucan[]
  leases: readonly (readonly Edge[])[]
  leasePaths: readonly Path[]
  aging: HomeLog[]
  /** Of a chain that holds but for logs that weren't heard of: those logs. */
  unheard: Unheard[]
  /** Whom this host leased to. */
  lessee: DID | undefined
}

/**
 * Whether an admitted invocation may run. The steps stand in the order in which they run; each has one file or function, its refusal
 * code, and an attack test named after it.
 * @throws Undecided where the guard lacks something: get it, and ask again
 */
export const authorize = (invocation: Ucan, message: Admitted, guard: Guard): Result<Authorized> => {
  const call = { invocation, message, owner: [], leases: [], leasePaths: [], aging: [], unheard: [] } as unknown as Call
  try {
    for (const step of STEPS) {
      const error = step(call, guard)
      if (error) return { error }
    }
  } catch (thrown) {
    // A search that outgrows its bound stops from within.
    if (thrown instanceof Failure && !(thrown instanceof Undecided)) return { error: thrown.toRefusal() }
    throw thrown
  }
  const { capability, bound, owner, leases, leasePaths, aging } = call
  return { ok: { invocation, bound, space: capability.with as DID, input: capability.nb ?? {}, owner, leases, leasePaths, aging } }
}

const oneCapability: Step = (call) => {
  const { capabilities } = call.invocation
  const [capability] = capabilities
  if (!capability || capabilities.length > 1) return say('Malformed', 'An invocation has exactly one capability.', call)
  call.capability = capability
}

const time: Step = (call, { now, maxLife }) => {
  const { expiration } = call.invocation
  const ended = outOfTime(call.invocation, now, 'invocation')
  if (ended) return ended
  if (expiration === null || expiration > now + maxLife + CLOCK_SKEW) {
    return say('TooLong', `An invocation ends within ${maxLife} seconds here.`, call, {
      limit: maxLife,
      hint: 'Give it an earlier expiration.',
    })
  }
}

const signature: Step = (call) => {
  if (!call.message.checks.isSigned(call.invocation)) return say('BadSignature', 'The invocation is not signed by its issuer.', call)
}

const audience: Step = (call, { host }) => {
  if (call.invocation.audience !== host) {
    return say('WrongAudience', `The invocation is for ${call.invocation.audience}, and this host is ${host}.`, call, {
      hint: 'Pair again: the host at this address has another identity.',
    })
  }
}

const knownAbility: Step = (call, guard) => {
  const bound = guard.ability(call.capability.can)
  if (!bound) return say('UnknownAbility', `This host has no ability "${call.capability.can}".`, call, { field: 'can' })
  call.bound = bound
}

/** A lease is no delegation: who has one may use what is the space's, never what is the host's. */
const resource: Step = (call, { host }) => {
  const aboutHost = call.capability.with === host
  const { authority } = call.bound.ability
  if (authority === 'leased' && aboutHost) return say('NotOwner', 'The host itself is no space.', call, { field: 'with' })
  if (authority === 'operator' && !aboutHost)
    return say('NotOwner', `"${call.bound.can}" is about the host itself.`, call, { field: 'with' })
}

const input: Step = (call) => {
  const mismatch = check(call.bound.ability.nb, call.capability.nb ?? {})
  if (mismatch)
    return say('InvalidInput', `${call.bound.can}: ${mismatch.path || 'nb'} ${mismatch.message}.`, call, { field: mismatch.path || 'nb' })
}

const ownerChain: Step = (call, guard) => {
  const { invocation, capability, bound } = call
  const space = capability.with
  if (invocation.issuer === space) return undefined
  const search: Search = {
    chain: 'owner',
    root: space,
    none: () => ({
      name: 'NotOwner',
      message: `No delegation leads from ${brief(space)} to ${brief(invocation.issuer)} for "${bound.can}".`,
      hint: 'Ask who holds the space for a delegation to this device, and show it with the call.',
    }),
    stands: (link, now) => outOfTime(link, now, 'owner') ?? allowsClaim(link, capability, bound.ability) ?? misnamesLogs(link, 'owner'),
  }
  const unheard: Unheard[] = []
  const refusal = findPaths(invocation.issuer, invocation.proofs, search, call.message, guard, (path) => {
    const { stale, aging } = heardOf(path, 'owner', bound.ability.freshness, guard)
    unheard.push(...stale)
    if (stale.length > 0) return false
    call.owner = path
    call.aging.push(...aging)
    return true
  })
  if (call.owner.length > 0) return undefined
  if (unheard.length === 0) return refusal()
  call.unheard.push(...unheard)
}

/** Lease chains are all kept, up to this many: the first may be used up where the second has room. */
const MAX_LEASE_PATHS = 8

const leaseChain: Step = (call, guard) => {
  const { invocation, capability, bound } = call
  if (bound.ability.authority !== 'leased') return undefined
  const edges: (readonly Edge[])[] = []
  const paths: Path[] = []
  const edgesOf = edgesBy(bound)
  const search: Search = {
    chain: 'lease',
    root: guard.host,
    none: () => ({
      name: 'NoLease',
      message: `No lease of this host lets ${brief(capability.with)} use "${bound.can}".`,
      hint: `Ask for one: symbiosis request ${bound.service.id}`,
    }),
    stands: (link, now) => outOfTime(link, now, 'lease') ?? leasesClaim(link, bound, guard.host) ?? misnamesLogs(link, 'lease'),
    narrows: (path) => narrowsAll(path, edgesOf),
  }
  const unheard: Unheard[] = []
  const refusal = findPaths(capability.with, invocation.proofs, search, call.message, guard, (path) => {
    call.lessee ??= (path[0] as Ucan).audience
    const { stale, aging } = heardOf(path, 'lease', bound.ability.freshness, guard)
    unheard.push(...stale)
    if (stale.length > 0) return false
    call.aging.push(...aging)
    edges.push(edgesOf(path))
    paths.push(path)
    return edges.length === MAX_LEASE_PATHS
  })
  if (edges.length === 0 && unheard.length === 0) return refusal()
  if (edges.length === 0) call.unheard.push(...unheard)
  call.leases = edges
  call.leasePaths = paths
}

/**
 * Behind both chains: only who has a lease of this host makes it hear of anybody.
 * @throws Undecided where that can be had
 */
const freshness: Step = ({ unheard, lessee }, guard) => {
  const [first] = unheard
  if (!first) return undefined
  const refusal = staleLog(first)
  const logs = unheard.map(({ log }) => log)
  const hear = lessee && guard.hearOf?.(logs, lessee)
  if (hear) throw new Undecided({ ...refusal, name: 'StaleLog' }, hear)
  return refusal
}

const STEPS: readonly Step[] = [oneCapability, time, signature, audience, knownAbility, resource, input, ownerChain, leaseChain, freshness]

const outOfTime = (ucan: Ucan, now: number, chain: 'owner' | 'lease' | 'invocation'): Refusal | undefined => {
  const what = WHAT[chain]
  if (ucan.expiration !== null && now > ucan.expiration + CLOCK_SKEW) {
    return refuse('Expired', `${what} ended ${now - ucan.expiration} seconds ago.`, {
      link: textOf(ucan.cid),
      chain,
      at: ucan.expiration,
      hint: hintForExpired[chain],
    }).error
  }
  const { notBefore = 0 } = ucan
  if (now < notBefore - CLOCK_SKEW) {
    return refuse('TooEarly', `${what} begins in ${notBefore - now} seconds.`, { link: textOf(ucan.cid), chain, at: notBefore }).error
  }
}

const WHAT = { invocation: 'The invocation', lease: 'The lease', owner: 'The delegation' }

const hintForExpired = {
  invocation: 'Send it again with a new expiration, and check the clock of this device.',
  lease: 'Renew the lease, or ask for a new one.',
  owner: 'Ask who issued it for a new delegation.',
}

/** UCAN as stock reads it: some capability of the link allows the claim, fields of its `nb` being values that the claim must have. */
const allowsClaim = (link: Ucan, claim: Capability, ability: Ability): Refusal | undefined => {
  let reason: string | undefined
  for (const { can, with: resource, nb } of link.capabilities) {
    if (resource !== claim.with && resource !== 'ucan:*') continue
    if (!covers(can, claim.can) && can !== 'ucan:*') continue
    const fields = nb ? Object.keys(nb) : []
    const unknown = fields.find((field) => !Object.hasOwn(ability.nb.properties ?? {}, field))
    const other = fields.find((field) => !sameValue((nb as NonNullable<typeof nb>)[field], ownField(claim.nb, field)))
    if (unknown === undefined && other === undefined) return undefined
    reason =
      unknown === undefined ? `allows only one value of "${other}"` : `has the caveat "${unknown}", which "${claim.can}" does not know`
  }
  reason ??= `does not cover "${claim.can}" on ${brief(claim.with)}`
  return refuse('NotOwner', `The delegation ${brief(link.cid)} ${reason}.`, { link: String(link.cid), chain: 'owner' }).error
}

/** Every map inherits a "constructor", which is no value of anybody's. */
const ownField = (nb: Capability['nb'], field: string): Value | undefined => (nb && Object.hasOwn(nb, field) ? nb[field] : undefined)

const leasesClaim = (link: Ucan, bound: Bound, host: DID): Refusal | undefined => {
  const capability = leaseOf(link)
  const no = (reason: string) =>
    refuse('NoLease', `The lease ${brief(link.cid)} is void: ${reason}.`, { link: String(link.cid), chain: 'lease' }).error
  if (!capability || capability.with !== host) return no('it is no lease of this host')
  if (link.expiration === null) return no('it never ends')
  if (!covers(capability.can, leaseCan(bound.can))) return no(`it does not cover "${bound.can}"`)
  const stated = statedLimits(capability, bound.service.limits)
  return stated.error === undefined ? undefined : no(stated.error)
}

const misnamesLogs = (link: Ucan, chain: 'owner' | 'lease'): Refusal | undefined => {
  if (homeLogsOf(link)) return undefined
  return refuse(
    chain === 'lease' ? 'NoLease' : 'NotOwner',
    `${WHAT[chain]} ${brief(link.cid)} is void: its fact "logs" has another shape.`,
    {
      link: String(link.cid),
      chain,
      field: 'fct',
    },
  ).error
}

/** The last lease of the path against the ones above it, whose own narrowing was checked on the way. */
const narrowsAll = (path: Path, edgesOf: (path: Path) => Edge[]): Refusal | undefined => {
  const child = path.at(-1) as Ucan
  const parent = path.at(-2)
  if (!parent) return undefined
  const [stated, above] = [[child], path.slice(0, -1)].map((part) => edgesOf(part).at(-1) as Edge) as [Edge, Edge]
  const reason = exceeds(child, parent, stated.limits, above.limits)
  if (reason)
    return refuse('NoLease', `The lease ${brief(child.cid)} is void: ${reason}.`, { link: String(child.cid), chain: 'lease' }).error
}

/** The edges of paths whose every lease stands, each lease read once: a search asks for the same ones again and again. */
const edgesBy = (bound: Bound): ((path: Path) => Edge[]) => {
  const stated = new Map<Ucan, Edge['limits']>()
  const statedBy = (lease: Ucan): Edge['limits'] => {
    const known = stated.get(lease)
    if (known) return known
    const read = statedLimits(leaseOf(lease) as Capability, bound.service.limits).ok ?? {}
    stated.set(lease, read)
    return read
  }
  return (path) => {
    let limits: Edge['limits'] = {}
    return path.map((lease) => {
      limits = { ...limits, ...statedBy(lease) }
      return { by: lease.issuer, to: lease.audience, limits }
    })
  }
}

const say = (name: Parameters<typeof refuse>[0], message: string, call: Call, details: Parameters<typeof refuse>[2] = {}): Refusal =>
  refuse(name, message, { link: String(call.invocation.cid), chain: 'invocation', ...details }).error
