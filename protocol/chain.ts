import type { CID } from 'multiformats/cid'
import type { Admitted } from './admission.ts'
import type { Guard } from './authorize.ts'
import { brief, Failure, type Refusal, refuse } from './failure.ts'
import { textOf } from './link.ts'
import { bearing } from './revocation.ts'
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
 * Every chain that leads from the root to `audience` by way of `proofs`; returns, at the end, what tells why there are no (more)
 * of them: the refusal that explains it best. A void link voids only the paths through it. A link below which nothing can work is
 * looked at once: diamonds cost no more than chains, and what remains is bounded by `bounds.paths`.
 * @throws Failure TooLarge, field `paths`
 */
export function* findPaths(
  audience: string,
  proofs: readonly CID[],
  search: Search,
  message: Admitted,
  guard: Guard,
): Generator<Path, () => Refusal> {
  let best: Refusal | undefined
  let steps = 0
  const verdicts = new Map<string, Refusal | undefined>()
  const dead = new Set<string>()
  const step = (): void => {
    if (++steps <= guard.bounds.paths) return
    const limit = guard.bounds.paths
    throw new Failure('TooLarge', `The proofs need more than ${limit} steps to search.`, { field: 'paths', limit })
  }
  const note = (refusal: Refusal): void => {
    if (!best || TELLING.indexOf(refusal.name) < TELLING.indexOf(best.name)) best = refusal
  }

  /** Cheap questions first: a signature is only asked for where it would matter. */
  const verdictOn = (link: Ucan, name: string): Refusal | undefined => {
    if (!verdicts.has(name)) {
      verdicts.set(name, search.stands(link, guard.now) ?? (message.checks.isSigned(link) ? undefined : unsigned(link, search.chain)))
    }
    return verdicts.get(name)
  }

  function* pathsTo(holder: string, links: readonly CID[]): Generator<Path, void> {
    for (const name of new Set(links.map(textOf))) {
      const link = message.ucans.get(name)
      if (!link || link.audience !== holder || dead.has(name)) continue
      step()
      const refusal = verdictOn(link, name)
      if (refusal) {
        note(refusal)
        dead.add(name)
        continue
      }
      let alive = false
      const above: Iterable<Path> = link.issuer === search.root ? [[]] : pathsTo(link.issuer, link.proofs)
      for (const upper of above) {
        // Every path is paid for at every link that it comes down through: that's what a search costs.
        step()
        const path = [...upper, link]
        const unfit = search.narrows?.(path) ?? revoked(path, search.chain, guard)
        if (unfit) {
          note(unfit)
          continue
        }
        alive = true
        yield path
      }
      if (!alive) dead.add(name)
    }
  }

  yield* pathsTo(audience, proofs)
  return () => ({ chain: search.chain, ...(best ?? misdirected(audience, proofs, search, message, guard) ?? search.none()) })
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
const revoked = (path: Path, chain: 'owner' | 'lease', guard: Guard): Refusal | undefined => {
  const link = path.at(-1) as Ucan
  const revocation = guard.revocations(link.cid).find((candidate) => bearing(candidate, path))
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
