import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { Failure } from '@symbiosis/protocol'

/** Most addresses in one request: each costs a dial. */
const MAX_ORIGINS = 16

/** IPv4 that isn't the public internet, by the special-purpose registry of IANA (RFC 6890), and multicast and reserved space above it. */
const notPublic = new BlockList()
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  notPublic.addSubnet(net, bits, 'ipv4')
}

/** All public IPv6 stands in 2000::/3, so mapped, translated, loopback, unique local, link-local and multicast ones are out already. */
const global6 = new BlockList()
global6.addSubnet('2000::', 3, 'ipv6')
/** What of it embeds an IPv4 address (Teredo, 6to4), or is for benchmarks, ORCHIDs and documentation. */
const special6 = new BlockList()
for (const [net, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  special6.addSubnet(net, bits, 'ipv6')
}

/** Whether an IP address is on the public internet, as opposed to this machine, its network, or nowhere. */
export const isPublicIp = (ip: string): boolean => {
  if (isIPv4(ip)) return !notPublic.check(ip, 'ipv4')
  return isIPv6(ip) && global6.check(ip, 'ipv6') && !special6.check(ip, 'ipv6')
}

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
