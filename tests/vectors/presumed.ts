import { access, BOUNDS, CLOCK_SKEW, canOf, type Provided, revocation, type Service, signerFromSeed } from '@symbiosis/protocol'
import { jarringService, jarService } from '../attacks/jar.ts'
import { alice, bob, laptop, mallory, phone } from '../fixtures.ts'
import type { Presumed, PresumedAbility } from './format.ts'
import { toBase64 } from './json.ts'

const SEED = new Uint8Array(32).fill(0x48)

/** The host of the vectors. */
export const host = signerFromSeed(SEED)

const PRINCIPALS = { host, alice, phone, laptop, bob, mallory }

export const servicesOf = (): Provided[] => [jarService(), jarringService()]

/** All services of the host, its own included. */
export const SERVICES: readonly Service[] = [...servicesOf().map(({ service }) => service), revocation, access]

/** The abilities that vectors use, and what they do, for those who don't have our services at hand. */
const DOES: Record<string, string> = {
  'jar/look': 'Answers { things }: the names of what is in the jar of the space, sorted.',
  'jar/put':
    'Puts a thing in and answers { size }; size is 1 unless given. It counts `size` against the limit `bytes` and 1 against `things`, on every lease of the first lease chain that has room for both.',
  'jar/count': 'Adds `by`, 1 unless given, to a counter of the space, and answers { count }.',
  'jar/fill': 'Takes a stream; a message alone brings none.',
  'jar/peek': 'Answers {}.',
  'jar/audit': 'Answers {}.',
  'jar/break': 'Fails for a reason of its own.',
  'jarring/look': 'Answers {}.',
  'ucan/revoke':
    'Revokes `ucan` in the name of the principal that the call is with, and answers { at }, when it was first revoked by that principal. Its block and the chain above it come along in the message; `proof` names blocks that have to.',
  'access/request': 'Asks for leases. Answers { state } among others: granted with leases, or pending for 600 seconds.',
  'access/wait': 'Tells the state of a request of this space, named by the invocation that made it.',
}

const abilitiesOf = (service: Service): Record<string, PresumedAbility> =>
  Object.fromEntries(
    Object.entries(service.abilities).flatMap(([name, { authority, effect, freshness, stream, nb }]) => {
      const can = canOf(service.id, name)
      const does = DOES[can]
      return does === undefined ? [] : [[can, { does, authority, effect, freshness, stream, nb: nb as PresumedAbility['nb'] }]]
    }),
  )

export const PRESUMED: Presumed = {
  host: host.did,
  seed: toBase64(SEED),
  principals: Object.fromEntries(Object.entries(PRINCIPALS).map(([name, { did }]) => [name, did])),
  skew: CLOCK_SKEW,
  maxLife: 600,
  bounds: { ...BOUNDS },
  options: { consent: 'allow', maxPendingPerSpace: 8, maxRevocationsPerSpace: 10_000 },
  services: SERVICES.map((service) => ({ id: service.id, limits: Object.keys(service.limits), abilities: abilitiesOf(service) })),
}
