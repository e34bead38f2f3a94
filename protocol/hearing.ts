import type { Guard } from './authorize.ts'
import type { Path } from './chain.ts'
import { CLOCK_SKEW } from './clock.ts'
import { brief, type Refusal, refuse } from './failure.ts'
import type { Freshness } from './freshness.ts'
import { type HomeLog, homeLogsOf } from './home-logs.ts'

/** A log that a path depends on, and that was not heard of for too long. */
export interface Unheard {
  readonly log: HomeLog
  /** CID of the link that names it. */
  readonly link: string
  readonly chain: 'owner' | 'lease'
  /** When it was heard of last; absent for never, and where a clock makes that untellable. */
  readonly since?: number
}

export interface Heard {
  /** Past `stale`: while there are any, the path is none. */
  readonly stale: readonly Unheard[]
  /** Past `fresh` alone. */
  readonly aging: readonly HomeLog[]
}

const ALL_HEARD: Heard = { stale: [], aging: [] }

/**
 * What of the logs that a path names wasn't heard of lately. Every link's logs count, so that nobody sheds a log by delegating onward. The host's own is always
 * fresh. A contact that lies ahead by more than clocks may differ counts for nothing: a clock that was set back would keep it fresh for ever.
 */
export const heardOf = (path: Path, chain: 'owner' | 'lease', { fresh, stale }: Freshness, guard: Guard): Heard => {
  if ((fresh === null && stale === null) || path.every(({ facts }) => facts.length === 0)) return ALL_HEARD
  const old: Unheard[] = []
  const aging: HomeLog[] = []
  for (const link of path) {
    for (const log of homeLogsOf(link) ?? []) {
      if (log.did === guard.host) continue
      const contact = guard.contact?.(log.did)
      const since = contact !== undefined && contact <= guard.now + CLOCK_SKEW ? contact : undefined
      const age = since === undefined ? Number.POSITIVE_INFINITY : guard.now - since
      if (stale !== null && age > stale) old.push({ log, link: String(link.cid), chain, ...(since !== undefined && { since }) })
      else if (fresh !== null && age > fresh) aging.push(log)
    }
  }
  return { stale: old, aging }
}

/** The refusal where a log is stale; `retryAfter` is what it takes a host that has lost another to look for it again. */
export const staleLog = ({ log: { did, url }, link, chain, since }: Unheard): Refusal =>
  refuse(
    'StaleLog',
    `The log of ${brief(did)}, which ${chain === 'lease' ? 'a lease' : 'a delegation'} names, was not heard of for too long.`,
    {
      link,
      chain,
      log: did,
      url,
      ...(since !== undefined && { since }),
      retryAfter: 30,
      hint: `Ask whoever runs this host to follow it, or try a host that hears of it: symbiosis host --follow ${url}`,
    },
  ).error
