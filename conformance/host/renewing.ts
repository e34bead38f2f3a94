import {
  type Amounts,
  covers,
  extract,
  generateSeed,
  leaseOf,
  leases as leasesIt,
  type Proof,
  signerFromSeed,
  unwrap,
} from '@symbiosis/protocol'
import { type Using, use, used } from './amounts.ts'
import { expectCode, Idle, must, type Rule } from './breach.ts'
import { type Lessee, lend } from './lessee.ts'
import type { Answer, Peer } from './peer.ts'
import { asked, request } from './requesting.ts'

const area = 'renewing'

/** Seconds of a lease that is asked for to be renewed, and after how many of them it is: then most of its life is over. */
const SHORT = 3
const RENEWED_AFTER = 2
/** By which clocks may differ, and leases outlive their end. */
const SKEW = 60

/** A space of its own whose leases are short, so that they can be renewed, taken back and left to end without harm to other rules. */
interface Short extends Lessee {
  /** What of its leases the rule about usage uses up. */
  readonly using: Using | undefined
  /** The one that is taken back in the end. */
  readonly lease: Proof
  /** An ability that it opens and that needs no input, if there is one. */
  readonly can: string | undefined
}

const asking = new WeakMap<Peer, Promise<Short>>()

/** Asked for once, by a device of the space. */
const short = (peer: Peer): Promise<Short> => {
  const known = asking.get(peer) ?? ask(peer)
  asking.set(peer, known)
  return known
}

const ask = async (peer: Peer): Promise<Short> => {
  const signer = signerFromSeed(generateSeed())
  const device = await peer.given(signer, peer.device, { can: 'access/*' })
  const found = await used(peer).catch(() => new Idle(''))
  const [using] = found instanceof Idle ? [] : found
  const abilities = asked(peer, using && { [using.service]: { [using.limit]: using.amount } })
  const nb = { abilities, ttl: SHORT, why: 'To check how this host renews' }
  const { leases } = await request(peer, { signer: peer.device, subject: signer.did, proofs: [device], nb })
  const [can] = await peer.cans(({ authority, stream, nb }) => authority === 'leased' && stream === 'none' && !nb.required?.length)
  const lease = leases.find(({ ucan }) => leasesIt(ucan, can ?? '')) ?? (leases[0] as Proof)
  return { signer, proofs: leases, lease, using, can }
}

const renew = (peer: Peer, { signer }: Pick<Lessee, 'signer'>, lease: Proof): Promise<Answer> =>
  peer.call({ signer, can: 'access/renew', nb: { lease: lease.ucan.cid }, attach: [lease] })

const renewedOf = (answer: Answer): Proof => extract((unwrap(answer) as { lease: Uint8Array }).lease)

const amountsOf = ({ ucan }: Proof): Amounts => (leaseOf(ucan)?.nb ?? {}) as Amounts

/** How leases go on. Can only be seen of a host that leases something to who asks; `ends` where it may be waited for that one ends. */
export const renewing = (ends: boolean): readonly Rule[] => [
  {
    area,
    name: 'leases to the space, whichever device of it asks',
    async check(peer) {
      const { signer, proofs } = await short(peer)
      for (const { ucan } of proofs)
        must(ucan.issuer === peer.did && ucan.audience === signer.did, 'A lease is not from the host to the space')
    },
  },
  {
    area,
    name: 'renews a lease for the same space, for longer and for no more',
    async check(peer) {
      const whole = await short(peer)
      const { lease, signer } = whole
      await peer.clock.pass(RENEWED_AFTER)
      const next = renewedOf(await renew(peer, whole, lease))
      must(next.ucan.issuer === peer.did && next.ucan.audience === signer.did, 'The renewed lease is not from the host to the space')
      must(leaseOf(next.ucan)?.with === peer.did, 'The renewed lease is not over the host')
      must((next.ucan.expiration ?? Number.POSITIVE_INFINITY) <= peer.now + SHORT + SKEW, 'The renewed lease is longer than the first')
      must((next.ucan.expiration as number) > (lease.ucan.expiration as number), 'The renewed lease ends no later')
      must(covers(leaseOf(lease.ucan)?.can ?? '', leaseOf(next.ucan)?.can ?? '*'), 'The renewed lease is of more abilities')
      for (const [limit, most] of Object.entries(amountsOf(lease)))
        must((amountsOf(next)[limit] ?? Number.POSITIVE_INFINITY) <= most, `The renewed lease is of more ${limit}`)
    },
  },
  {
    area,
    name: "renews nothing that is another's",
    async check(peer) {
      const { lease } = await short(peer)
      await expectCode(renew(peer, { signer: peer.stranger }, lease), 'Asked by another space', 'NotFound')
    },
  },
  {
    area,
    name: 'renews nothing that was leased onward',
    async check(peer) {
      const whole = await short(peer)
      const below = await lend(peer, whole)
      await expectCode(renew(peer, below, below.proofs[0] as Proof), 'Asked by a sub-lessee', 'NotFound')
    },
  },
  {
    area,
    name: 'gives nothing back by renewing',
    async check(peer) {
      const found = await used(peer)
      if (found instanceof Idle) return found
      const whole = await short(peer)
      const { using = found[0] as Using, proofs } = whole
      const first = await use(peer, await lend(peer, whole), using)
      must(!first.out.error, `Before, it answers ${first.out.error?.name}: ${first.out.error?.message}`)
      await peer.clock.pass(RENEWED_AFTER)
      const renewed = await Promise.all(proofs.map(async (each) => renewedOf(await renew(peer, whole, each))))
      const before = proofs.map(({ ucan }) => String(ucan.cid))
      must(!renewed.some(({ ucan }) => before.includes(String(ucan.cid))), 'A lease was not renewed')
      const { out } = await use(peer, await lend(peer, { ...whole, proofs: renewed }), using)
      must(out.error?.name === 'LimitExceeded', `With a renewed lease it answers ${out.error?.name ?? 'ok'}, where LimitExceeded was due`)
    },
  },
  {
    area,
    name: 'ends with a lease what it was renewed to, and renews neither',
    async check(peer) {
      const whole = await short(peer)
      const { lease, signer, can } = whole
      const next = renewedOf(await renew(peer, whole, lease))
      const proofs = [lease]
      unwrap(await peer.call({ signer, can: 'ucan/revoke', nb: { ucan: lease.ucan.cid }, proofs, attach: proofs }))
      await expectCode(renew(peer, whole, lease), 'What was revoked', 'Revoked')
      await expectCode(renew(peer, whole, next), 'What it was renewed to', 'Revoked')
      if (can) await expectCode(peer.call({ signer, can, proofs: [next] }), 'A call by what it was renewed to', 'Revoked')
    },
  },
  ...(ends ? [ended] : []),
]

/** Takes a minute, since a lease outlives its end by as much as clocks may differ. */
const ended: Rule = {
  area,
  name: 'renews nothing that has ended',
  async check(peer) {
    const signer = signerFromSeed(generateSeed())
    const nb = { abilities: asked(peer), ttl: 1, why: 'To see it end' }
    const [lease] = (await request(peer, { signer, nb })).leases
    await peer.clock.pass(1 + SKEW + 1)
    await expectCode(renew(peer, { signer }, lease as Proof), 'It answers', 'Expired')
  },
}
