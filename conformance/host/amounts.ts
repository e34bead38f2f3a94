import { CODES, leaseOf, serviceOf } from '@symbiosis/protocol'
import type { Sample, Told } from '../guests.ts'
import { Breach, Idle, must, mustEqual, type Rule, Unseen } from './breach.ts'
import { type Lessee, lend, lessee, run, type Shares } from './lessee.ts'
import type { Peer } from './peer.ts'
import { asked, LIFE } from './requesting.ts'
import { standardSamples } from './standard.ts'

const area = 'amounts'

/** A sample that uses up something, with those that come before it. */
export interface Using {
  readonly before: readonly Sample[]
  readonly sample: Sample
  readonly service: string
  readonly limit: string
  /** How much of the limit all of them hold together. */
  readonly amount: number
}

/** Samples of the host's own services, and of the standard ones that it has. What is for operators is none of the rules'. */
export const samplesOf = async (peer: Peer): Promise<readonly Sample[]> => {
  const own = new Set(peer.samples.map(({ ability }) => serviceOf(ability)))
  const all = [...(await standardSamples(peer)).filter(({ ability }) => !own.has(serviceOf(ability))), ...peer.samples]
  const told = await Promise.all(all.map(({ ability }) => peer.ability(ability)))
  return all.filter((_, at) => told[at]?.authority !== 'operator')
}

/** The samples of one service that come before one of its own; another service's, too, since a pin needs what was pushed. */
const usings = (samples: readonly Sample[]): Using[] =>
  samples.flatMap((sample, at) => {
    const service = serviceOf(sample.ability)
    const before = samples.slice(0, at)
    return Object.entries(sample.error ? {} : (sample.uses ?? {}))
      .filter(([, amount]) => amount > 0)
      .map(([limit, amount]) => ({
        before,
        sample,
        service,
        limit,
        amount: before.reduce((sum, { ability, uses }) => (serviceOf(ability) === service ? sum + (uses?.[limit] ?? 0) : sum), amount),
      }))
  })

/** Calls at a time, of which a part has room. */
const AT_ONCE = 12
const ROOM = 5

const NO_LIMITS = 'It leases nothing by amounts'
const ADVICE = 'No amount can be seen: pass samples of the services, with what they use'

/** Each limit that is seen to be used, once. */
export const used = async (peer: Peer): Promise<readonly Using[] | Idle> => {
  if (peer.services.every(({ limits }) => limits.length === 0)) return new Idle(NO_LIMITS)
  const found = new Map<string, Using>()
  for (const using of usings(await samplesOf(peer))) {
    const name = `${using.service} ${using.limit}`
    if (!found.has(name)) found.set(name, using)
  }
  if (found.size === 0) throw new Unseen(ADVICE)
  for (const using of found.values()) await mustSuffice(peer, using)
  return [...found.values()]
}

/** An owner may say yes to less than was asked. */
const mustSuffice = async (peer: Peer, { service, limit, amount }: Using): Promise<void> => {
  const lease = (await peer.leases()).map(({ ucan }) => leaseOf(ucan)).find((each) => serviceOf(each?.can ?? '') === service)
  const granted = (lease?.nb as { [limit: string]: number } | undefined)?.[limit]
  const needed = amount * ROOM
  if (!lease || (granted !== undefined && granted < needed))
    throw new Unseen(`Its owner has leased ${lease ? granted : 0} ${limit} of ${service}, where the rules need ${needed}`)
}

const sharesOf = ({ service, limit }: Using, amount: number): Shares => ({ [service]: { [limit]: amount } })

/** Runs all up to the sample, and gives its answer. */
export const use = async (peer: Peer, by: Lessee, { before, sample }: Using): Promise<Told> => {
  for (const earlier of before) await run(peer, by, earlier)
  return run(peer, by, sample)
}

const codeOf = ({ out }: Told): string => out.error?.name ?? 'ok'

const mustCode = (told: Told, code: string, what: string): void =>
  must(codeOf(told) === code, `${what}: ${codeOf(told)}${told.out.error ? ` (${told.out.error.message})` : ''}, where ${code} was due`)

const sees = (name: string, look: (peer: Peer, using: Using) => Promise<void>): Rule => ({
  area,
  name,
  async check(peer) {
    const all = await used(peer)
    if (all instanceof Idle) return all
    for (const using of all) await look(peer, using)
  },
})

/** What leases allow in amount. Can only be seen of a host that leases something to who asks. */
export const amounts: readonly Rule[] = [
  {
    area,
    name: 'leases no more than was asked for, and no longer',
    async check(peer) {
      const most = new Map(asked(peer).map(({ can, limits }) => [serviceOf(can), limits]))
      for (const { ucan } of await peer.leases()) {
        const { can, nb = {} } = leaseOf(ucan) ?? {}
        for (const [limit, amount] of Object.entries(most.get(serviceOf(can ?? '')) ?? {})) {
          const stated = (nb as { [limit: string]: unknown })[limit]
          must(
            typeof stated === 'number' && stated <= amount,
            `Of ${amount} ${limit} asked for, it leases ${String(stated ?? 'any number')}`,
          )
        }
        must((ucan.expiration ?? Number.POSITIVE_INFINITY) <= peer.now + LIFE + 60, 'A lease ends later than was asked for')
      }
    },
  },
  sees('lets a lease be used to the last unit of it, and no further', async (peer, using) => {
    const { sample, limit, amount } = using
    mustCode(await use(peer, await lessee(peer, sharesOf(using, amount)), using), 'ok', `${sample.ability} with ${amount} ${limit}`)
    const { out } = await use(peer, await lessee(peer, sharesOf(using, amount - 1)), using)
    mustCode({ out }, 'LimitExceeded', `${sample.ability} with ${amount - 1} ${limit}`)
  }),
  sees('says of what is too much how much there is, is used and was asked', async (peer, using) => {
    const { out } = await use(peer, await lessee(peer, sharesOf(using, using.amount - 1)), using)
    const { limit, used: held, asked, name } = out.error ?? {}
    must(name === 'LimitExceeded', `It answers ${name ?? 'ok'}`)
    must(limit === using.amount - 1, `It says that there are ${limit}, where ${using.amount - 1} are leased`)
    must(
      (held as number) + (asked as number) > (limit as number),
      `It says that ${held} are used and ${asked} asked of ${limit}: that fits`,
    )
  }),
  sees('counts once what is asked for twice', async (peer, using) => {
    if ((await peer.ability(using.sample.ability))?.effect !== 'idempotent') return
    const by = await lessee(peer, sharesOf(using, using.amount))
    mustCode(await use(peer, by, using), 'ok', using.sample.ability)
    mustCode(await run(peer, by, using.sample), 'ok', `${using.sample.ability} again`)
  }),
  sees('counts what is leased onward of the leases above it', async (peer, using) => {
    const by = await lessee(peer, sharesOf(using, using.amount))
    mustCode(await use(peer, await lend(peer, by), using), 'ok', 'A first one below a lease')
    mustCode(await use(peer, await lend(peer, by), using), 'LimitExceeded', 'A second one below the same lease')
  }),
  sees('lets no number of calls at a time past a lease', async (peer, using) => {
    const by = await lessee(peer, sharesOf(using, using.amount * ROOM))
    const spaces = await Promise.all(Array.from({ length: AT_ONCE }, () => lend(peer, by)))
    // What has to be there before is used of the same lease where it is of the same limit: then all of it runs at once.
    const codes = (await Promise.all(spaces.map((space) => use(peer, space, using)))).map(codeOf)
    const others = codes.filter((code) => code !== 'ok' && code !== 'LimitExceeded')
    mustEqual(others, [], `Calls at a time are answered ${others.join(', ')}`)
    const passed = codes.filter((code) => code === 'ok').length
    must(passed <= ROOM, `${passed} of ${AT_ONCE} calls at a time pass a lease that has room for ${ROOM}`)
    must(passed > 0, `None of ${AT_ONCE} calls at a time passes a lease that has room for ${ROOM}`)
  }),
  {
    area,
    name: 'gives back what is removed',
    async check(peer) {
      const all = await used(peer)
      if (all instanceof Idle) return all
      const samples = await samplesOf(peer)
      let seen = false
      for (const using of all) {
        const rest = samples.slice(samples.indexOf(using.sample) + 1)
        const at = rest.findIndex(({ ability, uses }) => serviceOf(ability) === using.service && (uses?.[using.limit] ?? 0) < 0)
        if (at < 0) continue
        seen = true
        const by = await lessee(peer, sharesOf(using, using.amount))
        mustCode(await use(peer, by, using), 'ok', using.sample.ability)
        for (const later of rest.slice(0, at + 1)) await run(peer, by, later)
        // Another space, since to have the same again could be for nothing.
        mustCode(await use(peer, await lend(peer, by), using), 'ok', `${using.sample.ability} after ${rest[at]?.ability}`)
      }
      if (!seen) throw new Unseen('No sample gives anything back: add one that removes something, with a negative amount of uses')
    },
  },
  {
    area,
    name: 'refuses to lease by a limit that a service has not',
    async check(peer) {
      const [first] = asked(peer)
      if (!first) throw new Breach('The host tells of no service that could be leased.')
      const { error } = await peer.call({ can: 'access/request', nb: { abilities: [{ ...first, limits: { unheard: 1 } }] } })
      must(error && (CODES as readonly string[]).includes(error.name) && error.name === 'InvalidInput', `It answers ${error?.name ?? 'ok'}`)
    },
  },
]
