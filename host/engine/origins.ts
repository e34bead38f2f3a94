import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { Failure } from '@symbiosis/protocol'
import { isPublicIp } from '../public-ip.ts'

/** Most addresses in one request: each costs a dial. */
const MAX_ORIGINS = 16

/** Names of an address's parts, in order: IP and TCP, perhaps WebSocket, perhaps the peer. DNS names are out: what they resolve to may change. */
const SHAPE = /^ip[46] tcp( ws)?( p2p)?$/

/** Whether this host dials the address at all, be it given by a caller or learned from a peer. */
export const isDialable = (address: Multiaddr, allowPrivate: boolean): boolean => {
  const parts = address.getComponents()
  return SHAPE.test(parts.map(({ name }) => name).join(' ')) && (allowPrivate || isPublicIp(parts[0]?.value ?? ''))
}

/**
 * The multiaddrs in which a caller names peers to fetch from: `/ip4|ip6/…/tcp/…[/ws]/p2p/ID`. Throws `InvalidInput`, field
 * `origins`, for any other, and for one that leads into this host's own network, unless `allowPrivate`.
 */
export const parseOrigins = (origins: readonly string[], allowPrivate: boolean): Multiaddr[] => {
  if (origins.length > MAX_ORIGINS) throw invalid(`There are ${origins.length} origins, more than ${MAX_ORIGINS}.`, 'Name fewer.')
  return origins.map((text) => {
    const address = parse(text)
    const parts = address?.getComponents() ?? []
    if (address === undefined || parts.at(-1)?.name !== 'p2p' || !isDialable(address, true)) {
      throw invalid(
        `The origin ${text} is not an address this host dials.`,
        'Use /ip4 or /ip6, then /tcp, perhaps /ws, and /p2p with the peer id.',
      )
    }
    if (!isDialable(address, allowPrivate)) {
      throw invalid(`The origin ${text} is not a public address.`, 'Name a peer on the public internet, or push the content instead.')
    }
    return address
  })
}

const parse = (text: string): Multiaddr | undefined => {
  try {
    return multiaddr(text)
  } catch {
    return undefined
  }
}

const invalid = (message: string, hint: string): Failure => new Failure('InvalidInput', message, { field: 'origins', hint })
