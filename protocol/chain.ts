import type { CID } from 'multiformats/cid'
import type { Admitted } from './admission.ts'
import type { Guard } from './authorize.ts'
import { brief, Failure, type Refusal, refuse } from './failure.ts'
import { textOf } from './link.ts'
import { bearing, type Revocation } from './revocation/bearing.ts'
import type { Ucan } from './ucan.ts'

/** The links of a chain from its root down, each issued by the audience of the one before. */
export type Path = readonly Ucan[]

/** What makes links into one of the two chains. */
export interface Search {
  readonly chain: 'owner' | 'lease'
  /** The principal that all authority of the chain comes from. */
  readonly root: string
  /** The refusal where there is nothing better to say. */
  none(): Refusal
  /** Why a link can't stand in this chain, whatever is above it. */
  stands(link: Ucan, now: number): Refusal | undefined
  /** Why the last link of a path doesn't fit below the others. */
  narrows?(path: Path): Refusal | undefined
}

/** The order in which refusals are worth telling: the one nearest to a working chain. */
const TELLING = ['Revoked', 'Expired', 'TooEarly', 'BadSignature', 'NoLease', 'NotOwner']

/**
 * Shows `take` every chain that leads from the root to `audience` by way of `proofs`, until it says that it has enough. What comes back, for who
 * has too little, tells why there are no (more) of them: the refusal that explains it best.
 * @throws Failure TooLarge, field `paths`
 */
export const findPaths = (
  audience: string,
  proofs: readonly CID[],
  search: Search,
  message: Admitted,
  guard: Guard,
  take: (path: Path) => boolean,
): (() => Refusal) => {
  const walk = new Walk(search, message, guard)
  walk.pathsTo(audience, proofs, take)
  return () => ({ chain: search.chain, ...(walk.best ?? misdirected(audience, proofs, search, message, guard) ?? search.none()) })
}

/** What became of the paths through a link: one was taken and no more are wanted, some work, or none does. */
type Fate = 'taken' | 'alive' | 'dead'

/**
 * One search. A void link voids only the paths through it. A link below which nothing can work is looked at once: diamonds cost no more than
 * chains, and what remains is bounded by `bounds.paths`.
 */
class Walk {
  best: Refusal | undefined
  readonly #search: Search
  readonly #message: Admitted
  readonly #guard: Guard
  /** What is known of links: that they stand by themselves, or that nothing works below them. */
  readonly #known = new Map<Ucan, 'standing' | 'dead'>()
  #steps = 0

  constructor(search: Search, message: Admitted, guard: Guard) {
    this.#search = search
    this.#message = message
    this.#guard = guard
  }

  /** Whether a path to the holder was taken, and no more are wanted. */
  pathsTo(holder: string, links: readonly CID[], take: (path: Path) => boolean): boolean {
    for (let index = 0; index < links.length; index++) {
      const link = this.#message.ucans.get(textOf(links[index] as CID))
      if (!link || link.audience !== holder || this.#known.get(link) === 'dead' || isRepeated(links, index)) continue
      this.#step()
      const fate = this.#stands(link) ? this.#pathsThrough(link, take) : 'dead'
      if (fate === 'taken') return true
      if (fate === 'dead') this.#known.set(link, 'dead')
    }
    return false
  }

  #pathsThrough(link: Ucan, take: (path: Path) => boolean): Fate {
    let alive = false
    const extend = (upper: Path): boolean => {
      // Every path is paid for at every link that it comes down through: that's what a search costs.
      this.#step()
      const path = [...upper, link]
      const unfit = this.#search.narrows?.(path) ?? revoked(path, this.#search.chain, this.#guard)
      if (unfit) this.#note(unfit)
      else alive = true
      return !unfit && take(path)
    }
    const taken = link.issuer === this.#search.root ? extend([]) : this.pathsTo(link.issuer, link.proofs, extend)
    return taken ? 'taken' : alive ? 'alive' : 'dead'
  }

  /** Cheap questions first: a signature is only asked for where it would matter. */
  #stands(link: Ucan): boolean {
    if (this.#known.has(link)) return true
    const { chain } = this.#search
    const refusal = this.#search.stands(link, this.#guard.now) ?? (this.#message.checks.isSigned(link) ? undefined : unsigned(link, chain))
    if (refusal) this.#note(refusal)
    else this.#known.set(link, 'standing')
    return !refusal
  }

  #step(): void {
    if (++this.#steps <= this.#guard.bounds.paths) return
    const limit = this.#guard.bounds.paths
    throw new Failure('TooLarge', `The proofs need more than ${limit} steps to search.`, { field: 'paths', limit })
  }

  #note(refusal: Refusal): void {
    if (!this.best || TELLING.indexOf(refusal.name) < TELLING.indexOf(this.best.name)) this.best = refusal
  }
}

/** Whether a link stands further up in its list, too. Lists are short, by a bound. */
const isRepeated = (links: readonly CID[], index: number): boolean => {
  const name = textOf(links[index] as CID)
  for (let earlier = 0; earlier < index; earlier++) if (textOf(links[earlier] as CID) === name) return true
  return false
}

/** A proof that would do for somebody else: the wrong device, or another space. */
const misdirected = (audience: string, proofs: readonly CID[], search: Search, message: Admitted, guard: Guard): Refusal | undefined => {
  const links = proofs.map((cid) => message.ucans.get(String(cid)))
  const link = links.find((candidate) => candidate && candidate.audience !== audience && !search.stands(candidate, guard.now))
  if (!link) return undefined
  const hint = `${brief(link.cid)} is for ${link.audience}, and the one who needs it is ${audience}.`
  return { ...search.none(), link: String(link.cid), hint }
}

/** Whether someone who may has revoked the last link; the ones above were asked on the way. */
const revoked = (path: Path, chain: 'owner' | 'lease', guard: Guard): Refusal | undefined =>
  revokedBy(guard.revocations((path.at(-1) as Ucan).cid), path, chain)

/** Whether one of the revocations of the last link takes it away, where it stands at the end of this path. */
export const revokedBy = (revocations: readonly Revocation[], path: Path, chain: 'owner' | 'lease'): Refusal | undefined => {
  const link = path.at(-1) as Ucan
  const revocation = revocations.find((candidate) => bearing(candidate, path))
  if (!revocation) return undefined
  return refuse('Revoked', `The ${chain === 'lease' ? 'lease' : 'delegation'} ${brief(link.cid)} was revoked.`, {
    link: String(link.cid),
    chain,
    by: revocation.by,
    at: revocation.at,
    hint: chain === 'lease' ? 'Ask the host for a new lease: symbiosis request' : 'Ask who holds the space for a new delegation.',
  }).error
}

const unsigned = (link: Ucan, chain: 'owner' | 'lease'): Refusal =>
  refuse('BadSignature', `The ${chain === 'lease' ? 'lease' : 'delegation'} ${brief(link.cid)} is not signed by its issuer.`, {
    link: String(link.cid),
    chain,
  }).error
