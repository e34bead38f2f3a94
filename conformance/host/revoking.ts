import { type Logged, leafHash, unwrap, verifyConsistency, verifyInclusion, verifyLogged } from '@symbiosis/protocol'
import { codeOf, expectCode, must, type Rule } from './breach.ts'
import { FORMS } from './forms.ts'
import { calling, checkpointOf, revoke, revoked } from './taking-back.ts'

const area = 'revocation'

/** Taking back, and the log of it. */
export const revoking: readonly Rule[] = [
  { area, name: 'signs a checkpoint of its log by a key that it named', check: async (peer) => void (await checkpointOf(peer)) },
  {
    area,
    name: 'takes no revocation that does not come along, and none from those it has nothing to do with',
    async check(peer) {
      const proof = await peer.given(peer.stranger, peer.device)
      const nb = { ucan: proof.ucan.cid }
      await expectCode(peer.call({ signer: peer.stranger, can: 'ucan/revoke', nb }), 'Of what it was not shown', 'NotFound')
      await expectCode(
        peer.call({ signer: peer.stranger, can: 'ucan/revoke', nb, attach: [proof] }),
        'Of a space without a lease',
        'NoLease',
      )
    },
  },
]

/** The same of a host that leases something to who asks: only its lessees may revoke. */
export const revokingOut: readonly Rule[] = [
  {
    area,
    name: 'refuses what was revoked, from the acknowledgement on, and says who did it',
    async check(peer) {
      const { proof } = await revoked(peer)
      const { error } = await peer.call(calling(peer, proof))
      must(error?.name === 'Revoked', `It answers ${error?.name ?? 'ok'}`)
      must(error?.link === String(proof.ucan.cid) && error?.by === peer.space.did, 'It does not say which link, or by whom')
      const again = await peer.given(peer.space, peer.device)
      await expectCode(peer.call({ ...calling(peer, proof), proofs: [proof, again] }), 'Beside a good delegation', 'ok')
    },
  },
  {
    area,
    name: 'refuses what was revoked in every other form of it',
    async check(peer) {
      const { proof } = await revoked(peer)
      for (const [form, bend] of Object.entries(FORMS)) {
        const second = { ucan: { ...proof.ucan, ...bend(proof.ucan) }, proofs: [] }
        const code = await codeOf(peer.call(calling(peer, second)))
        must(code !== 'ok', `${form}: it is let in again`)
      }
    },
  },
  {
    area,
    name: 'refuses what rests on something revoked',
    async check(peer) {
      const above = await peer.given(peer.space, peer.stranger)
      const below = await peer.given(peer.stranger, peer.device, { subject: peer.space.did, proofs: [above] })
      await expectCode(peer.call(calling(peer, below)), 'Before it is revoked', 'ok')
      unwrap(await revoke(peer, above))
      await expectCode(peer.call(calling(peer, below)), 'Below it', 'Revoked')
    },
  },
  {
    area,
    name: 'lets nobody revoke who neither gave, nor stands above, nor received',
    async check(peer) {
      const proof = await peer.given(peer.space, peer.device)
      await expectCode(revoke(peer, proof, peer.stranger), 'A stranger', 'NotRevoker')
      await expectCode(peer.call(calling(peer, proof)), 'After that', 'ok')
    },
  },
  {
    area,
    name: 'proves by its receipt that the revocation stands in its log',
    async check(peer) {
      const { proof, logged } = await revoked(peer)
      verifyLogged(logged, { host: peer.did, ucan: proof.ucan.cid, by: peer.space.did })
    },
  },
  {
    area,
    name: 'proves each entry, and that its log only grew',
    async check(peer) {
      const { logged } = await revoked(peer)
      const before = await checkpointOf(peer)
      must(before.size > logged.index, 'Its checkpoint is older than the entry that it acknowledged')
      await revoked(peer)
      const after = await checkpointOf(peer)
      must(after.size > before.size, 'The log did not grow by a revocation')
      const grown = unwrap(await peer.call({ can: 'log/consistency', nb: { from: before.size, size: after.size } })) as {
        proof: Uint8Array[]
      }
      const sizes = { from: before.size, to: after.size, fromRoot: before.root, toRoot: after.root }
      must(verifyConsistency({ ...sizes, proof: grown.proof }), 'The log was rewritten')
      const { proof } = unwrap(await peer.call({ can: 'log/inclusion', nb: { index: logged.index, size: after.size } })) as {
        proof: Uint8Array[]
      }
      const leaf = leafHash(logged.entry)
      must(verifyInclusion({ index: logged.index, size: after.size, leaf, proof, root: after.root }), 'An entry is not where it was')
      const { entries } = unwrap(await peer.call({ can: 'log/entries', nb: { from: logged.index, limit: 1 } })) as {
        entries: { leaf: Uint8Array }[]
      }
      must(entries.length === 1 && Buffer.compare(entries[0]?.leaf as Uint8Array, logged.entry) === 0, 'It shows another entry')
    },
  },
  {
    area,
    name: 'acknowledges a revocation that comes again without logging it again',
    async check(peer) {
      const { proof, logged } = await revoked(peer)
      const again = unwrap(await revoke(peer, proof)) as unknown as { log: Logged }
      must(again.log.index === logged.index, 'It is logged twice')
    },
  },
]
