import { encode } from '@ipld/dag-cbor'

/**
 * The two-chain rules once more, as slowly and plainly as they can be written: every sequence of links is tried, nothing is remembered, and nothing of
 * the pipeline is used. What it needs to know of UCANs is given: whether a signature is good is a fact here.
 */
export interface Link {
  readonly cid: string
  readonly issuer: string
  readonly audience: string
  readonly capabilities: readonly Claim[]
  readonly expiration: number | null
  readonly notBefore?: number
  /** CIDs. */
  readonly proofs: readonly string[]
}

export interface Claim {
  readonly can: string
  readonly with: string
  readonly nb?: { readonly [field: string]: unknown }
}

export interface Question {
  readonly host: string
  readonly now: number
  readonly skew: number
  /** Who calls, showing these proofs, and what for. */
  readonly issuer: string
  readonly proofs: readonly string[]
  readonly claim: Claim
  /** Fields of the ability's input. */
  readonly fields: readonly string[]
  /** Names of the service's limits; null where the ability needs no lease. */
  readonly limits: readonly string[] | null
  /** What came along, by CID. */
  readonly ucans: ReadonlyMap<string, Link>
  readonly unsigned: ReadonlySet<string>
  readonly revocations: readonly { readonly ucan: string; readonly by: string }[]
}

/** One lease of a chain: who lets whom use how much. */
export interface Let {
  readonly by: string
  readonly to: string
  readonly limits: { readonly [limit: string]: number }
}

export interface Judgement {
  /** Why the call may not run. */
  readonly code?: string
  /** Of which chain. */
  readonly chain?: 'owner' | 'lease'
  /** Every owner chain that holds, by CIDs from the space down; one empty chain where the space itself calls. */
  readonly owner: readonly (readonly string[])[]
  /** Every lease chain that holds, from the host down. */
  readonly leases: readonly (readonly Let[])[]
  /** Ways from a root down to the caller that had to be tried in whole. */
  readonly tried: number
}

type Way = readonly Link[]

/** What explains a refusal best comes first; the rest says no more than that there is no chain. */
const TELLING = ['Revoked', 'Expired', 'TooEarly', 'BadSignature']

export const judge = (question: Question): Judgement => {
  const { issuer, claim, limits } = question
  const owner = issuer === claim.with ? NO_LINK_NEEDED : chainsOf(question, OWNER)
  if (owner.code !== undefined) return { code: owner.code, chain: 'owner', owner: [], leases: [], tried: owner.tried }
  const owners = owner.ways.map((way) => way.map(({ cid }) => cid))
  if (limits === null) return { owner: owners, leases: [], tried: owner.tried }
  const lease = chainsOf(question, LEASE)
  const tried = Math.max(owner.tried, lease.tried)
  if (lease.code !== undefined) return { code: lease.code, chain: 'lease', owner: [], leases: [], tried }
  const leases = lease.ways.map((way) =>
    way.map(({ issuer: by, audience: to }, index) => ({ by, to, limits: inForce(way.slice(0, index + 1)) })),
  )
  return { owner: owners, leases, tried }
}

interface Chains {
  readonly code?: string
  readonly ways: readonly Way[]
  readonly tried: number
}

const NO_LINK_NEEDED: Chains = { ways: [[]], tried: 0 }

/** What makes links into one of the two chains. */
interface Kind {
  readonly none: string
  root(question: Question): string
  holder(question: Question): string
  /** Whether a link may stand in it, whatever is above. */
  fits(link: Link, question: Question): boolean
  /** Whether the last link is within what is above it. */
  within(way: Way): boolean
}

const OWNER: Kind = {
  none: 'NotOwner',
  root: ({ claim }) => claim.with,
  holder: ({ issuer }) => issuer,
  fits: ({ capabilities }, { claim, fields }) =>
    capabilities.some(({ can, with: resource, nb = {} }) => {
      const [service] = claim.can.split('/')
      return (
        ['*', 'ucan:*', `${service}/*`, claim.can].includes(can) &&
        [claim.with, 'ucan:*'].includes(resource) &&
        Object.keys(nb).every((field) => fields.includes(field) && isSame(nb[field], claim.nb?.[field]))
      )
    }),
  within: () => true,
}

const LEASE: Kind = {
  none: 'NoLease',
  root: ({ host }) => host,
  holder: ({ claim }) => claim.with,
  fits: ({ capabilities, expiration }, { host, claim, limits }) => {
    const { can, with: resource, nb = {} } = capabilities[0] as Claim
    const [service] = claim.can.split('/')
    return (
      capabilities.length === 1 &&
      expiration !== null &&
      resource === host &&
      [`lease/${service}/*`, `lease/${claim.can}`].includes(can) &&
      Object.keys(nb).every((name) => limits?.includes(name) && Number.isSafeInteger(nb[name]) && (nb[name] as number) >= 0)
    )
  },
  within: (way) => {
    const [child, parent] = [way.at(-1) as Link, way.at(-2)]
    if (!parent) return true
    const [mine, its] = [child.capabilities[0] as Claim, parent.capabilities[0] as Claim]
    const above = inForce(way.slice(0, -1))
    return (
      (its.can.endsWith('/*') || its.can === mine.can) &&
      (child.expiration as number) <= (parent.expiration as number) &&
      Object.entries((mine.nb ?? {}) as Let['limits']).every(([name, amount]) => amount <= (above[name] ?? Number.POSITIVE_INFINITY))
    )
  },
}

const chainsOf = (question: Question, kind: Kind): Chains => {
  const root = kind.root(question)
  const ways = waysUp(kind.holder(question), question.proofs, question)
    // Nothing is asked of what stands above a link that the root itself issued.
    .filter((way) => way.slice(1).every(({ issuer }) => issuer !== root))
    // A link that is no good in itself ends the way there.
    .filter((way) => way.slice(1).every((link) => faultOf(link, question, kind) === undefined))
  const ended = ways.map(([top]) => faultOf(top as Link, question, kind)).filter((fault) => fault !== undefined)
  const whole = ways.filter(([top]) => top?.issuer === root && faultOf(top, question, kind) === undefined)
  const unfit = whole.map((way) => unfitOf(way, question, kind))
  const held = whole.filter((_, index) => unfit[index] === undefined)
  if (held.length > 0) return { ways: held, tried: whole.length }
  const code = [...TELLING, kind.none].find((each) => ended.includes(each) || unfit.includes(each))
  return { code: code ?? kind.none, ways: [], tried: whole.length }
}

/** Every way up from a link: sequences in which each is issued by the audience of the one above. */
const waysUp = (audience: string, proofs: readonly string[], question: Question): Way[] =>
  [...new Set(proofs)].flatMap((proof) => {
    const link = question.ucans.get(proof)
    if (!link || link.audience !== audience) return []
    return [[link], ...waysUp(link.issuer, link.proofs, question).map((way) => [...way, link])]
  })

const faultOf = (link: Link, question: Question, kind: Kind): string | undefined => {
  const { now, skew, unsigned } = question
  if (link.expiration !== null && now > link.expiration + skew) return 'Expired'
  if (now < (link.notBefore ?? 0) - skew) return 'TooEarly'
  if (!kind.fits(link, question)) return kind.none
  return unsigned.has(link.cid) ? 'BadSignature' : undefined
}

/** What is wrong with a way as a whole, told of its topmost link that is wrong. */
const unfitOf = (way: Way, { revocations }: Question, kind: Kind): string | undefined => {
  for (const [index, link] of way.entries()) {
    const downTo = way.slice(0, index + 1)
    const above = downTo.map(({ issuer }) => issuer)
    if (!kind.within(downTo)) return kind.none
    if (revocations.some(({ ucan, by }) => ucan === link.cid && (by === link.audience || above.includes(by)))) return 'Revoked'
  }
  return undefined
}

/** The limits that the last of some leases comes with, inherited ones included. */
const inForce = (way: Way): Let['limits'] => Object.assign({}, ...way.map(({ capabilities: [capability] }) => capability?.nb))

const isSame = (a: unknown, b: unknown): boolean =>
  a === b || (a !== undefined && b !== undefined && Buffer.compare(encode(a), encode(b)) === 0)
