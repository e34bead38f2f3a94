import { encode, encodeVarint, issueUcan, type Proof, ucansOf } from '@symbiosis/protocol'
import { alice, bob, expect, folders, given, messageOf, NOW, numbered, phone, setTheStage, World } from '../fixtures.ts'
import { blockOf } from './bent.ts'

const BOUNDS = { messageBytes: 6000, blocks: 12, blockBytes: 2000, invocations: 3, proofs: 4, depth: 5, nbBytes: 300, paths: 64 }

describe('bounds', () => {
  const stage = setTheStage(() => ({ bounds: BOUNDS }))
  const fillers = (count: number) => Array.from({ length: count }, (_, number) => blockOf(encode({ number })))
  /** A call that puts a thing whose name has `length` characters. */
  const put = (length: number) =>
    stage.world.invocation(alice, { can: 'jar/put', nb: { thing: 'x'.repeat(length), size: 0 }, proofs: [stage.lease] })

  it('messageBytes: to the byte', async () => {
    const { world, lease } = stage
    const invocation = await put(1)
    const padded = (total: number) => {
      const rest = (size: number) => blockOf(encode(new Uint8Array(size)))
      const message = (last: number) => messageOf([invocation], [...ucansOf([lease]), invocation, rest(1900), rest(1800), rest(last)])
      let last = 500
      for (let round = 0; round < 3; round++) last += total - message(last).length
      return message(last)
    }
    const send = (message: Uint8Array) => world.channel.request(message).then(() => ({ ok: {} }))
    const [fits, over] = [padded(6000), padded(6001)]
    if (fits.length !== 6000 || over.length !== 6001) throw new Error('the test pads wrongly')
    await expect(send(fits), 'ok')
    await expect(send(over), 'TooLarge', { field: 'messageBytes', limit: 6000, asked: 6001 })
  })

  it('blocks: the root counts, too', async () => {
    const { world, lease } = stage
    await expect(world.send(await put(1), [lease.ucan, ...fillers(9)]), 'ok')
    await expect(world.send(await put(1), [lease.ucan, ...fillers(10)]), 'TooLarge', { field: 'blocks', limit: 12 })
  })

  it('blockBytes', async () => {
    const { world, lease } = stage
    const sized = (size: number) => blockOf(encode(new Uint8Array(size - 3)))
    await expect(world.send(await put(1), [lease.ucan, sized(2000)]), 'ok')
    await expect(world.send(await put(1), [lease.ucan, sized(2001)]), 'TooLarge', { field: 'block', limit: 2000 })
  })

  it('invocations', async () => {
    const { world, lease } = stage
    const send = async (count: number) => {
      const invocations = await Promise.all(Array.from({ length: count }, () => put(1)))
      await world.channel.request(messageOf(invocations, [lease.ucan, ...invocations]))
      return { ok: {} }
    }
    await expect(send(3), 'ok')
    await expect(send(4), 'TooLarge', { field: 'invocations', limit: 3, asked: 4 })
  })

  it('proofs', async () => {
    const { world, lease } = stage
    const naming = (count: number) =>
      issueUcan(alice, {
        audience: world.did,
        capabilities: [{ can: 'jar/look', with: alice.did, nb: {} }],
        expiration: NOW + 60,
        proofs: [lease.ucan.cid, ...fillers(count - 1).map(({ cid }) => cid)],
      })
    await expect(world.send(await naming(4), [lease.ucan]), 'ok')
    await expect(world.send(await naming(5), [lease.ucan]), 'TooLarge', { field: 'proofs', limit: 4, asked: 5 })
  })

  it('depth: the invocation included', async () => {
    const { world, lease } = stage
    const chain = async (links: number) => {
      let last: Proof | undefined
      for (let at = 1; at <= links; at++) {
        const from = at === 1 ? alice : numbered(100 + at - 1)
        last = await given(from, numbered(100 + at), alice.did, last && { proofs: [last] })
      }
      return world.call(numbered(100 + links), { subject: alice.did, proofs: [lease, last as Proof] })
    }
    await expect(chain(4), 'ok')
    await expect(chain(5), 'TooLarge', { field: 'depth', limit: 5, asked: 6 })
  })

  it('nbBytes', async () => {
    const { world } = stage
    // 16 bytes of the fields' names, numbers and heads stand beside the text.
    const overhead = encode({ size: 0, thing: 'x'.repeat(260) }).length - 260
    await expect(world.send(await put(300 - overhead), [stage.lease.ucan]), 'ok')
    await expect(world.send(await put(301 - overhead), [stage.lease.ucan]), 'TooLarge', { field: 'nbBytes', limit: 300, asked: 301 })
  })

  it('are looked at before anything costs more: an oversized message is refused though it is nonsense', () =>
    expect(
      stage.world.channel.request(new Uint8Array(6001)).then(() => ({ ok: {} })),
      'TooLarge',
      { field: 'messageBytes' },
    ))

  it('hold for what comes along unused, too', async () => {
    const { world, lease } = stage
    const stuffed = await given(bob, phone, bob.did, { nb: { text: 'x'.repeat(400) } })
    await expect(world.call(alice, { proofs: [lease], attach: [stuffed] }), 'TooLarge', { field: 'nbBytes' })
  })
})

describe('bounds of what a message costs', () => {
  const folder = folders()

  it('signatures: to the one, and of fresh ones alone', async () => {
    const world = await World.open({ dir: folder(), bounds: { signatures: 4 } })
    const [lease, device] = [await world.lease(alice), await given(alice, phone, alice.did)]
    const onward = async (from: typeof phone, to: typeof phone, above: Proof) => given(from, to, alice.did, { proofs: [above] })
    const second = await onward(phone, bob, device)
    const third = await onward(bob, numbered(700), second)
    // The call, the lease, and three links are one too many for a host that has seen none of them.
    await expect(world.call(numbered(700), { subject: alice.did, proofs: [lease, third] }), 'TooLarge', { field: 'signatures', limit: 4 })
    await world.close()

    const other = await World.open({ dir: folder(), bounds: { signatures: 4 } })
    const own = await other.lease(alice)
    await expect(other.call(bob, { subject: alice.did, proofs: [own, second] }), 'ok')
    await expect(other.call(numbered(700), { subject: alice.did, proofs: [own, third] }), 'ok')
    await other.close()
  })

  it('the head of a CAR, and what texts and lists hold: to the byte', async () => {
    const world = await World.open({ dir: folder() })
    const send = (message: Uint8Array) => world.channel.request(message).then(() => ({ ok: {} }))
    const headed = (bytes: number) => Uint8Array.of(...encodeVarint(bytes), ...new Uint8Array(bytes))
    await expect(send(headed(4096)), 'NotCanonical')
    await expect(send(headed(4097)), 'TooLarge', { field: 'header', limit: 4096 })
    const lease = await world.lease(alice)
    const put = (thing: string) => world.call(alice, { can: 'jar/put', nb: { thing, size: 0 }, proofs: [lease] })
    await expect(put('x'.repeat(4096)), 'ok')
    await expect(put('x'.repeat(4097)), 'InvalidInput', { field: 'thing' })
    const request = (over: object) => world.call(alice, { can: 'access/request', nb: { abilities: [{ can: 'jar/look' }], ...over } })
    for (const [over, field] of [
      [(more: number) => ({ why: 'x'.repeat(280 + more) }), 'why'],
      [(more: number) => ({ app: { name: 'x'.repeat(64 + more) } }), 'app.name'],
      [(more: number) => ({ abilities: Array.from({ length: 16 + more }, () => ({ can: 'jar/look' })) }), 'abilities'],
    ] as const) {
      await expect(request(over(0)), 'ok')
      await expect(request(over(1)), 'InvalidInput', { field })
    }
    await world.close()
  })
})

describe('bounds by default', () => {
  const folder = folders()

  it('admit 64 calls at once, each with a chain of its own', async () => {
    const world = await World.open({ dir: folder() })
    const lease = await world.lease(alice)
    const devices = Array.from({ length: 64 }, (_, at) => numbered(500 + at))
    const proofs = await Promise.all(devices.map((device) => given(alice, device, alice.did)))
    const invocations = await Promise.all(
      devices.map((device, at) => world.invocation(device, { subject: alice.did, proofs: [lease, proofs[at] as Proof] })),
    )
    const answer = await world.channel.request(messageOf(invocations, [lease.ucan, ...ucansOf(proofs), ...invocations]))
    await world.close()
    if (answer.length < 64 * 100) throw new Error('there are receipts missing')
  })
})
