import type { CID } from 'multiformats/cid'
import type { Let } from '../protocol/oracle.ts'
import { type CarriedUcan, type Message, proofsOf } from './admit.ts'
import type { Presumed } from './format.ts'
import type { Permitted, PlainHost } from './plain-host.ts'
import { Refusal } from './refusal.ts'

type Amounts = { readonly [limit: string]: number }
interface Asked {
  readonly can: string
  readonly limits?: Amounts
}

const REQUEST_LIFE = 600

/** What the abilities of the vectors do, as their files say in words. */
export class PlainServices {
  readonly #host: PlainHost
  /** What is in the jar of each space, with whom it counts against. */
  readonly #things = new Map<string, Map<string, { edges: readonly Let[]; amounts: Amounts }>>()
  readonly #counts = new Map<string, number>()
  readonly #requests = new Map<string, { space: string; expires: number; state: string }>()
  /** Revocations kept, by the lessee who let them in. */
  readonly #charged = new Map<string, number>()

  constructor(host: PlainHost) {
    this.#host = host
  }

  run({ claim, invocation, judgement }: Permitted, message: Message, now: number): object {
    const space = claim.with
    const nb = claim.nb ?? {}
    const jar = this.#things.get(space) ?? new Map()
    switch (claim.can) {
      case 'jar/look':
        return { things: [...jar.keys()].sort() }
      case 'jar/put': {
        const { thing, size = 1 } = nb as { thing: string; size?: number }
        const amounts = { bytes: size, things: 1 }
        jar.set(thing, { edges: this.#room(judgement.leases, amounts), amounts })
        this.#things.set(space, jar)
        return { size }
      }
      case 'jar/count': {
        const count = (this.#counts.get(space) ?? 0) + ((nb.by as number | undefined) ?? 1)
        this.#counts.set(space, count)
        return { count }
      }
      case 'jar/break':
        throw new Refusal('Internal')
      case 'ucan/revoke':
        return this.#revoke(nb as { ucan: CID; proof?: CID[] }, space, invocation, message, now)
      case 'access/request':
        return this.#request(nb as { abilities: Asked[] }, space, invocation.cid, now)
      case 'access/wait':
        return this.#state(String(nb.request), space, now)
      default:
        return {}
    }
  }

  /** The first chain in which every edge has room for all amounts, what was put in before counted. */
  #room(chains: readonly (readonly Let[])[], amounts: Amounts): readonly Let[] {
    const held = [...this.#things.values()].flatMap((jar) => [...jar.values()])
    const used = ({ by, to }: Let, limit: string) =>
      held
        .filter(({ edges }) => edges.some((edge) => edge.by === by && edge.to === to))
        .reduce((sum, each) => sum + (each.amounts[limit] ?? 0), 0)
    const full = (edge: Let) =>
      Object.keys(amounts).find(
        (limit) => used(edge, limit) + (amounts[limit] as number) > (edge.limits[limit] ?? Number.POSITIVE_INFINITY),
      )
    const limits = chains.map((edges) => edges.map(full).find((limit) => limit !== undefined))
    const chain = chains[limits.indexOf(undefined)]
    if (chain) return chain
    const refusal = new Refusal('LimitExceeded', limits[0])
    refusal.chain = 'lease'
    throw refusal
  }

  #revoke(nb: { ucan: CID; proof?: CID[] }, by: string, invocation: CarriedUcan, message: Message, now: number): object {
    const { revocations, presumed, options } = this.#host
    const link = String(nb.ucan)
    const known = revocations.find((each) => each.ucan === link && each.by === by)
    if (known) return { at: known.at }
    const ucan = message.ucans.get(link)
    if (!ucan || !(nb.proof ?? []).every((each) => message.ucans.has(String(each)))) throw new Refusal('NotFound')
    if (!ucan.signed) throw new Refusal('BadSignature')
    const above = genuineAbove(ucan, message, () => true)
    if (by !== ucan.audience && !above.some(({ issuer }) => issuer === by)) throw new Refusal('NotRevoker')
    const isCurrent = (each: CarriedUcan) => this.#isCurrent(each, now)
    const lease = genuineAbove(ucan, message, isCurrent).find(({ issuer }) => issuer === presumed.host)
    const charged = lease ? lease.audience : above.map(({ issuer }) => this.#lesseeOf(issuer, invocation, message, now)).find(Boolean)
    if (charged === undefined) throw new Refusal('NoLease')
    if (by !== presumed.host || !lease) {
      const kept = this.#charged.get(charged) ?? 0
      if (kept >= options.maxRevocationsPerSpace) throw new Refusal('LimitExceeded', 'revocations')
      this.#charged.set(charged, kept + 1)
    }
    revocations.push({ ucan: link, by, at: now })
    return { at: now }
  }

  #isCurrent({ expiration, notBefore = 0 }: CarriedUcan, now: number): boolean {
    const { skew } = this.#host.presumed
    return (expiration === null || now <= expiration + skew) && now >= notBefore - skew
  }

  /** To whom this host leased, whatever it was, in a chain of leases that ends at the space. */
  #lesseeOf(space: string, invocation: CarriedUcan, message: Message, now: number): string | undefined {
    const leased = this.#host.presumed.services.flatMap(({ abilities, limits }) => Object.keys(abilities).map((can) => ({ can, limits })))
    const judged = leased.map(({ can, limits }) =>
      this.#host.judge({ issuer: space, claim: { can, with: space }, fields: [], limits }, invocation, message, now),
    )
    return judged.find(({ leases }) => leases.length > 0)?.leases[0]?.[0]?.to
  }

  #request({ abilities }: { abilities: Asked[] }, space: string, cid: string, now: number): object {
    if (abilities.length === 0) throw new Refusal('InvalidInput', 'abilities')
    for (const { can, limits = {} } of abilities) {
      const [id, name, ...more] = can.split('/')
      const service = this.#host.presumed.services.find((each) => each.id === id && isLeased(each))
      const isKnown = service && more.length === 0 && (name === '*' || Object.hasOwn(service.abilities, can))
      if (!isKnown) throw new Refusal('UnknownAbility')
      if (Object.keys(limits).some((limit) => !service.limits.includes(limit))) throw new Refusal('InvalidInput')
    }
    const { consent, maxPendingPerSpace } = this.#host.options
    const pending = [...this.#requests.values()].filter((each) => each.space === space && each.state === 'pending' && each.expires >= now)
    if (pending.length >= maxPendingPerSpace) throw new Refusal('RateLimited')
    if (consent === 'deny') throw new Refusal('Denied')
    const state = consent === 'allow' ? 'granted' : 'pending'
    this.#requests.set(cid, { space, expires: now + REQUEST_LIFE, state })
    return { state, expires: now + REQUEST_LIFE }
  }

  #state(cid: string, space: string, now: number): object {
    const request = this.#requests.get(cid)
    if (!request || request.space !== space) throw new Refusal('NotFound')
    if (request.expires < now) throw new Refusal('Expired')
    return { state: request.state }
  }
}

const isLeased = ({ abilities }: Presumed['services'][number]): boolean =>
  Object.values(abilities).some(({ authority }) => authority === 'leased')

/** A UCAN and all signed ones above it through links that count, each issued by the audience of the one above. */
const genuineAbove = (ucan: CarriedUcan, message: Message, counts: (above: CarriedUcan) => boolean): CarriedUcan[] => [
  ucan,
  ...proofsOf(ucan, message.ucans)
    .filter((above) => above.signed && above.audience === ucan.issuer && counts(above))
    .flatMap((above) => genuineAbove(above, message, counts)),
]
