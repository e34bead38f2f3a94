import { type Limits, limitsSchema } from './contract.ts'
import { check } from './schema.ts'
import type { Capability, Ucan } from './ucan.ts'

/**
 * A lease is a UCAN `with` the host's DID and `can: lease/<service>/...`, from the host to a space, or onward from a space to another. The
 * prefix keeps it from being a delegation over the host itself: no ability of any service begins with it.
 */
export const LEASE = 'lease/'

/** Amounts by name of limit. A limit that's absent is inherited from the lease above. */
export type Amounts = { readonly [limit: string]: number }

/** One lease of a chain: who lets whom use how much. Usage is metered per edge, so a sub-lease counts against every lease above it. */
export type Edge = {
  readonly by: string
  readonly to: string
  readonly limits: Amounts
}

/** Whether the ability `granted` covers `claimed`, by whole segments: `pin/*` covers `pin/add` and not `pinball/add`. */
export const covers = (granted: string, claimed: string): boolean =>
  granted === claimed || granted === '*' || (granted.endsWith('/*') && claimed.startsWith(granted.slice(0, -1)))

/** The `can` of a lease for an ability: `lease/pin/add` for `pin/add`. */
export const leaseCan = (can: string): string => `${LEASE}${can}`

/** The one capability of a lease, or undefined: a UCAN with several isn't one, nor is one that leases more than a service. */
export const leaseOf = (ucan: Ucan): Capability | undefined => {
  const [capability] = ucan.capabilities
  if (!capability || ucan.capabilities.length > 1) return undefined
  return /^lease\/[a-z][a-z0-9-]*\/(\*|[a-z0-9]+)$/.test(capability.can) ? capability : undefined
}

/** The service that a lease is about. */
export const serviceOf = (can: string): string => can.replace(/^lease\//, '').split('/', 1)[0] as string

/** The limits that a lease states, or why its `nb` is refused: it's closed, a limit that the service lacks voids the lease. */
export const statedLimits = (
  capability: Capability,
  limits: Limits,
): { ok: Amounts; error?: undefined } | { error: string; ok?: undefined } => {
  const nb = capability.nb ?? {}
  const mismatch = check(limitsSchema(limits), nb)
  return mismatch ? { error: `its limit ${mismatch.path || 'nb'} ${mismatch.message}` } : { ok: nb as Amounts }
}

/**
 * Why a sub-lease isn't within the lease above it: a wider ability, a later end or a higher limit voids it as a whole.
 * `above` holds the limits in force above, inherited ones included.
 */
export const exceeds = (child: Ucan, parent: Ucan, stated: Amounts, above: Amounts): string | undefined => {
  const [mine, its] = [leaseOf(child), leaseOf(parent)]
  if (!mine || !its || !covers(its.can, mine.can)) return 'it leases more abilities than the lease above it'
  if (parent.expiration === null || child.expiration === null || child.expiration > parent.expiration)
    return 'it ends after the lease above it'
  const wider = Object.keys(stated).find((name) => (stated[name] as number) > (above[name] ?? Number.POSITIVE_INFINITY))
  return wider && `its limit ${wider} is higher than in the lease above it`
}

/** Whether a lease covers an ability of a service, for those who choose which to show. */
export const leases = (ucan: Ucan, can: string): boolean => covers(leaseOf(ucan)?.can ?? '', leaseCan(can))
