import { lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Failure, httpChannel } from '@symbiosis/protocol'
import { fetchBy } from '@symbiosis/protocol/unix'
import { isPublicIp } from '../public-ip.ts'
import type { Reach } from './reach.ts'

/**
 * Which hosts are dialled because a delegation names their logs. Who has a lease chooses these addresses, and this host's network is none of theirs:
 *
 * - `none`: no host at all
 * - `public`: HTTPS to addresses of the public internet; and of this machine, where this host listens on no other ones
 * - `any`: every address of HTTP and HTTPS
 */
export type FollowNamed = 'none' | 'public' | 'any'

/** Which IP addresses may be connected to under a URL; undefined where it is not dialled at all. */
export type Allowed = (ip: string) => boolean

export const allowedUnder = (text: string, policy: FollowNamed, isLocal: boolean): Allowed | undefined => {
  if (policy === 'none' || !URL.canParse(text)) return undefined
  const { protocol, hostname, username, password } = new URL(text)
  if (!/^https?:$/.test(protocol) || username || password) return undefined
  const isPublic: Allowed = (ip) => (protocol === 'https:' && isPublicIp(ip)) || (isLocal && isLoopback(ip))
  const allowed = policy === 'any' ? () => true : isPublic
  // Where no address could be allowed, no name is looked up either.
  if (policy === 'public' && protocol !== 'https:' && !isLocal) return undefined
  // No name is looked up for an address, so it has to be judged here; the parser has brought it into its one form.
  const ip = hostname.replace(/^\[|\]$/g, '')
  if (isIP(ip) && !allowed(ip)) return undefined
  return allowed
}

export const isLoopback: Allowed = (ip) => /^127\./.test(ip) || ip === '::1'

/** A way to a host that connects to allowed addresses alone, whatever its name resolves to at the time. */
export const reachWithin = (url: string, allowed: Allowed): Reach => ({
  // No connection is kept: the next one may have to be judged otherwise.
  channel: httpChannel(url, (to, init) => fetchBy({ lookup: within(allowed), agent: false }, to, init)),
  about: async () => {
    throw new Failure('Unsupported', 'Who answers under a named address has to be who is named.')
  },
})

const within =
  (allowed: Allowed): LookupFunction =>
  (hostname, options, callback) =>
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? []
      const refused = addresses?.find(({ address }) => !allowed(address))
      if (error || !first) callback(error ?? Object.assign(new Error('It has no address.'), { code: 'ENOTFOUND' }), '')
      else if (refused) callback(Object.assign(new Error(`${refused.address} is not dialled.`), { code: 'EACCES' }), '')
      else if (options.all) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
