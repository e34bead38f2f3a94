import assert from 'node:assert/strict'
import { type Block, cidOf, decodeReceipts, encode, encodeCar, encodeVarint, readReceipt, type Ucan } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { identity } from 'multiformats/hashes/identity'
import { alice, expect, messageOf, setTheStage, verdict } from '../fixtures.ts'
import { bentCbor, blockOf, Pairs, Raw } from './bent.ts'
import { jarService, watch } from './jar.ts'

describe('decode', () => {
  const seen = watch()
  const stage = setTheStage(() => ({ services: [jarService(seen)] }))
  const send = (message: Uint8Array) => stage.world.channel.request(message).then(() => ({ ok: {} }))
  const rooted = (root: unknown, blocks: readonly { cid: Ucan['cid']; bytes: Uint8Array }[] = []) => {
    const block = blockOf(bentCbor(root))
    return encodeCar({ roots: [block.cid], blocks: [...blocks, block] })
  }
  const MESSAGE = 'ucanto/message@7.0.0'
  let call: Ucan
  let good: Uint8Array

  before(async () => {
    call = await stage.world.invocation(alice, { proofs: [stage.lease] })
    good = messageOf([call], [stage.lease.ucan, call])
  })

  it('admits a message', () => expect(send(good), 'ok'))

  it('refuses what is no CAR', async () => {
    await expect(send(new Uint8Array()), 'Malformed')
    await expect(send(Uint8Array.of(0)), 'Malformed')
    await expect(send(new TextEncoder().encode('{"hello":"world"}')), 'Malformed')
    await expect(send(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)), 'Malformed')
    await expect(send(Uint8Array.of(...encodeVarint(2 ** 40), 1)), 'TooLarge')
  })

  it('refuses a CAR that ends anywhere, without ever throwing something else', async () => {
    for (let end = 0; end < good.length; end++) {
      const code = await verdict(send(good.subarray(0, end)))
      assert.match(code, /^(Malformed|NotCanonical|BadHash)$/, `cut at ${end}: ${code}`)
    }
  })

  it('refuses every flipped bit, or answers in order', async () => {
    const blocks = new Set<string>()
    for (let at = 0; at < good.length; at++) {
      const flipped = good.slice()
      flipped[at] = (flipped[at] as number) ^ (1 << (at % 8))
      blocks.add(await verdict(send(flipped)))
    }
    blocks.delete('ok')
    assert.deepEqual(
      [...blocks].filter((code) => !/^(Malformed|NotCanonical|BadHash|TooLarge|Unsupported)$/.test(code)),
      [],
    )
    assert.ok(blocks.has('BadHash'))
  })

  it('refuses another version of CAR, and one without roots', async () => {
    const header = (value: object) => {
      const bytes = encode(value)
      return Uint8Array.of(bytes.length, ...bytes)
    }
    await expect(send(header({ version: 2, roots: [] })), 'Unsupported')
    await expect(send(header({ version: 1 })), 'Malformed')
    await expect(send(header({ version: 1, roots: [] })), 'Malformed')
    await expect(send(header({ version: 1, roots: [{ '/': 1, bytes: 1 }] })), 'Malformed')
  })

  it('refuses a message without its root, or with a root that is none', async () => {
    await expect(send(encodeCar({ roots: [cidOf(encode('absent'))], blocks: [call] })), 'Malformed')
    for (const root of [
      null,
      1,
      'text',
      [],
      {},
      { [MESSAGE]: null },
      { [MESSAGE]: {} },
      { [MESSAGE]: { execute: [] } },
      { [MESSAGE]: { execute: 1 } },
    ]) {
      await expect(send(rooted(root, [call])), 'Malformed')
    }
    await expect(send(rooted({ [MESSAGE]: { execute: [{ '/': 1, bytes: 1 }] } })), 'Malformed')
    await expect(send(rooted({ [MESSAGE]: { report: {} } })), 'Malformed')
  })

  it('refuses a message with two roots: two readers could take one each', async () => {
    const [one, other] = [call, await stage.world.invocation(alice, { can: 'jar/put', nb: { thing: 'other' }, proofs: [stage.lease] })]
    const roots = [one, other].map(({ cid }) => blockOf(encode({ [MESSAGE]: { execute: [cid] } })))
    const blocks = [stage.lease.ucan, one, other, ...roots]
    const rooted = (...at: number[]) => encodeCar({ roots: at.map((index) => (roots[index] as Block).cid), blocks })
    await expect(send(rooted(0)), 'ok')
    await expect(send(rooted(1)), 'ok')
    await expect(send(rooted(0, 1)), 'Malformed')
    await expect(send(rooted(0, 0)), 'Malformed')
  })

  it('takes a block that comes twice as the one that it is, and runs nothing twice for it', async () => {
    const { world, lease } = stage
    const before = seen.runs.put ?? 0
    const put = await world.invocation(alice, { can: 'jar/put', nb: { thing: 'doubled' }, proofs: [lease] })
    const root = blockOf(encode({ [MESSAGE]: { execute: [put.cid] } }))
    await expect(send(encodeCar({ roots: [root.cid], blocks: [root, put, lease.ucan, put, root, lease.ucan] })), 'ok')
    assert.equal(seen.runs.put, before + 1)
    // The second of them bent, under the same name.
    const bytes = lease.ucan.bytes.slice()
    bytes[40] = (bytes[40] as number) ^ 1
    await expect(send(messageOf([put], [put, lease.ucan, { cid: lease.ucan.cid, bytes }])), 'BadHash')
  })

  it('refuses a block that is named by what it holds, by a truncated hash, or by another codec', async () => {
    const { world, lease } = stage
    const { bytes } = lease.ucan
    for (const name of [
      CID.createV1(0x71, identity.digest(bytes.subarray(0, 60))),
      CID.createV1(0x71, Digest.create(0x12, cidOf(bytes).multihash.digest.subarray(0, 16))),
      CID.createV1(0x70, cidOf(bytes).multihash),
      CID.createV1(0x0129, cidOf(bytes).multihash),
    ]) {
      const held = name.multihash.code === 0 ? bytes.subarray(0, 60) : bytes
      const invocation = await world.invocation(alice, { proofs: [{ ucan: { ...lease.ucan, cid: name }, proofs: [] }] })
      await expect(send(messageOf([invocation], [invocation, { cid: name, bytes: held }])), 'NotCanonical')
    }
  })

  it('refuses a call that does not come along, or that is no UCAN', async () => {
    await expect(send(messageOf([call], [stage.lease.ucan])), 'Malformed')
    const nothing = blockOf(encode({ nothing: true }))
    await expect(send(messageOf([nothing], [nothing])), 'Malformed')
  })

  it('refuses nests that would use up the stack', async () => {
    const deep = new Raw(new Uint8Array(60_000).fill(0x81), 0)
    await expect(send(rooted(deep)), 'TooLarge', { field: 'depth' })
    const along = blockOf(deep.bytes)
    await expect(send(messageOf([call], [stage.lease.ucan, call, along])), 'ok')
  })

  it('refuses lists and maps that claim more than they hold', async () => {
    await expect(send(rooted(new Raw(0x9a, 0xff, 0xff, 0xff, 0xff))), 'Malformed')
    await expect(send(rooted(new Raw(0xba, 0xff, 0xff, 0xff, 0xff))), 'Malformed')
    await expect(send(rooted(new Pairs([['__proto__', { [MESSAGE]: { execute: [call.cid] } }]]), [call])), 'Malformed')
  })

  it('takes a call with exactly one capability', async () => {
    const { world, lease } = stage
    const one = { can: 'jar/look', with: alice.did, nb: {} }
    await expect(world.call(alice, { proofs: [lease], capabilities: [one] }), 'ok')
    await expect(world.call(alice, { proofs: [lease], capabilities: [one, one] }), 'Malformed')
    await expect(
      world.call(alice, { proofs: [lease], capabilities: [one, { can: 'jar/put', with: alice.did, nb: { thing: 'x' } }] }),
      'Malformed',
    )
  })

  it('runs a call once that is named twice in a message, and answers it once', async () => {
    const { world, lease } = stage
    const before = seen.runs.put ?? 0
    const put = await world.invocation(alice, { can: 'jar/put', nb: { thing: 'twice' }, proofs: [lease] })
    await world.channel.request(messageOf([put, put, put], [lease.ucan, put]))
    assert.equal(seen.runs.put, before + 1)
  })

  it('answers the calls of a message one by one: a bad one takes no other along', async () => {
    const { world, lease } = stage
    const broken = await world.invocation(alice, { can: 'jar/break', proofs: [lease] })
    const astray = await world.invocation(alice, { subject: `urn:abc\u{1f600}${'x'.repeat(20)}`, proofs: [lease] })
    const answer = await world.channel.request(messageOf([broken, astray, call], [lease.ucan, broken, astray, call]))
    const receipts = decodeReceipts(answer)
    const codes = [broken, astray, call].map(({ cid }) => {
      const block = receipts.get(String(cid))
      return block && (readReceipt(block, cid, world.did).out.error?.name ?? 'ok')
    })
    assert.deepEqual(codes, ['Internal', 'NotOwner', 'ok'])
  })
})
