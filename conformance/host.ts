import { Failure } from '@symbiosis/protocol'
import { admission } from './host/admission.ts'
import { answers } from './host/answers.ts'
import { authorization } from './host/authorization.ts'
import { Breach, type Rule } from './host/breach.ts'
import { leasing, leasingOut } from './host/leases.ts'
import { type OnceCall, runsOnce } from './host/once.ts'
import { Peer, type PeerOptions } from './host/peer.ts'
import { revoking, revokingOut } from './host/revoking.ts'
import { telling } from './host/telling.ts'
import type { Runner } from './runner.ts'

/** How a host is met, and what of it can be looked at. */
export interface HostTestOptions extends PeerOptions {
  /** Whether the host leases something to a stranger who asks. Where it doesn't, the rules about leases can't be looked at and are left out. */
  leases?: boolean
  /** A call of an ability that runs once; unless given, one that the manifest tells of and that needs no input. */
  once?: OnceCall
}

/** What became of a rule. */
export interface Checked {
  readonly area: string
  readonly rule: string
  readonly ok: boolean
  /** Why not. */
  readonly message?: string
}

const rulesFor = ({ leases = true, once }: HostTestOptions): readonly Rule[] => [
  ...answers,
  ...admission,
  ...authorization,
  ...telling,
  ...leasing,
  ...revoking,
  ...(leases ? [...leasingOut, runsOnce(once), ...revokingOut] : []),
]

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
    for (const { area, name, check } of rulesFor(options)) runner.it(`${area}: ${name}`, () => check(peer))
  })
}

/**
 * The same without a test runner: yields what became of each rule.
 * @throws Failure Unavailable, Unsupported, where no host answers at all
 */
export async function* checkHost(url: string, options: HostTestOptions = {}): AsyncGenerator<Checked, void> {
  const peer = await Peer.meet(url, options)
  for (const { area, name: rule, check } of rulesFor(options)) {
    options.signal?.throwIfAborted()
    try {
      await check(peer)
      yield { area, rule, ok: true }
    } catch (thrown) {
      options.signal?.throwIfAborted()
      yield { area, rule, ok: false, message: whyNot(thrown) }
    }
  }
}

const whyNot = (thrown: unknown): string => {
  if (thrown instanceof Breach) return thrown.message
  if (thrown instanceof Failure) return `${thrown.name}: ${thrown.message}`
  throw thrown
}
