import { Failure } from '@symbiosis/protocol'
import { admission } from './host/admission.ts'
import { amounts } from './host/amounts.ts'
import { answers } from './host/answers.ts'
import { asking, askingOut } from './host/asking.ts'
import { authorization } from './host/authorization.ts'
import { bodies } from './host/bodies.ts'
import { type Area, Breach, Idle, type Rule, Unseen } from './host/breach.ts'
import { leasing, leasingOut } from './host/leases.ts'
import type { PeerOptions } from './host/meeting.ts'
import { type OnceCall, runsOnce } from './host/once.ts'
import { Peer } from './host/peer.ts'
import { renewing } from './host/renewing.ts'
import { revoking, revokingOut } from './host/revoking.ts'
import { services } from './host/services.ts'
import { streams, streamsOut } from './host/streams.ts'
import { telling } from './host/telling.ts'
import type { Runner } from './runner.ts'

/** How a host is met, and what of it can be looked at. */
export interface HostTestOptions extends PeerOptions {
  /** Whether the host leases something to a stranger who asks. Where it doesn't, the rules about leases can't be looked at and are left out. */
  leases?: boolean
  /** A call of an ability that runs once; unless given, a sample, or one that the manifest tells of and that needs no input. */
  once?: OnceCall
  /** Areas, and single rules by their names, that can't be looked at in this host, since it offers nothing by which they would show. They are left out. */
  without?: readonly string[]
  /** Whether to wait a minute as well, to see what becomes of a lease that has ended. False unless told. */
  ends?: boolean
}

/** What became of a rule. */
export interface Checked {
  readonly area: Area
  readonly rule: string
  /** Whether it holds, or there is nothing that it could be about. */
  readonly ok: boolean
  /**
   * `unseen` where it could not be looked at: it counts as broken until what it lacks is given, or its area is left out. `idle` where by its manifest the
   * host has nothing that it is about.
   */
  readonly outcome: 'holds' | 'broken' | 'unseen' | 'idle'
  /** Why it doesn't hold, what to do for it to be seen, or what it is that the host lacks. */
  readonly message?: string
}

/** What shows without a lease. */
const OPEN: readonly Rule[] = [...answers, ...admission, ...authorization, ...telling, ...asking, ...leasing, ...revoking, ...streams]

const leased = (once: OnceCall | undefined, ends: boolean): readonly Rule[] => [
  ...askingOut,
  ...leasingOut,
  runsOnce(once),
  ...amounts,
  ...revokingOut,
  ...streamsOut,
  ...bodies,
  ...services,
  ...renewing(ends),
]

const rulesFor = ({ leases = true, once, without = [], ends = false }: HostTestOptions): readonly Rule[] => {
  const all = [...OPEN, ...leased(once, true)]
  const unknown = without.find((left) => !all.some(({ area, name }) => left === area || left === name))
  // Whoever leaves out what there isn't looks at what they don't mean to.
  if (unknown !== undefined) throw new Failure('InvalidInput', `There is no rule or area "${unknown}" to leave out.`, { field: 'without' })
  const rules = leases ? [...OPEN, ...leased(once, ends)] : OPEN
  return rules.filter(({ area, name }) => !without.includes(area) && !without.includes(name))
}

/**
 * What every host does, whoever wrote it: checked over HTTP, with nothing known of it but its address.
 * Run it on yours: `runHostTests(runner, 'http://127.0.0.1:4747')`. It asks for leases, so have somebody say yes, or pass `leases: false`.
 */
export const runHostTests = (runner: Runner, url: string | (() => string), options: HostTestOptions = {}): void => {
  runner.describe('a host', () => {
    let peer: Peer
    runner.before(async () => {
      peer = await Peer.meet(typeof url === 'string' ? url : url(), options)
    })
    for (const { area, name, check } of rulesFor(options)) runner.it(`${area}: ${name}`, async () => void (await check(peer)))
  })
}

/**
 * The same without a test runner: yields what became of each rule.
 * @throws Failure Unavailable, Unsupported, where no host answers at all; InvalidInput, for what is left out and isn't there
 */
export async function* checkHost(url: string, options: HostTestOptions = {}): AsyncGenerator<Checked, void> {
  const rules = rulesFor(options)
  const peer = await Peer.meet(url, options)
  for (const { area, name: rule, check } of rules) {
    options.signal?.throwIfAborted()
    try {
      const idle = await check(peer)
      yield { area, rule, ok: true, ...(idle instanceof Idle ? { outcome: 'idle', message: idle.reason } : { outcome: 'holds' }) }
    } catch (thrown) {
      options.signal?.throwIfAborted()
      yield { area, rule, ok: false, outcome: thrown instanceof Unseen ? 'unseen' : 'broken', message: whyNot(thrown) }
    }
  }
}

const whyNot = (thrown: unknown): string => {
  if (thrown instanceof Breach) return thrown.message
  if (thrown instanceof Failure) return `${thrown.name}: ${thrown.message}`
  throw thrown
}
