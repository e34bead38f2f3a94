import { encode, type Proof } from '@symbiosis/protocol'
import { blockOf } from '../../attacks/bent.ts'
import { alice, bob, laptop, mallory, NOW, phone } from '../../fixtures.ts'
import type { VectorFile } from '../format.ts'
import { Exchanges, type Expected } from '../making.ts'

export const ownerChain = async (): Promise<VectorFile> => {
  const area = new Exchanges(
    'owner-chain',
    'The owner chain: from the space, by delegations over it, to whoever calls. UCAN as stock packages read it.',
  )
  const lease = await area.lease(alice)
  const device = await area.given(alice, phone, alice.did)
  const refused = { code: 'NotOwner', chain: 'owner' }
  /** A call of `from` for the space of alice. */
  const look = (
    name: string,
    description: string,
    from: typeof phone,
    proofs: readonly Proof[],
    owner: readonly Proof[] | Expected,
    nb = {},
  ) =>
    area.call(
      name,
      description,
      { from, subject: alice.did, nb, proofs: [lease, ...proofs] },
      Array.isArray(owner) ? { owner, leases: [[lease]] } : (owner as Expected),
    )

  await look('the space itself', 'No delegation is needed.', alice, [], [])
  await look('a device', 'A delegation of the space.', phone, [device], [device])
  const second = await area.given(phone, laptop, alice.did, { proofs: [device] })
  await look('a device of a device', 'Two links.', laptop, [second], [device, second])
  await look('no delegation', 'A device that shows nothing.', phone, [], refused)
  await look('the delegation of another device', 'It was given to the phone.', mallory, [device], {
    ...refused,
    link: String(device.ucan.cid),
  })
  await look('a chain without its top', 'The delegation above does not come along.', laptop, [{ ucan: second.ucan, proofs: [] }], refused)
  await look('a delegation to oneself', 'A chain begins with the space.', mallory, [await area.given(mallory, mallory, alice.did)], refused)
  const loop = await area.given(bob, mallory, alice.did, { proofs: [await area.given(mallory, bob, alice.did)] })
  await look('a ring', 'Two who delegate to each other.', mallory, [loop], refused)
  await look(
    'a link issued by another than the audience above',
    'mallory delegates what the phone was given.',
    laptop,
    [await area.given(mallory, laptop, alice.did, { proofs: [device] })],
    refused,
  )
  await look('a delegation of another space', 'bob delegates what is his.', phone, [await area.given(bob, phone, bob.did)], refused)
  await look('a delegation over another space', "alice delegates what is bob's.", phone, [await area.given(alice, phone, bob.did)], refused)
  await area.call(
    'a delegation that is not named',
    'It comes along, and counts only where it is named.',
    { from: phone, subject: alice.did, proofs: [lease], attach: [device] },
    refused,
  )

  for (const [can, holds] of Object.entries({
    'jar/look': true,
    'jar/*': true,
    '*': true,
    'ucan:*': true,
    'jar/put': false,
    'jarring/*': false,
    'jar/look/*': false,
    'jar/loo': false,
    'ja/*': false,
    'lease/jar/*': false,
  })) {
    const each = await area.given(alice, phone, alice.did, { can })
    await look(`a delegation of ${can}`, 'Abilities are covered by whole segments.', phone, [each], holds ? [each] : refused)
  }
  const all = await area.given(alice, phone, alice.did, { capabilities: [{ can: '*', with: 'ucan:*' }] })
  await look('all that alice holds', 'The resource `ucan:*`.', phone, [all], [all])
  const allOfMallory = await area.given(mallory, phone, alice.did, { capabilities: [{ can: '*', with: 'ucan:*' }] })
  await look('all that mallory holds', 'The space of alice is not among it.', phone, [allOfMallory], refused)
  const several = await area.given(alice, phone, alice.did, {
    capabilities: [
      { can: 'jar/put', with: alice.did },
      { can: 'jar/look', with: bob.did },
      { can: 'jar/look', with: alice.did },
    ],
  })
  await look('several capabilities', 'The third one fits.', phone, [several], [several])
  const narrow = await area.given(alice, phone, alice.did, { can: 'jar/put' })
  await look(
    'a link that is wider than the one above',
    'Each link has to allow the call.',
    laptop,
    [await area.given(phone, laptop, alice.did, { proofs: [narrow] })],
    refused,
  )

  const tagged = await area.given(alice, phone, alice.did, { nb: { tag: 'red' } })
  await look('a caveat that is met', 'A field of the delegation is what the call has to say.', phone, [tagged], [tagged], { tag: 'red' })
  await look('a caveat that is not met', 'Another value.', phone, [tagged], refused, { tag: 'blue' })
  await look('a caveat that the call leaves out', 'No value.', phone, [tagged], refused)
  for (const nb of [{ maxSize: 10 }, { constructor: 1 }]) {
    const unknown = await area.given(alice, phone, alice.did, { nb })
    await look(`the unknown caveat ${Object.keys(nb)}`, 'What is unknown is refused, not dropped.', phone, [unknown], {
      ...refused,
      link: String(unknown.ucan.cid),
    })
  }
  const [here, there] = [blockOf(encode('here')).cid, blockOf(encode('there')).cid]
  const placed = await area.given(alice, phone, alice.did, { nb: { at: here } })
  await look('a link as a caveat', 'Links are compared by what they say.', phone, [placed], [placed], { at: here })
  await look('another link than the caveat', 'Two links.', phone, [placed], refused, { at: there })
  const bound = await area.given(phone, laptop, alice.did, { nb: { tag: 'red' }, proofs: [device] })
  const last = await area.given(laptop, bob, alice.did, { proofs: [bound] })
  await look('a caveat in the middle', 'It binds all below.', bob, [last], [device, bound, last], { tag: 'red' })
  await look('a caveat in the middle that is not met', 'It binds all below.', bob, [last], refused, { tag: 'blue' })

  const expired = await area.given(alice, phone, alice.did, { expiration: NOW - 61 })
  const early = await area.given(alice, phone, alice.did, { notBefore: NOW + 61 })
  const foreign = await area.given(mallory, phone, alice.did)
  const missing = await area.given(alice, phone, alice.did)
  const junk = blockOf(encode({ hello: 'world' }))
  const junkProof: Proof = { ucan: { ...device.ucan, ...junk }, proofs: [] }
  const bad = [expired, early, foreign, narrow, junkProof]
  const alternatives = (proofs: readonly Proof[]) => ({
    from: phone,
    subject: alice.did,
    proofs: [lease, ...proofs, missing],
    blocks: [lease.ucan, ...proofs.map(({ ucan }) => ucan)],
  })
  await area.call('bad proofs before a good one', 'Each voids only itself.', alternatives([...bad, device]), {
    owner: [device],
    leases: [[lease]],
  })
  await area.call('bad proofs behind a good one', 'Each voids only itself.', alternatives([device, ...bad]), {
    owner: [device],
    leases: [[lease]],
  })
  await area.call(
    'bad proofs alone',
    'What explains the refusal best is told: an end before a beginning, both before a foreign root.',
    alternatives(bad),
    { code: 'Expired', chain: 'owner', link: String(expired.ucan.cid) },
  )
  await area.call('bad proofs without the ended one', 'The next best.', alternatives([early, foreign, narrow]), {
    code: 'TooEarly',
    chain: 'owner',
    link: String(early.ucan.cid),
  })

  let level = [await area.given(alice, phone, alice.did), await area.given(alice, phone, alice.did)]
  const first = [level[0] as Proof]
  for (let depth = 1; depth < 6; depth++) {
    level = [await area.given(phone, phone, alice.did, { proofs: level }), await area.given(phone, phone, alice.did, { proofs: level })]
    first.push(level[0] as Proof)
  }
  await look('a lattice', 'Six levels of two links, each proved by both above: the first way holds.', phone, level, first)
  return area.file()
}
