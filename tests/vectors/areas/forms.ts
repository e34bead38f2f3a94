import { encode, type Proof } from '@symbiosis/protocol'
import { blockOf } from '../../attacks/bent.ts'
import { FORMS } from '../../attacks/forms.ts'
import { alice, messageOf, NOW, phone } from '../../fixtures.ts'
import type { VectorFile } from '../format.ts'
import { toBase64 } from '../json.ts'
import { Exchanges } from '../making.ts'

/** Every second form of a revoked delegation, and of a call, under a CID of its own. */
export const forms = async (): Promise<VectorFile> => {
  const area = new Exchanges(
    'forms',
    'One UCAN, one CID: second blocks for one signature, as proofs that were revoked and as calls. What is bent voids the message; what is no UCAN counts for nothing.',
  )
  const at = blockOf(encode('somewhere')).cid
  const lease = await area.lease(alice)
  const revoked = await area.given(alice, phone, alice.did, { can: 'jar/look', nb: { at } })
  const shown = { from: phone, subject: alice.did, nb: { at } }
  const revoke = () =>
    area.step(
      { from: alice, can: 'ucan/revoke', nb: { ucan: revoked.ucan.cid }, proofs: [lease], attach: [revoked] },
      { partly: { at: NOW } },
    )

  const call = await area.invocation({ from: alice, nb: { at }, proofs: [lease] })
  area.steps('the delegation in its own form', 'It is good until it is revoked.', [
    await area.step({ ...shown, proofs: [lease, revoked] }, { owner: [revoked], leases: [[lease]] }),
    await revoke(),
    await area.step(
      { ...shown, proofs: [lease, revoked] },
      { code: 'Revoked', chain: 'owner', link: String(revoked.ucan.cid), by: alice.did },
    ),
  ])
  area.steps('the call in its own form', 'It is allowed.', [area.stepOf([call], { proofs: [lease] }, [{ leases: [[lease]] }])])

  for (const [name, [met, bend]] of Object.entries(FORMS)) {
    const block = bend(revoked.ucan)
    const proof: Proof = { ucan: { ...revoked.ucan, cid: block.cid }, proofs: [] }
    const invocation = await area.invocation({ ...shown, proofs: [lease, proof] })
    const along = [lease.ucan, block]
    const last =
      met === 'void' || met === 'BadSignature'
        ? area.stepOf([invocation], { blocks: along }, [met === 'void' ? 'NotOwner' : { code: 'BadSignature', chain: 'owner' }])
        : { message: toBase64(messageOf([invocation], [...along, invocation])), expect: { code: met } }
    area.steps(`${name}: of a revoked delegation`, 'No way around the revocation, which names the CID of the one form.', [
      await revoke(),
      last,
    ])

    const second = bend(call)
    const message = messageOf([second], [lease.ucan, second])
    const refusedCall = { void: 'Malformed', NotCanonical: 'NotCanonical', BadHash: 'BadHash' }[met as string]
    if (refusedCall) area.refused(`${name}: of a call`, 'No second run of a call under another name.', message, refusedCall)
    else {
      const receipts = [{ ran: String(second.cid), code: 'BadSignature', chain: 'invocation' }]
      area.steps(`${name}: of a call`, 'No second run of a call under another name.', [
        { message: toBase64(message), expect: { receipts } },
      ])
    }
  }
  return area.file()
}
