import { type Channel, type DID, Failure, isDid } from '@symbiosis/protocol'
import { parseAddress } from '@symbiosis/symbiont'
import { connectNode } from '@symbiosis/symbiont/node'
import { hostFolder, socketOf } from './places.ts'
import type { Run } from './run.ts'
import { openSymbiont } from './wallet.ts'

/** Who answers where a host was looked for. What isn't named by its DID is not yet proved to be it: its signatures have to say so. */
export interface Reached {
  readonly did: DID
  readonly channel: Channel
}

/**
 * A host by its address or, where it was paired with, by its name or DID; without either that of this machine.
 * @throws Failure NotFound, Unavailable, InvalidInput, Unsupported
 */
export const reachHost = async (name: string | undefined, run: Run): Promise<Reached> => {
  const wanted = name ?? run.globals.host ?? `unix:${socketOf(hostFolder())}`
  const { url, did } = /^(https?|unix):/.test(wanted) ? parseAddress(wanted) : await pairedHost(wanted, run)
  const connection = connectNode(url)
  if (!connection) throw new Failure('Unsupported', `An address like ${url} can't be used here.`)
  if (did) return { did, channel: connection.channel }
  const about = (await connection.about(run.signal)) as { did?: unknown } | null
  if (typeof about?.did !== 'string' || !isDid(about.did)) throw new Failure('Unsupported', `What answers at ${url} is no host.`)
  return { did: about.did, channel: connection.channel }
}

const pairedHost = async (name: string, run: Run): Promise<{ url: string; did: DID }> => {
  await using symbiont = await openSymbiont(run)
  const found = symbiont.hosts().find((host) => [host.did, host.name, ...host.urls].includes(name))
  const [url] = found?.urls ?? []
  if (!found || !url) throw new Failure('NotFound', `No host is called "${name}".`, { hint: 'Give its address, or see: symbiosis hosts' })
  return { url, did: found.did }
}
