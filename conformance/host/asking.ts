import { access, check, cidOf, encode } from '@symbiosis/protocol'
import { expectCode, must, mustEqual, type Rule } from './breach.ts'
import type { Answer } from './peer.ts'

const area = 'asking'

/** How a request stands, as its contract says. */
const mustBeState = ({ ok, error }: Answer, now: number): void => {
  must(!error, `A request is answered ${error?.name}: ${error?.message}`)
  must(!check(access.abilities.request.ok, ok, '', true), 'A request is answered against its contract')
  const { state, leases, code, expires } = (ok ?? {}) as { state?: string; leases?: unknown[]; code?: string; expires?: number }
  if (state === 'granted') must(leases?.length, 'It grants without leases')
  else if (state === 'pending') {
    must(code, 'A request that waits for the owner has no words for both sides to show')
    must(expires !== undefined && expires > now, 'A request that waits for the owner does not say until when')
    must(leases === undefined, 'A request that waits for the owner has leases already')
  }
}

/** Asking for leases, as far as it shows without an owner's yes. */
export const asking: readonly Rule[] = [
  {
    area,
    name: 'refuses to lease what it has not',
    async check(peer) {
      const refused = (can: string) => peer.call({ can: 'access/request', nb: { abilities: [{ can }] } })
      await expectCode(refused('unheard/*'), 'Of a service', 'UnknownAbility')
      await expectCode(refused('*'), 'Of everything', 'UnknownAbility')
      await expectCode(refused('host/*'), 'Of what is for operators', 'UnknownAbility')
      await expectCode(peer.call({ can: 'access/request', nb: { abilities: [] } }), 'Of nothing', 'InvalidInput')
    },
  },
  {
    area,
    name: 'tells nobody of requests that nobody made',
    async check(peer) {
      const request = cidOf(encode('nobody made this'))
      await expectCode(peer.call({ can: 'access/wait', nb: { request } }), 'It answers', 'NotFound')
    },
  },
]

/** The same of the request that all leases come of, so that the owner is asked no more than once. */
export const askingOut: readonly Rule[] = [
  {
    area,
    name: 'says of a request that it waits or is granted',
    async check(peer) {
      const { first, last } = await peer.granted()
      mustBeState(first, peer.now)
      mustBeState(last, peer.now)
    },
  },
  {
    area,
    name: 'takes a request that comes twice for one',
    async check(peer) {
      const { first, again, last } = await peer.granted()
      mustEqual(again.ok?.request, first.ok?.request, 'It makes two requests of it')
      mustEqual(again.ok?.leases ?? last.ok?.leases, last.ok?.leases, 'It leases a second time')
    },
  },
  {
    area,
    name: 'tells of a request to the space that made it, and to no other',
    async check(peer) {
      const { ok } = (await peer.granted()).last
      const nb = { request: ok?.request as never }
      const told = await peer.call({ can: 'access/wait', nb })
      mustBeState(told, peer.now)
      mustEqual(told.ok?.leases, ok?.leases, 'It tells of other leases than it granted')
      await expectCode(peer.call({ signer: peer.stranger, can: 'access/wait', nb }), 'To another space', 'NotFound')
    },
  },
]
