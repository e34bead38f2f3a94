import { createHash } from 'node:crypto'
import { cidOf, encode, encodeCar, type Ucan } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { identity } from 'multiformats/hashes/identity'
import { bentCbor, blockOf, Pairs, Raw } from '../../attacks/bent.ts'
import { alice, messageOf } from '../../fixtures.ts'
import type { VectorFile } from '../format.ts'
import { Exchanges } from '../making.ts'

const MESSAGE = 'ucanto/message@7.0.0'

export const message = async (): Promise<VectorFile> => {
  const area = new Exchanges(
    'message',
    'Messages: a CAR whose root says what to execute. What is bent voids the message; what is no UCAN counts for nothing.',
  )
  const lease = await area.lease(alice)
  const through = { leases: [[lease]] }
  const call = await area.invocation({ from: alice, proofs: [lease] })
  const rooted = (root: unknown) => {
    const block = blockOf(bentCbor(root))
    return encodeCar({ roots: [block.cid], blocks: [call, lease.ucan, block] })
  }
  const good = messageOf([call], [lease.ucan, call])

  area.steps('a message', 'A call with its lease.', [area.stepOf([call], { proofs: [lease] }, [through])])
  area.refused('nothing', 'No bytes.', new Uint8Array(), 'Malformed')
  area.refused('JSON', 'No CAR.', new TextEncoder().encode('{"hello":"world"}'), 'Malformed')
  area.refused('a message that is cut', 'Its last byte is missing.', good.subarray(0, -1), 'Malformed')
  area.refused('a message with a byte more', 'A block begins and does not end.', Uint8Array.of(...good, 1), 'Malformed')
  area.refused('a flipped bit', 'In the last byte of the lease.', flipped(good, lease.ucan.bytes), 'BadHash')
  area.refused('a CAR of version 2', 'Its header says so.', withHeader({ roots: [call.cid], version: 2 }), 'Unsupported')
  area.refused('a CAR without roots', 'Nothing says what to execute.', encodeCar({ roots: [], blocks: [call] }), 'Malformed')
  area.refused(
    'a message without its root',
    'The root is named, and does not come along.',
    encodeCar({ roots: [cidOf(encode('absent'))], blocks: [call, lease.ucan] }),
    'Malformed',
  )

  area.refused(
    'a message with two roots',
    'Each of them comes along.',
    encodeCar({
      roots: [rootOf([call]).cid, rootOf([lease.ucan]).cid],
      blocks: [call, lease.ucan, rootOf([call]), rootOf([lease.ucan])],
    }),
    'Malformed',
  )

  for (const [name, root] of Object.entries<unknown>({
    'null as its root': null,
    'a text as its root': 'text',
    'a list as its root': [],
    'an empty map as its root': {},
    'a root without invocations': { [MESSAGE]: {} },
    'null in its root': { [MESSAGE]: null },
    'an empty list of invocations': { [MESSAGE]: { execute: [] } },
    'a number of invocations': { [MESSAGE]: { execute: 1 } },
    'an invocation named by text': { [MESSAGE]: { execute: [String(call.cid)] } },
    'an invocation named by what poses as a link': { [MESSAGE]: { execute: [{ '/': 1, bytes: 1 }] } },
    'an invocation beside a number': { [MESSAGE]: { execute: [call.cid, 1] } },
    'receipts and no invocations': { [MESSAGE]: { report: {} } },
    'another version of messages': { 'ucanto/message@6.0.0': { execute: [call.cid] } },
    'a root behind "__proto__"': new Pairs([['__proto__', { [MESSAGE]: { execute: [call.cid] } }]]),
    'a root that claims more than it holds': new Raw(0xba, 0xff, 0xff, 0xff, 0xff),
  }))
    area.refused(name, 'The root is no message.', rooted(root), 'Malformed')
  area.refused(
    'a root in a second form',
    'Its length is written longer than needed.',
    rooted(new Raw(0xb8, 1, bentCbor(new Pairs([[MESSAGE, { execute: [call.cid] }]])).subarray(1))),
    'NotCanonical',
  )
  area.refused('a root that nests too deep', '65 levels.', rooted(new Raw(new Uint8Array(65).fill(0x81), 0)), {
    code: 'TooLarge',
    field: 'depth',
  })

  area.refused(
    'an invocation that does not come along',
    'It is named, and its block is missing.',
    messageOf([call], [lease.ucan]),
    'Malformed',
  )
  const nothing = blockOf(encode({ nothing: true }))
  area.refused('an invocation that is no UCAN', 'Its block is a map.', messageOf([nothing], [nothing]), 'Malformed')

  const next = () => area.invocation({ from: alice, proofs: [lease] })
  const along = async (name: string, description: string, ...blocks: { cid: typeof call.cid; bytes: Uint8Array }[]) =>
    area.steps(name, description, [area.stepOf([await next()], { blocks: [lease.ucan, ...blocks] }, [through])])
  await along('a block that is no UCAN', 'It counts for nothing.', nothing)
  await along('a block that is no CBOR', 'It counts for nothing, though its hash is right.', blockOf(Uint8Array.of(0x1c)))
  await along('a block that nests too deep', 'It counts for nothing.', blockOf(new Raw(new Uint8Array(65).fill(0x81), 0).bytes))
  for (const [name, bytes, code] of [
    ['a block named by sha3-256', encode('a block'), 0x16],
    ['a block that is its own hash', encode('x'.repeat(30)), 0x00],
  ] as const) {
    const digest = code ? new Uint8Array(createHash('sha3-256').update(bytes).digest()) : bytes
    const named = { cid: CID.createV1(0x71, Digest.create(code, digest)), bytes }
    area.refused(
      name,
      'The hash is right, and not the one that names blocks.',
      messageOf([call], [lease.ucan, call, named]),
      'NotCanonical',
    )
  }
  await along('a block twice', 'Both are the same.', lease.ucan)

  const { bytes } = lease.ucan
  const { multihash } = cidOf(bytes)
  for (const [name, description, block] of [
    [
      'a block named by what it holds',
      'The identity is no hash.',
      { cid: CID.createV1(0x71, identity.digest(nothing.bytes)), bytes: nothing.bytes },
    ],
    ['a block under the codec of DAG-PB', 'The hash is right.', { cid: CID.createV1(0x70, multihash), bytes }],
    ['a block under a codec of two bytes', 'DAG-JSON; the hash is right.', { cid: CID.createV1(0x0129, multihash), bytes }],
  ] as const)
    area.refused(name, description, messageOf([call], [call, lease.ucan, block]), 'NotCanonical')

  const [first, second] = [await next(), await next()]
  area.steps('two invocations', 'A receipt for each.', [area.stepOf([first, second], { proofs: [lease] }, [through, through])])
  const bad = await area.invocation({ from: alice, can: 'jar/nothing', proofs: [lease] })
  const fine = await next()
  area.steps('a refused invocation beside a good one', 'It takes no other along.', [
    area.stepOf([bad, fine], { proofs: [lease] }, ['UnknownAbility', through]),
  ])
  const twice = await next()
  const step = area.stepOf([twice, twice], { proofs: [lease] }, [through, through])
  const [receipt] = (step.expect as { receipts: [never] }).receipts
  area.steps('an invocation named twice', 'It is one call, with one receipt.', [{ ...step, expect: { receipts: [receipt] } }])
  return area.file()
}

const rootOf = (execute: readonly Ucan[]) => blockOf(encode({ [MESSAGE]: { execute: execute.map(({ cid }) => cid) } }))

const flipped = (message: Uint8Array, block: Uint8Array): Uint8Array => {
  const at = Buffer.from(message).indexOf(block) + block.length - 1
  return message.map((byte, index) => (index === at ? byte ^ 1 : byte))
}

const withHeader = (value: object): Uint8Array => {
  const bytes = encode(value)
  return Uint8Array.of(bytes.length, ...bytes)
}
