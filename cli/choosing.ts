import { covers, type DID, Failure } from '@symbiosis/protocol'
import { type ChoiceOptions, parseAddress, type Symbiont } from '@symbiosis/symbiont'
import { connectNode } from '@symbiosis/symbiont/node'
import type { Run } from './run.ts'
import { choiceOf } from './wallet.ts'

/**
 * One host and space for several calls that belong together: content must be pinned where it was pushed. The first that answers of
 * those that lease all of it; what the options say where none does, so that the call itself tells why it can't be made.
 */
export const chooseFor = async (symbiont: Symbiont, abilities: readonly string[], run: Run): Promise<ChoiceOptions> => {
  const asked = choiceOf(run)
  const leases = symbiont.leases().filter(({ state }) => state === 'valid')
  const own = symbiont.space
  const spaces = asked.space ? [asked.space] : [own, ...new Set(leases.map(({ space }) => space).filter((space) => space !== own))]
  const hosts = symbiont.hosts().filter(({ did, name, urls }) => !asked.host || [did, name, ...urls].includes(asked.host))
  const has = (host: DID, space: DID) =>
    abilities.every((can) => leases.some((lease) => lease.host === host && lease.space === space && covers(lease.can, can)))
  const found = spaces.flatMap((space) => hosts.filter(({ did }) => has(did, space)).map(({ did, urls }) => ({ host: did, space, urls })))
  for (const { host, space, urls } of found) if (found.length === 1 || (await answers(urls, run.signal))) return { host, space }
  const [first] = found
  return first ? { host: first.host, space: first.space } : asked
}

/** Whether anybody answers at one of the addresses within two seconds. */
const answers = async (urls: readonly string[], signal: AbortSignal): Promise<boolean> => {
  for (const url of urls) {
    try {
      await connectNode(parseAddress(url).url)?.about(AbortSignal.any([signal, AbortSignal.timeout(2000)]))
      return true
    } catch (thrown) {
      signal.throwIfAborted()
      if (!(thrown instanceof Failure) && (thrown as Error).name !== 'TimeoutError') throw thrown
    }
  }
  return false
}
