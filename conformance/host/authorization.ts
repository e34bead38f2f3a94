import { expectCode, type Rule } from './breach.ts'
import type { CallShape, Peer } from './peer.ts'

const area = 'authorization'

/** A call that has to be met with one of the codes. */
const met = (
  name: string,
  codes: string | readonly string[],
  call: (peer: Peer) => Partial<CallShape> | Promise<Partial<CallShape>>,
): Rule => ({
  area,
  name,
  async check(peer) {
    await expectCode(peer.call(await call(peer)), 'It answers', ...[codes].flat())
  },
})

/** A call of a device that shows one delegation. */
const shown = (name: string, code: string, over: (peer: Peer) => Partial<CallShape>): Rule =>
  met(name, code, async (peer) => ({
    signer: peer.device,
    subject: peer.space.did,
    proofs: [await peer.given(peer.space, peer.device, over(peer))],
  }))

/** Who may act for a space, and what an invocation is. */
export const authorization: readonly Rule[] = [
  met('answers who acts for itself', 'ok', () => ({})),
  met('refuses a call with two capabilities', 'Malformed', ({ space }) => ({
    capabilities: [1, 2].map(() => ({ can: 'access/hello', with: space.did, nb: {} })),
  })),
  met('refuses a call that has ended', 'Expired', ({ now }) => ({ expiration: now - 120 })),
  met('refuses a call that has not begun', 'TooEarly', ({ now }) => ({ notBefore: now + 120, expiration: now + 180 })),
  met('forgives clocks half a minute', 'ok', ({ now }) => ({ expiration: now - 30 })),
  met('refuses a call that lives for a day', 'TooLong', ({ now }) => ({ expiration: now + 86_400 })),
  met('refuses a call that never ends', 'TooLong', () => ({ expiration: null })),
  {
    area,
    name: 'refuses a call that its issuer did not sign',
    async check(peer) {
      // Another's key signs, the issuer is named all the same.
      const forged = await peer.invocation({ signer: { ...peer.stranger, did: peer.space.did, sign: peer.stranger.sign } })
      await expectCode(
        peer.send([forged], []).then(([out]) => out as NonNullable<typeof out>),
        'It answers',
        'BadSignature',
      )
    },
  },
  met('refuses a call for another host', 'WrongAudience', ({ stranger }) => ({ audience: stranger.did })),
  met('knows no ability that it does not have', 'UnknownAbility', () => ({ can: 'access/nothing' })),
  met('knows no ability that is named like a method', 'UnknownAbility', () => ({ can: 'access/constructor' })),
  met('refuses input with a field more', 'InvalidInput', () => ({ nb: { more: 1 } })),
  met('refuses input that lacks a field', 'InvalidInput', () => ({ can: 'access/request' })),
  met('refuses input of another kind', 'InvalidInput', () => ({ can: 'access/request', nb: { abilities: 'all' } })),
  met('refuses to let one space act for another', 'NotOwner', ({ stranger }) => ({ subject: stranger.did })),
  shown('lets a device act by a delegation', 'ok', () => ({})),
  shown('lets a device act by a delegation of the whole service', 'ok', () => ({ can: 'access/*' })),
  shown('lets a device act by a delegation of everything', 'ok', () => ({ can: '*' })),
  shown('takes no other ability for the one delegated', 'NotOwner', () => ({ can: 'access/wait' })),
  shown('matches abilities by whole segments', 'NotOwner', () => ({ can: 'acc/*' })),
  shown('refuses a delegation that has ended', 'Expired', ({ now }) => ({ expiration: now - 120 })),
  shown('refuses a delegation of somebody else', 'NotOwner', ({ stranger }) => ({ subject: stranger.did })),
  shown('refuses a delegation with a caveat that it does not know', 'NotOwner', () => ({ nb: { unheard: 1 } })),
  met('refuses a delegation to somebody else', 'NotOwner', async (peer) => ({
    signer: peer.device,
    subject: peer.space.did,
    proofs: [await peer.given(peer.space, peer.stranger)],
  })),
  met('follows a chain of delegations', 'ok', async (peer) => {
    const first = await peer.given(peer.space, peer.stranger, { can: 'access/*' })
    const second = await peer.given(peer.stranger, peer.device, { subject: peer.space.did, proofs: [first] })
    return { signer: peer.device, subject: peer.space.did, proofs: [second] }
  }),
  met('lets nobody delegate more than they have', 'NotOwner', async (peer) => {
    const first = await peer.given(peer.space, peer.stranger, { can: 'access/wait' })
    const second = await peer.given(peer.stranger, peer.device, { can: '*', subject: peer.space.did, proofs: [first] })
    return { signer: peer.device, subject: peer.space.did, proofs: [second] }
  }),
  met('lets nobody delegate what is not theirs', 'NotOwner', async (peer) => ({
    signer: peer.device,
    subject: peer.space.did,
    proofs: [await peer.given(peer.stranger, peer.device, { subject: peer.space.did })],
  })),
  met('finds the good one of several delegations', 'ok', async (peer) => {
    const [ended, others, good] = await Promise.all([
      peer.given(peer.space, peer.device, { expiration: peer.now - 120 }),
      peer.given(peer.stranger, peer.device),
      peer.given(peer.space, peer.device),
    ])
    return { signer: peer.device, subject: peer.space.did, proofs: [ended, others, good] }
  }),
  met('keeps what is for operators from others', 'NotOwner', ({ did }) => ({ can: 'host/requests', subject: did })),
  met('takes no space for the host', 'NotOwner', () => ({ can: 'host/requests' })),
]
