import { BlockList, isIPv4, isIPv6 } from 'node:net'

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
