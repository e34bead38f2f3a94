import { encode, encodeCar, type Proof, ucansOf } from '@symbiosis/protocol'
import { blockOf } from '../../attacks/bent.ts'
import { alice, bob, messageOf, NOW, numbered, phone } from '../../fixtures.ts'
import type { VectorFile } from '../format.ts'
import { Exchanges } from '../making.ts'

/** Each bound to the last that passes, and one over. */
export const bounds = async (): Promise<VectorFile> => {
  const area = new Exchanges(
    'bounds',
    'Bounds, which are looked at before anything costs more. Each vector names the bound that it is about, and sets it.',
  )
  const lease = await area.lease(alice)
  const through = { leases: [[lease]] }

  const message = messageOf([await area.invocation({ from: alice, proofs: [lease] })], [lease.ucan])
  area.refused(
    'messageBytes',
    'A message one byte over.',
    message,
    { code: 'TooLarge', field: 'messageBytes' },
    { bounds: { messageBytes: message.length - 1 } },
  )
  const nonsense = new Uint8Array(200)
  area.refused(
    'messageBytes, of nonsense',
    'Its size is looked at before its content.',
    nonsense,
    { code: 'TooLarge', field: 'messageBytes' },
    { bounds: { messageBytes: 199 } },
  )
  area.refused('nonsense within messageBytes', 'The same, of a size that is allowed.', nonsense, 'Malformed', {
    bounds: { messageBytes: 200 },
  })

  const filler = blockOf(encode({ filler: true }))
  await area.call('blocks', 'A lease, a call and the root are three blocks.', { from: alice, proofs: [lease] }, through, {
    bounds: { blocks: 3 },
  })
  const along = await area.invocation({ from: alice, proofs: [lease] })
  area.refused(
    'blocks, one more',
    'The root counts, too.',
    messageOf([along], [lease.ucan, filler, along]),
    { code: 'TooLarge', field: 'blocks' },
    { bounds: { blocks: 3 } },
  )

  const large = (size: number) => blockOf(encode({ filler: new Uint8Array(size - 11) }))
  const beside = async (size: number) => {
    const call = await area.invocation({ from: alice, proofs: [lease] })
    return { call, blocks: [lease.ucan, large(size)] }
  }
  const fitting = await beside(600)
  area.steps(
    'blockBytes',
    'A block of the largest size, though nobody needs it.',
    [area.stepOf([fitting.call], { blocks: fitting.blocks }, [through])],
    { bounds: { blockBytes: 600 } },
  )
  const over = await beside(601)
  area.refused(
    'blockBytes, one more',
    'One byte over.',
    messageOf([over.call], [...over.blocks, over.call]),
    { code: 'TooLarge', field: 'block' },
    { bounds: { blockBytes: 600 } },
  )

  const calls = await Promise.all([1, 2, 3].map(() => area.invocation({ from: alice, proofs: [lease] })))
  const two = area.stepOf(calls.slice(0, 2), { proofs: [lease] }, [through, through])
  area.steps('invocations', 'As many as the bound allows.', [two], { bounds: { invocations: 2 } })
  area.refused(
    'invocations, one more',
    'A third.',
    messageOf(calls, [lease.ucan, ...calls]),
    { code: 'TooLarge', field: 'invocations' },
    { bounds: { invocations: 2 } },
  )
  const named = calls.slice(0, 1)
  const thrice = encode({ 'ucanto/message@7.0.0': { execute: [named[0], named[0], named[0]].map((each) => each?.cid) } })
  const root = blockOf(thrice)
  const repeated = encodeCar({ roots: [root.cid], blocks: [lease.ucan, ...named, root] })
  area.refused(
    'invocations, one of them thrice',
    'What is named is counted.',
    repeated,
    { code: 'TooLarge', field: 'invocations' },
    { bounds: { invocations: 2 } },
  )

  const fillers = await Promise.all([1, 2, 3].map(() => area.given(bob, alice, bob.did)))
  const naming = (count: number) => ({ from: alice, proofs: [lease, ...fillers.slice(0, count - 1)], blocks: [lease.ucan] })
  await area.call(
    'proofs',
    'A call that names as many proofs as the bound allows; those that do not come along void only themselves.',
    naming(3),
    through,
    { bounds: { proofs: 3 } },
  )
  const four = naming(4)
  const naming4 = await area.invocation(four)
  area.refused(
    'proofs, one more',
    'They count though they do not come along.',
    messageOf([naming4], [lease.ucan, naming4]),
    { code: 'TooLarge', field: 'proofs' },
    { bounds: { proofs: 3 } },
  )

  const chain = async (links: number) => {
    const made: Proof[] = []
    for (let link = 1; link <= links; link++) {
      const last = made.at(-1)
      made.push(await area.given(link === 1 ? alice : numbered(99 + link), numbered(100 + link), alice.did, { proofs: last ? [last] : [] }))
    }
    return made
  }
  const three = await chain(3)
  const down = (made: Proof[]) => ({ from: numbered(100 + made.length), subject: alice.did, proofs: [lease, made.at(-1) as Proof] })
  await area.call('depth', 'Three links and the call.', down(three), { owner: three, ...through }, { bounds: { depth: 4 } })
  const deep = await chain(4)
  const deepCall = await area.invocation(down(deep))
  const deepMessage = messageOf([deepCall], [...ucansOf([lease, deep.at(-1) as Proof]), deepCall])
  area.refused('depth, one more', 'Four links and the call.', deepMessage, { code: 'TooLarge', field: 'depth' }, { bounds: { depth: 4 } })

  const longer = await area.given(numbered(103), numbered(104), alice.did, { proofs: [three.at(-1) as Proof] })
  const both = await area.invocation({ from: numbered(104), subject: alice.did, proofs: [lease, three.at(-1) as Proof, longer] })
  const bothMessage = messageOf([both], [...ucansOf([lease, longer]), both])
  const tooDeep = { code: 'TooLarge', field: 'depth' }
  area.refused('depth, by a detour', 'Three links lead to what is shown at once, and once more by a fourth.', bothMessage, tooDeep, {
    bounds: { depth: 4 },
  })

  const tag = (size: number) => ({ tag: 'x'.repeat(size - encode({ tag: 'x'.repeat(100) }).length + 100) })
  await area.call('nbBytes', 'An nb of the largest size, encoded.', { from: alice, nb: tag(200), proofs: [lease] }, through, {
    bounds: { nbBytes: 200 },
  })
  const wordy = await area.invocation({ from: alice, nb: tag(201), proofs: [lease] })
  area.refused(
    'nbBytes, one more',
    'One byte over.',
    messageOf([wordy], [lease.ucan, wordy]),
    { code: 'TooLarge', field: 'nbBytes' },
    { bounds: { nbBytes: 200 } },
  )
  const stuffed = await area.given(bob, phone, bob.did, { nb: { text: 'x'.repeat(300) } })
  const beside2 = await area.invocation({ from: alice, proofs: [lease] })
  area.refused(
    'nbBytes, of what comes along',
    'Of a UCAN that nobody names.',
    messageOf([beside2], [lease.ucan, stuffed.ucan, beside2]),
    { code: 'TooLarge', field: 'nbBytes' },
    { bounds: { nbBytes: 200 } },
  )

  await area.call(
    'signatures',
    'Two of a chain, a lease and the call: four are checked.',
    { ...down(three.slice(0, 2)) },
    { owner: three.slice(0, 2), ...through },
    { bounds: { signatures: 4 } },
  )
  const more = down(three)
  await area.call(
    'signatures, one more',
    'Five would have to be checked. The call is answered with a receipt, since nothing of the message is bent.',
    more,
    { code: 'TooLarge', field: 'signatures' },
    { bounds: { signatures: 4 } },
  )

  const crossed = async (depth: number) => {
    let level = [await area.given(alice, phone, alice.did), await area.given(alice, phone, alice.did)]
    for (let at = 1; at < depth; at++) level = await Promise.all([0, 1].map(() => area.given(phone, phone, alice.did, { proofs: level })))
    return level
  }
  const level = await crossed(7)
  const last = await area.given(phone, bob, alice.did, { proofs: level })
  const revoke = await area.step(
    { from: bob, can: 'ucan/revoke', nb: { ucan: last.ucan.cid }, proofs: [lease], attach: [last] },
    { partly: { at: NOW } },
  )
  area.steps(
    'paths',
    'Seven levels of two links, each proved by both above, make 128 ways to a link that was revoked: a search that tries them all has to stop. How steps are counted is left to the implementation; any count is over this bound.',
    [revoke, await area.step({ from: bob, subject: alice.did, proofs: [lease, last] }, 'TooLarge')],
    { bounds: { paths: 64 } },
  )
  const stray = await crossed(7)
  const lost = await area.given(phone, bob, bob.did, { proofs: stray })
  await area.call(
    'paths that lead nowhere',
    'The last link is about another space: nothing above it has to be searched.',
    { from: bob, subject: alice.did, proofs: [lease, lost] },
    'NotOwner',
    { bounds: { paths: 64 } },
  )

  area.refused(
    'blockBytes, as it is presumed',
    'A block of a few bytes more than 64 KiB.',
    messageOf([over.call], [lease.ucan, blockOf(encode(new Uint8Array(64 * 1024))), over.call]),
    { code: 'TooLarge', field: 'block' },
  )
  return area.file()
}
