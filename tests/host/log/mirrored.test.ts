import assert from 'node:assert/strict'
import type { Proof } from '@symbiosis/protocol'
import { decodeEntry, type LogFrame, leafHash, logKeyOf, originOf, verifyCheckpoint, verifyInclusion } from '@symbiosis/protocol/revocation'
import { LyingHost, revocationOf } from '../../attacks/lying-host.ts'
import { alice, bob, expect, folders, given, phone, World } from '../../fixtures.ts'
import { Network, revokeAt, soon } from './network.ts'

/** More than what is kept together, so that an answer is of several records. */
const REVOKED = 75

describe('what a host tells of logs', () => {
  const folder = folders()
  const network = new Network()
  const revoked: Proof[] = []
  let a: World
  let b: World

  before(async () => {
    a = await network.open('a', { dir: folder() })
    b = await network.open('b', { dir: folder(), follow: ['a'] })
    // One by one, and many at once.
    for (let count = 0; count < REVOKED; count++) {
      revoked.push(await revokeAt(a))
      if (count < 3) await soon(() => b.host.followed()[0]?.size, count + 1)
    }
    await soon(() => b.host.followed()[0]?.size, REVOKED)
  })
  after(() => Promise.all([a, b].map((world) => world.close())))

  const mirrored = (world: World, nb: object) => world.call(alice, { can: 'log/mirrored', nb: { of: a.did, from: 0, ...nb } })
  const frameOf = async (answer: ReturnType<typeof mirrored>) => (await answer).ok as unknown as LogFrame & { key: Uint8Array }

  it('is the log of whom it follows, as that host gives it itself', async () => {
    const truth = await a.host.revocationLog.frame(0)
    for (const [from, limit] of [
      [0, 1000],
      [0, 40],
      [31, 2],
      [33, 10],
      [74, 5],
      [75, 5],
    ] as const) {
      const { checkpoint, key, ...frame } = await frameOf(mirrored(b, { from, limit }))
      assert.deepEqual(frame, { from, entries: truth.entries.slice(from, from + limit) })
      assert.equal(verifyCheckpoint(checkpoint, { origin: originOf(a.did), keys: [logKeyOf(a.did, key)] }).size, REVOKED)
    }
    assert.ok(
      truth.entries.every(({ evidence }) => evidence),
      'with what came with its entries',
    )
  })

  it('is of no other log, and no entry that is not there', async () => {
    for (const did of [b.did, bob.did, 'nobody']) await expect(mirrored(b, { of: did }), 'NotFound', { field: 'of' })
    await expect(mirrored(a, {}), 'NotFound', { field: 'of' })
    await expect(mirrored(b, { from: REVOKED + 1 }), 'NotFound', { field: 'from', limit: REVOKED })
    await expect(mirrored(b, { limit: 0 }), 'InvalidInput')
  })

  it('is kept without what is too long, or comes with no revocation', async () => {
    const liar = new LyingHost()
    const short = await revocationOf(alice, await given(alice, phone, alice.did))
    const long = await revocationOf(alice, await given(alice, phone, alice.did))
    liar.show(short, { ...long, evidence: new Uint8Array(1001) }, { leaf: Uint8Array.of(0xa0), evidence: short.evidence })
    const following = { reach: () => liar.reach, evidenceBytes: 1000 }
    const world = await World.open({ dir: folder(), follow: ['http://liar'], following })
    await soon(() => world.host.followed()[0]?.size, 3)
    const { entries } = await frameOf(mirrored(world, { of: liar.signer.did }))
    assert.deepEqual(entries, [short, { leaf: long.leaf }, { leaf: Uint8Array.of(0xa0) }])
    await world.close()
  })

  it('has a UCAN as revoked, by whom and where; or has not', async () => {
    const find = async (nb: object) => {
      const { ok } = await a.call(bob, { can: 'log/find', nb: nb as Record<string, unknown> })
      const { entries, checkpoint, key } = ok as unknown as {
        entries: { index: number; entry: Uint8Array; proof: Uint8Array[] }[]
        checkpoint: string
        key: Uint8Array
      }
      const { size, root } = verifyCheckpoint(checkpoint, { origin: originOf(a.did), keys: [logKeyOf(a.did, key)] })
      for (const { index, entry, proof } of entries) assert.ok(verifyInclusion({ index, size, leaf: leafHash(entry), proof, root }))
      return entries.map(({ index, entry }) => [index, (decodeEntry(entry) as { by?: string }).by])
    }
    const ucan = (revoked[40] as Proof).ucan.cid
    assert.deepEqual(await find({ ucan }), [[40, alice.did]])
    assert.deepEqual(await find({ ucan, by: [bob.did, alice.did] }), [[40, alice.did]])
    assert.deepEqual(await find({ ucan, by: [bob.did] }), [])
    assert.deepEqual(await find({ ucan: (await given(alice, phone, alice.did)).ucan.cid }), [])
    await expect(a.call(bob, { can: 'log/find', nb: { ucan, by: Array.from({ length: 33 }, () => bob.did) } }), 'InvalidInput')
  })
})
