import { Failure, type HomeLog, isDid, MAX_HOME_LOGS } from '@symbiosis/protocol'
import { distance } from './address.ts'
import type { KeptHost } from './wallet.ts'

/**
 * The logs that a delegation names unless told: of the hosts that it is made for, where other hosts can reach them. That is over HTTPS; addresses of this machine are
 * everybody's own, so they are named only where no host is known anywhere else.
 */
export const homeLogsAmong = (hosts: readonly KeptHost[], known: readonly KeptHost[]): HomeLog[] => {
  const isHere = known.every(({ urls }) => urls.every((url) => distance(url) === 0))
  const named = hosts.flatMap(({ did, urls }) => {
    const url = urls.find((each) => each.startsWith('https:') && distance(each) === 2) ?? (isHere && urls.find(isWeb))
    return url ? [{ did, url }] : []
  })
  return named.slice(0, MAX_HOME_LOGS)
}

const isWeb = (url: string) => /^https?:/.test(url)

/** @throws Failure InvalidInput for logs that no host would follow: it would take the delegation for void, or refuse its use for ever */
export const mustBeLogs = (logs: readonly HomeLog[]): readonly HomeLog[] => {
  const bad =
    logs.length > MAX_HOME_LOGS ? `more than ${MAX_HOME_LOGS}` : logs.find(({ did, url }) => !isDid(did) || !isWeb(url) || url.length > 512)
  if (bad)
    throw new Failure('InvalidInput', `The logs are ${typeof bad === 'string' ? bad : 'not of hosts over HTTP'}.`, {
      field: 'logs',
      limit: MAX_HOME_LOGS,
    })
  return logs
}
