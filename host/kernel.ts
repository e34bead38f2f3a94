import {
  type Admitted,
  access,
  archive,
  CLOCK_SKEW,
  type Context,
  type DID,
  encode,
  encodeInvocations,
  encodeVarint,
  Failure,
  type Guard,
  type Handlers,
  operator,
  type Provided,
  provide,
  type Revocation,
  revocation,
  type Service,
  streamFrom,
  textOf,
  type Ucan,
} from '@symbiosis/protocol'
import { manifest as manifestService } from '@symbiosis/protocol/manifest'
import { type LogFrame, log as logService } from '@symbiosis/protocol/revocation'
import type { CID } from 'multiformats/cid'
import type { Policies } from './consent.ts'
import type { Leases } from './leases.ts'
import type { Filters } from './log/filters.ts'
import type { Following } from './log/following.ts'
import type { RevocationLog } from './log/revocation-log.ts'
import type { Publisher } from './manifest/publisher.ts'
import type { Requests } from './requests.ts'
import { mustRevoke, type Revocations } from './revocations.ts'

/** What the host's own abilities see of a call beside what every handler sees: they are about UCANs and about asking. */
export interface KernelContext extends Context {
  readonly message: Admitted
  /** The proofs that the invocation names. */
  readonly proofs: readonly CID[]
  /** The chain from the space down to the caller. */
  readonly owner: readonly Ucan[]
  readonly guard: Guard
  readonly origin: string | undefined
  /** Runs what asks whether UCANs are signed, perhaps several times: it must do nothing but ask. */
  checking<T>(run: () => T): Promise<T>
  /** Where the call came in. */
  readonly remote: string
}

interface Parts {
  readonly name: string
  readonly services: readonly Service[]
  readonly leases: Leases
  readonly policies: Policies
  readonly requests: Requests
  readonly revocations: Revocations
  readonly log: RevocationLog
  readonly following: Following
  /** Whether a host may cosign the log. */
  isWitness(did: DID): boolean
  readonly filters: Filters
  readonly publisher: Publisher
  collect(signal: AbortSignal): Promise<{ kept: number; removed: number; bytes: number }>
}

/** The abilities that every host has: asking for leases, taking back, and operating. */
export const kernelServices = (parts: Parts): Provided[] => [
  provide(access, accessHandlers(parts)),
  provide(revocation, revokeHandlers(parts)),
  provide(logService, logHandlers(parts)),
  provide(manifestService, { get: ({ have }) => parts.publisher.shown(have) }),
  provide(operator, operatorHandlers(parts)),
]

/** Handlers of the kernel are given more than their types say: see `Dispatcher`. */
const kernel = (context: object): KernelContext => context as KernelContext

const accessHandlers = ({ name, services, leases, requests, revocations }: Parts): Handlers<typeof access> => ({
  hello: () => ({
    name,
    services: services.map(({ id, about, abilities, limits }) => ({
      id,
      about,
      abilities: Object.keys(abilities),
      limits: Object.keys(limits),
    })),
  }),
  request: ({ abilities, why, app, ttl }, context) => {
    const { space, agent, invocation: request, origin, remote } = kernel(context)
    return requests.make({ request, space, agent, why, app: app?.name, origin }, abilities, ttl, remote)
  },
  wait: ({ request }, { space, signal }) => requests.wait(space, request, signal),
  renew: async ({ lease }, context) => {
    const { space, guard } = kernel(context)
    return { lease: archive(await leases.renew(space, lease, guard.now, revocations)) }
  },
})

const revokeHandlers = ({ leases, policies, revocations }: Parts): Handlers<typeof revocation> => ({
  revoke: async ({ ucan: link, proof = [] }, context) => {
    const { space: by, message, proofs, owner, guard, invocation, checking } = kernel(context)
    const ucan = message.ucans.get(String(link))
    const known = await revocations.acknowledged(link, by, ucan?.expiration)
    if (known) return known
    if (!ucan || !proof.every((cid) => message.ucans.has(String(cid))))
      throw new Failure('NotFound', 'The UCAN to revoke did not come along with the call.', {
        link: String(link),
        hint: 'Attach its block and the chain above it.',
      })
    const charged = await checking(() => mustRevoke(ucan, by, message, proofs, guard))
    const at = guard.now
    const entry = (each: CID, expiration: number | null): Revocation => ({
      ucan: String(each),
      by,
      at,
      expiration,
      cause: String(invocation),
    })
    // Who takes one lease of a consent back means the consent: neither a renewed sibling nor a standing answer must outlive it.
    await revocations.add(charged, evidenceOf(message.ucans.get(textOf(invocation)) as Ucan, owner), async (tx) => {
      const lease = ucan.issuer === guard.host ? await leases.find(ucan.audience, link, tx) : undefined
      const siblings = lease ? await leases.siblings(lease, tx) : []
      if (lease) {
        await leases.withdraw(tx, lease)
        await policies.withdraw(tx, lease.space, lease.can)
      }
      const open = siblings.filter(({ lease: each, expires }) => !each.equals(link) && expires + CLOCK_SKEW >= at)
      return [entry(link, ucan.expiration), ...open.map((each) => entry(each.lease, each.expires))]
    })
    return (await revocations.acknowledged(link, by)) as Acknowledged
  },
})

type Acknowledged = NonNullable<Awaited<ReturnType<Revocations['acknowledged']>>>

/** A call by itself, with the chain that lets it speak for who revokes: whoever has it can check it again. */
const evidenceOf = (invocation: Ucan, owner: readonly Ucan[]): Uint8Array => encodeInvocations([invocation], owner)

const logHandlers = ({ log, filters, following, revocations, isWitness }: Parts): Handlers<typeof logService> => ({
  checkpoint: async () => ({ ...(await log.witnessed()), key: log.key }),
  entries: ({ from, limit }) => log.frame(from, limit),
  mirrored: ({ of, from, limit }) => following.mirrored(of, from, limit),
  find: ({ ucan, by }) => log.found(() => revocations.indicesOf(ucan, by)),
  inclusion: ({ index, size }) => log.inclusion(index, size),
  consistency: ({ from, size }) => log.consistency(from, size),
  filter: () => filters.latest(),
  shard: async ({ size, shard }) => ({ ...(await filters.shard(size, shard)) }),
  cosign: async ({ checkpoint, key }, { space: witness }) => {
    if (!isWitness(witness))
      throw new Failure('Denied', 'This host has not named you a witness of its log.', {
        hint: 'Its operator names witnesses, or follows them.',
      })
    await log.keep(witness, checkpoint, key)
    return {}
  },
  watch: async ({ from }, { signal }) => ({
    ok: { checkpoint: await log.checkpoint(), key: log.key },
    body: streamFrom(framesOf(log.watch(from, signal))),
  }),
})

async function* framesOf(frames: AsyncIterable<LogFrame>): AsyncGenerator<Uint8Array> {
  for await (const frame of frames) {
    const bytes = encode(frame)
    yield encodeVarint(bytes.length)
    yield bytes
  }
}

const operatorHandlers = ({ leases, policies, requests, revocations, following, collect }: Parts): Handlers<typeof operator> => ({
  requests: () => ({
    requests: requests.pending().map((request) => ({ ...request, abilities: request.abilities.map((asked) => ({ ...asked })) })),
  }),
  approve: async ({ request, ...answer }) => {
    const { leases: granted = [] } = await requests.answer(request, { allow: true, ...answer })
    return { leases: granted.map((bytes) => leases.linkOf(bytes)) }
  },
  deny: async ({ request, ...answer }) => {
    try {
      await requests.answer(request, { allow: false, ...answer })
    } catch (refusal) {
      // Denied is what was asked for.
      if (!(refusal instanceof Failure) || refusal.name !== 'Denied') throw refusal
    }
    return {}
  },
  leases: async ({ after, limit = 100 }, context) => {
    const { now } = kernel(context).guard
    const page = await leases.list({ ...(after !== undefined && { after }), limit })
    const listed = page.map(async (each) => {
      const { consent, ...lease } = each
      const state =
        (await revocations.known.read(each.lease)).length > 0
          ? ('revoked' as const)
          : each.expires + CLOCK_SKEW < now
            ? ('expired' as const)
            : ('valid' as const)
      return { ...lease, used: await leases.used(each), state }
    })
    const last = page.at(-1)
    return { leases: await Promise.all(listed), ...(page.length === limit && last && { next: String(last.lease) }) }
  },
  policies: async () => ({ policies: (await policies.list()).map((policy) => ({ ...policy })) }),
  forget: async ({ policy }) => {
    if (!(await policies.forget(policy)))
      throw new Failure('NotFound', `There is no standing answer "${policy}" to forget.`, { hint: 'See: symbiosis host policies' })
    return {}
  },
  following: () => ({
    hosts: following
      .list()
      .map(({ problem, forks, ...host }) => ({ ...host, ...(problem && { problem: problem.message }), forks: [...forks] })),
  }),
  collect: (_, { signal }) => collect(signal),
})
