import { access, CODES, check, ucansOf } from '@symbiosis/protocol'
import { must, mustEqual, type Rule } from './breach.ts'

const area = 'answers'

/** What comes back. That receipts are signed by the host, for the call, holds of every answer to every rule. */
export const answers: readonly Rule[] = [
  {
    area,
    name: 'tells what it is called and what it leases',
    async check(peer) {
      const { ok } = await peer.call({})
      const mismatch = check(access.abilities.hello.ok, ok, '', true)
      must(ok && !mismatch, `access/hello answers against its contract: ${mismatch?.path ?? ''} ${mismatch?.message ?? 'refused'}`)
    },
  },
  {
    area,
    name: 'gives each call of a message a receipt of its own',
    async check(peer) {
      const calls = await Promise.all(
        [{}, { can: 'access/nothing' }, { audience: peer.stranger.did }, {}].map((call) => peer.invocation(call)),
      )
      const codes = (await peer.send(calls, [])).map(({ error }) => error?.name ?? 'ok')
      mustEqual(codes, ['ok', 'UnknownAbility', 'WrongAudience', 'ok'], `One message of four calls is answered ${codes.join(', ')}`)
    },
  },
  {
    area,
    name: 'answers a call that comes twice as it did at first',
    async check(peer) {
      const call = await peer.invocation({ can: 'access/nothing' })
      const [first, second] = [await peer.send([call], []), await peer.send([call], [])]
      mustEqual(second, first, 'The second answer is another one')
    },
  },
  {
    area,
    name: 'refuses by codes of the closed list, and tells nothing of its inside',
    async check(peer) {
      const calls = [{ can: 'access/nothing' }, { nb: { more: 1 } }, { expiration: null }, { can: 'access/wait', nb: {} }]
      for (const call of calls) {
        const { error } = await peer.call(call)
        must(error && (CODES as readonly string[]).includes(error.name), `It refuses by ${error?.name ?? 'no code'}`)
        must(typeof error?.message === 'string' && error.message !== '', 'A refusal has no message')
        const told = JSON.stringify(error)
        must(!('stack' in (error ?? {})) && !/\bat .+:\d+:\d+/.test(told), 'A refusal carries a stack trace')
      }
    },
  },
  {
    area,
    name: 'says which link failed',
    async check(peer) {
      const ended = await peer.given(peer.space, peer.device, { expiration: peer.now - 120 })
      const call = { signer: peer.device, subject: peer.space.did, proofs: [ended] }
      const invocation = await peer.invocation(call)
      const [answer] = await peer.send([invocation], ucansOf(call.proofs))
      mustEqual(
        [answer?.error?.name, answer?.error?.link, answer?.error?.chain],
        ['Expired', String(ended.ucan.cid), 'owner'],
        'An ended delegation is refused without naming it',
      )
    },
  },
]
