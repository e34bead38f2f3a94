import {
  type Amounts,
  brief,
  type Capability,
  type Code,
  covers,
  exceeds,
  Failure,
  isSigned,
  leaseOf,
  type Proof,
  type Ucan,
} from '@symbiosis/protocol'
import { type BundleHost, readBundle } from './bundle.ts'
import { delegates, inTime, parentsOf, rootOf } from './standing.ts'

/** One link of a chain, with the links above it. */
export interface InspectedLink {
  cid: string
  issuer: string
  audience: string
  capabilities: readonly Capability[]
  /** Unix seconds, or null for never. */
  expiration: number | null
  notBefore?: number
  /** Whether its issuer signed it. */
  signed: boolean
  /** In what it gives less than the link above. */
  narrows: ('ability' | 'limits' | 'expiry')[]
  /** Why calls that rely on it would be refused now. */
  problems: Problem[]
  /** Whether a whole chain without a problem leads here. */
  usable: boolean
  above: InspectedLink[]
}

/** Why something of a token would not do. */
export interface Problem {
  code: Code
  message: string
  /** CID of the link that has it. */
  link: string
}

/** A delegation or lease of a token, with the links above it. */
export interface InspectedProof {
  chain: InspectedLink
  usable: boolean
  /** All problems of the chain, the nearest to the root first. */
  problems: Problem[]
}

/** What a token holds. */
export interface Inspection {
  /** What it all is about: a delegation, or a lease that was given alone. */
  kind: 'delegation' | 'lease'
  subject: string
  chain: InspectedLink
  usable: boolean
  problems: Problem[]
  leases: InspectedProof[]
  hosts: BundleHost[]
}

/** By whose eyes, and when, a token is looked at. */
export interface InspectOptions {
  /** Unix seconds; the clock of this machine unless told. */
  now?: number
  /** Who means to use it: another audience is a problem. */
  agent?: string
  /** Whether a UCAN is known to be revoked, or may be. */
  revoked?(cid: string): boolean | 'maybe'
}

/**
 * Lays open a token, or an archive of a delegation or lease. Pure: no network is asked, so a revocation shows only if `revoked` knows it.
 * @throws Failure Malformed, BadHash, NotCanonical, TooLarge where there is nothing to read
 */
export const inspect = (tokenOrArchive: string | Uint8Array, options: InspectOptions = {}): Inspection => {
  const { delegation, leases, hosts } = readBundle(tokenOrArchive)
  const kind = leaseOf(delegation.ucan) ? 'lease' : 'delegation'
  const { chain, usable, problems } = inspectProof(delegation, kind === 'lease' ? 'lease' : 'owner', options)
  const wrong = options.agent !== undefined && options.agent !== delegation.ucan.audience
  if (wrong) problems.push({ code: 'WrongAudience', message: `It is for ${delegation.ucan.audience}.`, link: chain.cid })
  return {
    kind,
    subject: rootOf(delegation),
    chain,
    usable: usable && !wrong,
    problems,
    leases: leases.map((lease) => inspectProof(lease, 'lease', options)),
    hosts,
  }
}

/** Looks at a UCAN and all above it, each path once. */
export const inspectProof = (proof: Proof, kind: 'owner' | 'lease', options: InspectOptions): InspectedProof => {
  const inspector = new Inspector(proof, kind, options)
  const chain = inspector.look(proof.ucan).view
  return { chain, usable: chain.usable, problems: problemsOf(chain, new Set()) }
}

/** Views of a chain that a person would look at; more are made of diamonds. */
const MAX_VIEWS = 1024

interface Looked {
  readonly view: InspectedLink
  /** The limits in force at it, inherited ones included. */
  readonly limits: Amounts
}

class Inspector {
  readonly #root: string
  readonly #kind: 'owner' | 'lease'
  readonly #options: InspectOptions
  readonly #now: number
  readonly #known: Map<string, Ucan>
  #views = 0

  constructor(proof: Proof, kind: 'owner' | 'lease', options: InspectOptions) {
    this.#root = rootOf(proof)
    this.#kind = kind
    this.#options = options
    this.#now = options.now ?? Math.floor(Date.now() / 1000)
    this.#known = new Map(proof.proofs.map((each) => [String(each.cid), each]))
  }

  look(link: Ucan): Looked {
    if (++this.#views > MAX_VIEWS)
      throw new Failure('TooLarge', 'The chain branches too much to be shown.', { field: 'paths', limit: MAX_VIEWS })
    const parents = link.issuer === this.#root ? [] : parentsOf(link, this.#known)
    const above = parents.map((parent) => ({ parent, ...this.look(parent) }))
    const cid = String(link.cid)
    const problems = [...this.#ownProblems(link), ...this.#fit(link, above)].map(([code, message]) => ({ code, message, link: cid }))
    const best = above.find(({ view }) => view.usable) ?? above[0]
    return {
      view: {
        cid,
        issuer: link.issuer,
        audience: link.audience,
        capabilities: link.capabilities,
        expiration: link.expiration,
        ...(link.notBefore !== undefined && { notBefore: link.notBefore }),
        signed: !problems.some(({ code }) => code === 'BadSignature'),
        narrows: best ? narrowing(link, best.parent, best.limits) : [],
        problems,
        usable: problems.length === 0 && (link.issuer === this.#root || above.some(({ view }) => view.usable)),
        above: above.map(({ view }) => view),
      },
      limits: { ...best?.limits, ...stated(link) },
    }
  }

  #ownProblems(link: Ucan): [Code, string][] {
    const problems: [Code, string][] = []
    const name = brief(link.cid)
    const lease = leaseOf(link)
    if (!isSigned(link)) problems.push(['BadSignature', `${name} is not signed by its issuer.`])
    if (!inTime(link, this.#now))
      problems.push(
        link.expiration !== null && link.expiration < this.#now
          ? ['Expired', `${name} has ended.`]
          : ['TooEarly', `${name} has not begun.`],
      )
    const revoked = this.#options.revoked?.(String(link.cid))
    if (revoked)
      problems.push([
        'Revoked',
        revoked === 'maybe' ? `${name} may have been revoked: ask its host, or for a newer filter.` : `${name} was revoked.`,
      ])
    if (this.#kind === 'lease') {
      if (!lease || lease.with !== this.#root) problems.push(['NoLease', `${name} is no lease of ${brief(this.#root)}.`])
      if (link.expiration === null) problems.push(['NoLease', `${name} never ends, which no lease may.`])
    } else if (link.capabilities.length === 0) problems.push(['NotOwner', `${name} delegates nothing.`])
    return problems
  }

  /** How a link fits under the ones above it. */
  #fit(link: Ucan, above: readonly { parent: Ucan; limits: Amounts }[]): [Code, string][] {
    if (link.issuer === this.#root) return []
    const name = brief(link.cid)
    const [code, what] = this.#kind === 'lease' ? (['NoLease', 'lease'] as const) : (['NotOwner', 'delegation'] as const)
    if (above.length === 0) return [[code, `The ${what} above ${name}, to ${link.issuer}, is missing.`]]
    if (this.#kind === 'lease') {
      const reasons = above.map(({ parent, limits }) => exceeds(link, parent, stated(link), limits))
      return reasons.every((reason) => reason !== undefined) ? [[code, `${name} is void: ${reasons[0]}.`]] : []
    }
    return link.capabilities
      .filter((capability) => !above.some(({ parent }) => delegates(parent, capability.with, capability.can)))
      .map(({ can }) => [code, `${name} gives "${can}", which is more than its issuer was given.`])
  }
}

const stated = (link: Ucan): Amounts => (leaseOf(link)?.nb ?? {}) as Amounts

const narrowing = (link: Ucan, parent: Ucan, limits: Amounts): InspectedLink['narrows'] => {
  const narrows: InspectedLink['narrows'] = []
  const given = (capability: Capability) => link.capabilities.some((own) => covers(own.can, capability.can))
  if (!parent.capabilities.every(given)) narrows.push('ability')
  const amounts = stated(link)
  if (Object.keys(amounts).some((name) => limits[name] === undefined || (amounts[name] as number) < (limits[name] as number)))
    narrows.push('limits')
  if ((link.expiration ?? Number.POSITIVE_INFINITY) < (parent.expiration ?? Number.POSITIVE_INFINITY)) narrows.push('expiry')
  return narrows
}

const problemsOf = (view: InspectedLink, seen: Set<string>): Problem[] => {
  if (seen.has(view.cid)) return []
  seen.add(view.cid)
  return [...view.above.flatMap((each) => problemsOf(each, seen)), ...view.problems]
}
