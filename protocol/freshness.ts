import type { Authority, Effect } from './contract.ts'

/**
 * How old what a host knows of the logs may be that a call's delegations name, in seconds. `null` is no bound: offline allowed.
 */
export interface Freshness {
  /** Older than this, the host hears of the log again while it answers. */
  readonly fresh: number | null
  /** Older than this, it refuses with StaleLog. */
  readonly stale: number | null
}

const HOUR = 3600
const CHANGES: Freshness = { fresh: 300, stale: HOUR }
const READS: Freshness = { fresh: HOUR, stale: 7 * 24 * HOUR }

/**
 * What is open is what strangers need before they can be anybody's lessee, and revoking itself: a host that refused those for want of contact would keep revocations
 * out. What is the operator's is revoked at the host itself, whose own log is never behind.
 */
const UNBOUNDED: Freshness = { fresh: null, stale: null }

/**
 * What an ability asks for, by its effect and authority unless it says so itself.
 * @throws TypeError for what is no number of seconds, and where what is still fresh would be stale
 */
export const freshnessOf = ({
  authority,
  effect,
  freshness = authority !== 'leased' ? UNBOUNDED : effect === 'read' ? READS : CHANGES,
}: {
  authority: Authority
  effect: Effect
  freshness?: Freshness | undefined
}): Freshness => {
  const { fresh, stale } = freshness
  for (const seconds of [fresh, stale]) {
    if (seconds === null || (Number.isSafeInteger(seconds) && seconds >= 0)) continue
    throw new TypeError(`"${seconds}" is no number of seconds; null is for no bound.`)
  }
  if (fresh !== null && stale !== null && stale < fresh)
    throw new TypeError(`What is stale after ${stale} s can't be fresh for ${fresh} s.`)
  return { fresh, stale }
}
