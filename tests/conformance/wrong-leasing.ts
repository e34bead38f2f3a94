import { type Amounts, archive, cidOf, delegate, encode, extract, type LocalSigner, leaseOf } from '@symbiosis/protocol'
import type { Answered, Out, Wrong } from './wrong-host.ts'
import { changed, type FoundOut, lenient } from './wrong-ways.ts'

/** Signs the leases of an answer anew, to somebody else or of other amounts. */
const resigned = (
  can: string,
  over: (answered: Answered, limits: Amounts) => { to?: string; limits?: Amounts; longer?: number },
): Wrong => ({
  async answer(answered, key) {
    const { ok } = answered.out as { ok?: { leases?: Uint8Array[]; lease?: Uint8Array } }
    if (answered.can !== can || !ok) return answered.out
    const sign = (bytes: Uint8Array) => leaseAnew(bytes, key, (limits) => over(answered, limits))
    if (ok.lease) return { ok: { ...ok, lease: await sign(ok.lease) } }
    return { ok: { ...ok, leases: await Promise.all((ok.leases ?? []).map(sign)) } }
  },
})

const leaseAnew = async (
  bytes: Uint8Array,
  key: LocalSigner,
  over: (limits: Amounts) => { to?: string; limits?: Amounts; longer?: number },
): Promise<Uint8Array> => {
  const { ucan } = extract(bytes)
  const { can, nb = {} } = leaseOf(ucan) as { can: string; nb?: object }
  const { to = ucan.audience, limits = nb, longer = 0 } = over(nb as Amounts)
  const capabilities = [{ can, with: key.did, nb: { ...limits } }]
  return archive(await delegate(key, { audience: to as never, capabilities, expiration: (ucan.expiration as number) + longer }))
}

const doubled = (limits: Amounts): Amounts => Object.fromEntries(Object.entries(limits).map(([name, most]) => [name, most * 2]))

const used = (out: Out): boolean => out.error?.name === 'LimitExceeded'

/** Hosts that lease, count and renew wrongly. */
export const WRONG_LEASING: FoundOut = {
  'leases whatever is asked for': {
    wrong: () => lenient('UnknownAbility'),
    areas: ['asking'],
    rules: ['refuses to lease what it has not'],
  },
  'knows of every request': {
    wrong: () => lenient('NotFound'),
    areas: ['asking'],
    rules: ['tells nobody of requests that nobody made', 'tells of a request to the space that made it, and to no other'],
  },
  'does not name requests': {
    wrong: () => changed('access/wait', ({ request: _, ...ok }) => ok),
    areas: ['asking'],
    rules: ['tells of a request to the space that made it, and to no other'],
  },
  'leaves out of a request what it is called': {
    wrong: () => ({
      answer: ({ can, out }) => (can === 'access/request' && out.ok ? { ok: { ...(out.ok as object), code: 7 } } : out),
    }),
    areas: ['asking'],
    rules: ['says of a request that it waits or is granted'],
  },
  'makes a request each time that one comes': {
    wrong() {
      let made = 0
      return changed('access/request', (ok) => ({ ...ok, request: cidOf(encode(made++)) }))
    },
    areas: ['asking'],
    rules: ['takes a request that comes twice for one'],
    also: ['tells of a request to the space that made it, and to no other'],
  },
  'leases more than was asked for': {
    wrong: () => resigned('access/request', (_, limits) => ({ limits: doubled(limits) })),
    areas: ['amounts'],
    rules: ['leases no more than was asked for, and no longer'],
  },
  'leases without an amount': {
    wrong: () => resigned('access/request', () => ({ limits: {} })),
    areas: ['amounts'],
    rules: ['leases no more than was asked for, and no longer'],
  },
  'leases for longer than was asked': {
    wrong: () => resigned('access/request', () => ({ longer: 3600 })),
    areas: ['amounts'],
    rules: ['leases no more than was asked for, and no longer'],
  },
  'leases by limits that it has not': {
    wrong: () => lenient('InvalidInput'),
    areas: ['amounts'],
    rules: ['refuses to lease by a limit that a service has not'],
  },
  'holds nobody to an amount': {
    wrong: () => lenient('LimitExceeded'),
    areas: ['amounts', 'renewing'],
    rules: [
      'lets a lease be used to the last unit of it, and no further',
      'says of what is too much how much there is, is used and was asked',
      'counts what is leased onward of the leases above it',
      'lets no number of calls at a time past a lease',
      'gives nothing back by renewing',
    ],
  },
  'lets nobody use the last unit': {
    wrong: () => ({
      answer: ({ can, nb, out }) =>
        can === 'jar/put' && out.ok && nb.size === 100 ? { error: { name: 'LimitExceeded', message: 'Full.' } } : out,
    }),
    areas: ['amounts'],
    rules: ['lets a lease be used to the last unit of it, and no further'],
    also: [
      'counts once what is asked for twice',
      'counts what is leased onward of the leases above it',
      'lets no number of calls at a time past a lease',
      'gives back what is removed',
    ],
  },
  'does not say how much there is': {
    wrong: () => ({ answer: ({ out }) => (used(out) ? { error: { name: 'LimitExceeded', message: 'Too much.' } } : out) }),
    areas: ['amounts'],
    rules: ['says of what is too much how much there is, is used and was asked'],
  },
  'refuses as too much what would fit': {
    wrong: () => ({ answer: ({ out }) => (used(out) ? { error: { ...(out.error as object), used: 0, asked: 1 } as never } : out) }),
    areas: ['amounts'],
    rules: ['says of what is too much how much there is, is used and was asked'],
  },
  'counts again what is asked for again': {
    wrong() {
      const before = new Set<string>()
      return {
        answer({ can, space, out }) {
          if (can !== 'jar/put' || !out.ok) return out
          const again = before.has(space)
          before.add(space)
          return again ? { error: { name: 'LimitExceeded', message: 'Full.' } } : out
        },
      }
    },
    areas: ['amounts'],
    rules: ['counts once what is asked for twice'],
  },
  'looks away while many call': {
    wrong() {
      let many = 0
      return {
        refuses() {
          many++
          return undefined
        },
        answer({ out }) {
          const few = many-- < 3
          return few || !used(out) ? out : { ok: { size: 100 } }
        },
      }
    },
    areas: ['amounts'],
    rules: ['lets no number of calls at a time past a lease'],
  },
  'leases to the device that asks': {
    wrong: () => resigned('access/request', ({ agent }) => ({ to: agent })),
    areas: ['renewing'],
    rules: ['leases to the space, whichever device of it asks'],
    also: [
      'renews a lease for the same space, for longer and for no more',
      'gives nothing back by renewing',
      'ends with a lease what it was renewed to, and renews neither',
      'renews nothing that has ended',
    ],
  },
  'renews for more': {
    wrong: () => resigned('access/renew', (_, limits) => ({ limits: doubled(limits) })),
    areas: ['renewing'],
    rules: ['renews a lease for the same space, for longer and for no more'],
    also: ['gives nothing back by renewing', 'ends with a lease what it was renewed to, and renews neither'],
  },
  'renews for no longer': {
    wrong: () => resigned('access/renew', () => ({ longer: -600 })),
    areas: ['renewing'],
    rules: ['renews a lease for the same space, for longer and for no more'],
    also: ['gives nothing back by renewing', 'ends with a lease what it was renewed to, and renews neither'],
  },
  'renews for ever': {
    wrong: () => resigned('access/renew', () => ({ longer: 86_400 })),
    areas: ['renewing'],
    rules: ['renews a lease for the same space, for longer and for no more'],
    also: ['ends with a lease what it was renewed to, and renews neither'],
  },
  'renews for whoever asks': {
    wrong: () => lenient('NotFound'),
    areas: ['renewing'],
    rules: ["renews nothing that is another's", 'renews nothing that was leased onward'],
  },
  'renews what was revoked': {
    wrong: () => lenient('Revoked'),
    areas: ['renewing'],
    rules: ['ends with a lease what it was renewed to, and renews neither'],
  },
  'renews what has ended': {
    wrong: () => lenient('Expired'),
    areas: ['renewing'],
    rules: ['renews nothing that has ended'],
  },
}
