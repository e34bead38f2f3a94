import { encodeCar, STREAM_TYPE } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import { NOW } from '../fixtures.ts'
import { type Random, weighted } from './random.ts'
import { type Part, part, sealed } from './sealing.ts'
import type { Caller, Stage } from './stage.ts'

/** A call as an honest caller makes it, before anybody mutates it. */
export interface Call {
  readonly invocation: Part
  /** UCANs that come along beside the proofs. */
  readonly attach: readonly Part[]
  readonly accept: string
  /** What streams behind the message. */
  readonly stream?: Uint8Array
  /** Whether its answer may be held back: it waits for what happens elsewhere. */
  readonly waits?: boolean
}

type Recipe = (random: Random, stage: Stage) => Call

/** A call that a host takes, of any of its abilities. */
export const validCall: Recipe = (random, stage) => weighted(random, RECIPES)(random, stage)

const invoked = (random: Random, stage: Stage, caller: Caller, can: string, nb: object, more: Partial<Call> = {}): Call => {
  const proofs = caller.proofs[can.split('/')[0] as string] ?? []
  const said = { can, with: caller.space, nb, exp: NOW + random.pick([1, 60, 599]), nnc: random.text(12) }
  return { invocation: part(caller.signer, stage.host, said, proofs), attach: [], accept: 'application/vnd.ipld.car', ...more }
}

const anyRoot = (random: Random, { roots, dags }: Stage): CID => (random.chance(0.7) ? random.pick(dags).root : random.pick(roots))

/** Loopback only, and doors that nobody opened: nothing leaves this machine. */
const ORIGINS = [
  '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo',
  '/ip4/127.0.0.1/tcp/9/ws/p2p/12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo',
  '/ip4/127.0.0.1/tcp/1',
  '/unix/x',
  'no multiaddr',
  '',
]

const leased =
  (can: string, nb: (random: Random, stage: Stage) => object, more: Partial<Call> = {}): Recipe =>
  (random, stage) =>
    invoked(random, stage, random.pick(stage.callers), can, nb(random, stage), more)

const open =
  (can: string, nb: (random: Random, stage: Stage) => object, more: Partial<Call> = {}): Recipe =>
  (random, stage) => {
    const signer = random.pick(stage.strangers)
    const caller = random.chance(0.5) ? random.pick(stage.callers.slice(0, 2)) : { signer, space: signer.did, proofs: {} }
    return invoked(random, stage, caller, can, nb(random, stage), more)
  }

const operated =
  (name: string, nb: (random: Random, stage: Stage) => object): Recipe =>
  (random, stage) =>
    invoked(random, stage, stage.operator, `host/${name}`, nb(random, stage))

const root = (random: Random, stage: Stage) => ({ root: anyRoot(random, stage) })
const request = (random: Random, { requests }: Stage) => ({ request: (random.pick(requests).block as { cid: CID }).cid })
const nothing = () => ({})
const streams = { accept: `application/vnd.ipld.car, ${STREAM_TYPE}` }

const imported: Recipe = (random, stage) => {
  const { root, blocks } = random.pick(stage.dags)
  const stream = encodeCar({ roots: [root], blocks: [...blocks] })
  return invoked(random, stage, random.pick(stage.callers), 'dag/import', { root, ...(random.chance(0.3) && { more: true }) }, { stream })
}

const asked = (random: Random) => ({
  abilities: Array.from({ length: 1 + random.below(3) }, () => ({
    can: random.pick(['pin/*', 'pin/add', 'dag/*', 'dag/import', 'pin/nothing', 'shelf/*']),
    ...(random.chance(0.5) && { limits: { bytes: random.pick([0, 1, 1000, Number.MAX_SAFE_INTEGER]) } }),
  })),
  ...(random.chance(0.9) && { why: random.pick(['allow', 'allow', 'deny', 'less', 'ask']) }),
  ...(random.chance(0.3) && { app: { name: random.text(8) } }),
  ...(random.chance(0.3) && { ttl: random.pick([1, 3600, Number.MAX_SAFE_INTEGER]) }),
})

const pooled: Recipe = (random, { requests }) => ({ invocation: random.pick(requests), attach: [], accept: 'application/vnd.ipld.car' })

/** Revokes what was made for it, so that what all cases rely on stays. */
const revoked: Recipe = (random, stage) => {
  const [owner] = stage.callers as [Caller]
  const [to] = stage.strangers as [Caller['signer']]
  const byHost = random.chance(0.3)
  const said = { can: byHost ? 'lease/pin/*' : 'pin/*', with: byHost ? stage.host : owner.space, exp: NOW + 3600, nnc: random.text(9) }
  const victim = sealed(part(byHost ? stage.signer : owner.signer, to.did, said))
  const by: Caller = byHost ? { signer: to, space: to.did, proofs: {} } : { ...owner, proofs: { ucan: owner.proofs.pin ?? [] } }
  return invoked(random, stage, by, 'ucan/revoke', { ucan: victim.block?.cid }, { attach: [victim] })
}

const renewed: Recipe = (random, stage) => {
  const [lease] = (random.pick(stage.callers.slice(0, 1)) as Caller).proofs.pin as [Part]
  return invoked(random, stage, stage.callers[0] as Caller, 'access/renew', { lease: lease.block?.cid }, { attach: [lease] })
}

const RECIPES: readonly (readonly [number, Recipe])[] = [
  [
    200,
    leased('pin/add', (random, stage) => ({
      ...root(random, stage),
      ...(random.chance(0.4) && { name: random.text(6) }),
      ...(random.chance(0.2) && { origins: [random.pick(ORIGINS)] }),
    })),
  ],
  [120, leased('pin/remove', root)],
  [
    400,
    leased('pin/list', (random) => ({
      ...(random.chance(0.3) && { limit: random.pick([1, 1000]) }),
      ...(random.chance(0.2) && { after: random.text(5) }),
    })),
  ],
  [500, leased('pin/status', root)],
  [50, leased('pin/watch', root, { ...streams, waits: true })],
  [200, imported],
  [400, leased('dag/status', root)],
  [150, leased('dag/export', root, streams)],
  [400, open('access/hello', nothing)],
  [150, open('access/request', asked)],
  [50, pooled],
  [50, open('access/wait', request, { waits: true })],
  [150, renewed],
  [150, revoked],
  [200, operated('requests', nothing)],
  [50, operated('approve', (random, stage) => ({ ...request(random, stage), ...(random.chance(0.3) && { always: true }) }))],
  [50, operated('deny', request)],
  [150, operated('leases', (random) => ({ limit: random.pick([1, 10, 100]) }))],
  [150, operated('policies', nothing)],
  [100, operated('forget', (random) => ({ policy: random.text(5) }))],
  [1, operated('collect', nothing)],
]
