import { type DID, isDid } from './principal.ts'
import { check, list, struct, text } from './schema.ts'
import type { Ucan } from './ucan.ts'

/** A host whose log speaks for a delegation: whoever wants to know whether that is revoked has to have heard of it lately. */
export interface HomeLog {
  readonly did: DID
  /** Where the host may be reached. Nothing vouches for it: who answers there has to prove the DID. */
  readonly url: string
}

/** Logs that one link may name: each costs the hosts that it is shown to a contact now and then. */
export const MAX_HOME_LOGS = 8

const shape = list(struct({ did: text({ maxLength: 128 }), url: text({ minLength: 1, maxLength: 512 }) }), { maxItems: MAX_HOME_LOGS })
const NONE: readonly HomeLog[] = []
const known = new WeakMap<Ucan, { readonly logs: readonly HomeLog[] | undefined }>()

/** The fact by which a delegation names its home logs. */
export const homeLogsFact = (logs: readonly HomeLog[]) => ({ logs: logs.map(({ did, url }) => ({ did, url })) })

/**
 * The logs that the facts of a link name. Other facts may stand beside; but `logs` has one shape, and undefined comes of another: such a link is void, since whoever
 * signed it meant to bound its use by something that nobody here could hold to.
 */
export const homeLogsOf = (ucan: Ucan): readonly HomeLog[] | undefined => {
  if (ucan.facts.length === 0) return NONE
  let read = known.get(ucan)
  if (!read) {
    read = { logs: readLogs(ucan) }
    known.set(ucan, read)
  }
  return read.logs
}

const readLogs = ({ facts }: Ucan): readonly HomeLog[] | undefined => {
  const named: HomeLog[] = []
  for (const fact of facts) {
    if (!Object.hasOwn(fact, 'logs')) continue
    if (check(shape, fact.logs)) return undefined
    named.push(...(fact.logs as unknown as HomeLog[]))
  }
  return named.length > MAX_HOME_LOGS || named.some(({ did }) => !isDid(did)) ? undefined : named
}
