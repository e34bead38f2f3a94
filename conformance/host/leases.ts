import { canOf, delegate, type LocalSigner, leaseOf, type Proof } from '@symbiosis/protocol'
import { samplesOf } from './amounts.ts'
import { codeOf, Idle, must, type Rule, Unseen } from './breach.ts'
import type { Peer } from './peer.ts'

const area = 'leases'

/** Abilities that the host says it leases. */
const leased = async (peer: Peer): Promise<string[]> => {
  const open = await peer.open()
  return peer.services.flatMap(({ id, abilities }) => abilities.map((name) => canOf(id, name))).filter((can) => !open.includes(can))
}

/** Input that an ability takes: a sample's, or none, which most refuse. */
const inputOf = async (peer: Peer, can: string): Promise<{ nb: object; known: boolean }> => {
  const sample = (await samplesOf(peer).catch(() => [])).find(({ ability }) => ability === can)
  return { nb: sample?.nb ?? {}, known: sample !== undefined }
}

/** What the rules can know of abilities that they have never heard of: calls without input are refused for the lease, or for the input before that. */
const CLOSED = ['NoLease', 'InvalidInput', 'Expired', 'NotOwner']
/** A call that was let in, if only as far as to be told that it lacks a stream. Where there is no answer, nobody knows. */
const isIn = (code: string): boolean => ![...CLOSED, 'Revoked', 'Cancelled'].includes(code)

/** None of the abilities may let the call in. */
const closed = (name: string, shown: (peer: Peer) => Promise<{ by: LocalSigner; proofs: readonly Proof[] }>): Rule => ({
  area,
  name,
  async check(peer) {
    const { by, proofs } = await shown(peer)
    for (const can of await leased(peer)) {
      const { nb, known } = await inputOf(peer, can)
      const code = await codeOf(peer.call({ signer: by, can, nb, proofs }))
      must(CLOSED.includes(code) && !(known && code === 'InvalidInput'), `${can} answers ${code}, where NoLease was due`)
    }
  },
})

/** An ability that the lease opens, with input that it takes: by it the rules see what a lease does. */
const opened = async (peer: Peer): Promise<{ can: string; nb: object; leases: readonly Proof[] }> => {
  const leases = await peer.leases()
  for (const can of await handiestFirst(peer, await leased(peer))) {
    const { nb } = await inputOf(peer, can)
    if (leaseFor(leases, can) && isIn(await codeOf(peer.call({ can, nb, proofs: leases })))) return { can, nb, leases }
  }
  throw new Unseen('Of no ability it is known how to call it, so nothing can be seen of a lease: pass a sample of one')
}

/** What changes nothing, streams nothing and needs no input is answered soonest; others may do real work first. */
const handiestFirst = async (peer: Peer, cans: readonly string[]): Promise<readonly string[]> => {
  const effort = async (can: string): Promise<number> => {
    const { effect, stream, nb } = (await peer.ability(can).catch(() => undefined)) ?? {}
    return [effect !== 'read', stream !== 'none', nb?.required?.length].filter(Boolean).length
  }
  const ranked = await Promise.all(cans.map(async (can) => ({ can, effort: await effort(can) })))
  return ranked.sort((a, b) => a.effort - b.effort).map(({ can }) => can)
}

/** Leases onward, from the space to the stranger; `over` bends it. */
const onward = (
  peer: Peer,
  above: Proof,
  over: { can?: string; nb?: { [limit: string]: number }; later?: number; by?: LocalSigner; with?: string },
): Promise<Proof> => {
  const { can, nb } = leaseOf(above.ucan) ?? { can: '', nb: {} }
  return delegate(over.by ?? peer.space, {
    audience: peer.stranger.did,
    capabilities: [{ can: over.can ?? can, with: over.with ?? peer.did, nb: { ...nb, ...over.nb } }],
    expiration: (above.ucan.expiration ?? 0) + (over.later ?? 0),
    proofs: [above],
  })
}

const leaseFor = (leases: readonly Proof[], can: string): Proof =>
  leases.find(({ ucan }) => leaseOf(ucan)?.can.split('/')[1] === can.split('/')[0]) as Proof

/** A sub-lease that is wider than what is above it is void as a whole. */
const isVoid = (name: string, over: (peer: Peer, above: Proof) => Parameters<typeof onward>[2] | Idle): Rule => ({
  area,
  name,
  async check(peer) {
    const { can, nb, leases } = await opened(peer)
    const above = leaseFor(leases, can)
    const bent = over(peer, above)
    if (bent instanceof Idle) return bent
    const good = await onward(peer, above, {})
    const code = await codeOf(peer.call({ signer: peer.stranger, can, nb, proofs: [good] }))
    must(isIn(code), `A lease that was leased onward as it is answers ${code}`)
    const bad = await codeOf(peer.call({ signer: peer.stranger, can, nb, proofs: [await onward(peer, above, bent)] }))
    must(!isIn(bad), `It answers ${bad}, where NoLease was due`)
  },
})

/** What the host may be used for, and how much of it. */
export const leasing: readonly Rule[] = [
  closed('lets nobody in without a lease', async ({ space }) => ({ by: space, proofs: [] })),
  closed('takes no lease that another signed', async (peer) => ({
    by: peer.space,
    proofs: await Promise.all(
      peer.services.map(({ id }) => peer.given(peer.stranger, peer.space, { can: `lease/${id}/*`, subject: peer.did })),
    ),
  })),
  closed('takes no lease that the space gave itself', async (peer) => ({
    by: peer.space,
    proofs: await Promise.all(
      peer.services.map(({ id }) => peer.given(peer.space, peer.space, { can: `lease/${id}/*`, subject: peer.did })),
    ),
  })),
]

/** What can only be seen of a host that leases something to who asks. */
export const leasingOut: readonly Rule[] = [
  {
    area,
    name: 'leases to the space that its owner says yes to, and to the services asked for',
    async check(peer) {
      const leases = await peer.leases()
      must(leases.length > 0, 'It grants without leases')
      for (const { ucan } of leases) {
        const capability = leaseOf(ucan)
        must(ucan.issuer === peer.did && ucan.audience === peer.space.did, 'A lease is not from the host to the space')
        must(capability?.with === peer.did, 'A lease is not over the host')
        must(ucan.expiration !== null, 'A lease never ends')
      }
    },
  },
  { area, name: 'lets in who shows a lease', check: async (peer) => void (await opened(peer)) },
  closed("takes no lease for another's", async (peer) => ({ by: peer.stranger, proofs: await peer.leases() })),
  {
    area,
    name: 'takes no lease for a delegation over the host',
    async check(peer) {
      const proofs = await peer.leases()
      const code = await codeOf(peer.call({ can: 'host/requests', subject: peer.did, proofs }))
      must(code === 'NotOwner', `Shown a lease, host/requests answers ${code}, where NotOwner was due`)
    },
  },
  isVoid('voids a sub-lease that ends later', () => ({ later: 600 })),
  isVoid('voids a sub-lease that has ended', ({ now }, above) => ({ later: now - 120 - (above.ucan.expiration ?? 0) })),
  isVoid('voids a sub-lease of a wider ability', () => ({ can: 'lease/*' })),
  isVoid('voids a sub-lease with a limit that is not known', () => ({ nb: { unheard: 1 } })),
  isVoid('voids a sub-lease over another host', ({ stranger }) => ({ with: stranger.did })),
  isVoid('voids a sub-lease with a higher limit', (_, above) => {
    const [limit] = Object.entries(leaseOf(above.ucan)?.nb ?? {})
    return limit ? { nb: { [limit[0]]: (limit[1] as number) + 1 } } : new Idle('The lease that shows it has no limit')
  }),
  {
    area,
    name: 'keeps a lease from who carries it without the space',
    async check(peer) {
      const { can, nb, leases } = await opened(peer)
      const code = await codeOf(peer.call({ signer: peer.device, can, nb, subject: peer.space.did, proofs: leases }))
      must(code === 'NotOwner', `It answers ${code}, where NotOwner was due`)
      const device = await peer.given(peer.space, peer.device, { can })
      const lent = await codeOf(peer.call({ signer: peer.device, can, nb, subject: peer.space.did, proofs: [device, ...leases] }))
      must(isIn(lent), `A device with a delegation and the lease is answered ${lent}`)
    },
  },
]
