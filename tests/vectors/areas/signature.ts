import type { Proof } from '@symbiosis/protocol'
import { bent, modelOf } from '../../attacks/bent.ts'
import { alice, bob, mallory, phone } from '../../fixtures.ts'
import type { VectorFile } from '../format.ts'
import { Exchanges } from '../making.ts'

export const signature = async (): Promise<VectorFile> => {
  const area = new Exchanges(
    'signature',
    'Signatures of calls, delegations and leases. A call that its issuer did not sign is refused; a link that its issuer did not sign voids only itself.',
  )
  const lease = await area.lease(alice)
  const device = await area.given(alice, phone, alice.did)
  /** A UCAN that says it is another's: its form and its CID are in order. */
  const posing = (proof: Proof, as: Proof): Proof => {
    const block = bent(proof.ucan, { iss: modelOf(as.ucan).iss })
    return { ucan: { ...proof.ucan, ...block }, proofs: proof.proofs }
  }

  const call = await area.invocation({ from: phone, subject: alice.did, proofs: [lease, device], notBefore: 1 })
  area.steps('a call', 'Signed by its issuer.', [
    area.stepOf([call], { proofs: [lease, device] }, [{ owner: [device], leases: [[lease]] }]),
  ])
  const stranger = await area.invocation({ from: mallory, subject: alice.did, proofs: [lease] })
  const asAlice = bent(stranger, { iss: modelOf(device.ucan).iss })
  const refused = { code: 'BadSignature', chain: 'invocation' }
  area.steps('a call in the name of another', 'mallory signed it, and it says that alice did.', [
    area.stepOf([{ ...stranger, ...asAlice }], { proofs: [lease] }, [refused]),
  ])
  for (const [field, value] of Object.entries<unknown>({
    exp: (call.expiration as number) + 1,
    nbf: 2,
    nnc: 'other',
    fct: [{ a: 1 }],
    att: [{ can: 'jar/look', with: alice.did, nb: { tag: 'other' } }],
    prf: [...call.proofs].reverse(),
    s: (modelOf(call).s as Uint8Array).map((byte, at) => (at === 40 ? byte ^ 1 : byte)),
  })) {
    const other = { ...call, ...bent(call, { [field]: value }) }
    area.steps(`a call with another ${field}`, 'What the signature covers was changed.', [
      area.stepOf([other], { proofs: [lease, device] }, [refused]),
    ])
  }

  const forged = posing(await area.given(mallory, bob, alice.did), device)
  const honest = await area.given(alice, bob, alice.did)
  const through = { leases: [[lease]] }
  await area.call(
    'a forged delegation',
    'mallory signed it, and it says that alice did.',
    { from: bob, subject: alice.did, proofs: [lease, forged] },
    { code: 'BadSignature', chain: 'owner', link: String(forged.ucan.cid) },
  )
  await area.call(
    'a forged delegation before an honest one',
    'It voids only itself.',
    { from: bob, subject: alice.did, proofs: [lease, forged, honest] },
    { owner: [honest], ...through },
  )
  const below = await area.given(bob, phone, alice.did, { proofs: [forged] })
  await area.call(
    'an honest delegation below a forged one',
    'A chain is as good as its links.',
    { from: phone, subject: alice.did, proofs: [lease, below] },
    { code: 'BadSignature', chain: 'owner', link: String(forged.ucan.cid) },
  )

  const forgedLease = posing(await area.sublease(mallory, bob), lease)
  const own = await area.lease(bob)
  await area.call(
    'a forged lease',
    'mallory signed it, and it says that the host did.',
    { from: bob, proofs: [forgedLease] },
    { code: 'BadSignature', chain: 'lease', link: String(forgedLease.ucan.cid) },
  )
  await area.call(
    'a forged lease before an honest one',
    'It voids only itself.',
    { from: bob, proofs: [forgedLease, own] },
    { leases: [[own]] },
  )
  return area.file()
}
