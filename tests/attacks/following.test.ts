import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { generateSeed, type Proof, signerFromSeed } from '@symbiosis/protocol'
import { decodeEntry, decodeFork, encodeEntry, originOf, type RevocationEntry, verifyFork } from '@symbiosis/protocol/revocation'
import type { FollowOptions } from '../../host/index.ts'
import { alice, bob, folders, given, HOUR, laptop, mallory, NOW, phone, World } from '../fixtures.ts'
import { soon, taken } from '../host/log/network.ts'
import { type Entries, LyingHost, revocationOf } from './lying-host.ts'

describe('a followed host that lies', () => {
  const folder = folders()
  const open: World[] = []
  let liar: LyingHost
  let proofs: Proof[]
  let entries: Entries

  beforeEach(async () => {
    liar = new LyingHost()
    proofs = await Promise.all(Array.from({ length: 6 }, () => given(alice, phone, alice.did)))
    entries = await Promise.all(proofs.map((proof) => revocationOf(alice, proof)))
  })
  afterEach(async () => {
    for (const world of open.splice(0)) await world.close()
  })

  const follow = async (following: Partial<FollowOptions> = {}, dir = folder()): Promise<World> => {
    const world = await World.open({
      dir,
      follow: ['http://liar'],
      following: { reach: () => liar.reach, backoff: 0.02, maxBackoff: 0.05, pullEvery: 5, patience: 5, ...following },
    })
    open.push(world)
    return world
  }

  const followed = (world: World) => {
    const [found] = world.host.followed()
    assert.ok(found)
    return found
  }
  const isMirrored = (world: World, size: number) => soon(() => [followed(world).size, followed(world).problem], [size, undefined])
  const isRefused = (world: World, name: string, field?: string) =>
    soon(() => [followed(world).problem?.name, followed(world).problem?.field], [name, field])
  const logSize = (world: World) => world.host.revocationLog.size()

  /** The proof that was written, verified by nothing but itself. */
  const convicted = async (world: World): Promise<{ older: number; newer: number }> => {
    await isRefused(world, 'BadSignature', 'fork')
    const [path] = followed(world).forks
    assert.ok(path)
    const fork = decodeFork(readFileSync(path))
    assert.equal(fork.host, liar.signer.did)
    const { older, newer } = verifyFork(fork)
    return { older: older.size, newer: newer.size }
  }

  it('about nothing is followed', async () => {
    liar.show(...entries)
    const world = await follow()
    await isMirrored(world, 6)
    for (const proof of proofs) assert.equal(await taken(world, proof), 'Revoked')
  })

  describe('forks:', () => {
    const followThenShow = async (...other: Entries): Promise<World> => {
      liar.show(...entries.slice(0, 3))
      const world = await follow({ pullEvery: 0.1 })
      await isMirrored(world, 3)
      liar.show(...other)
      return world
    }
    const nothingImported = async (world: World) => {
      assert.equal(await taken(world, proofs[4] as Proof), 'ok')
      assert.deepEqual([followed(world).size, await logSize(world)], [3, 3])
    }

    it('another log of the same size', async () => {
      const [a, b, , , e] = entries as [Entries[0], Entries[0], Entries[0], Entries[0], Entries[0]]
      const world = await followThenShow(a, b, e)
      assert.deepEqual(await convicted(world), { older: 3, newer: 3 })
      await nothingImported(world)
    })

    it('a log that was rewritten, and has grown', async () => {
      for (const size of [4, 5]) {
        liar = new LyingHost()
        const world = await followThenShow(entries[0] as Entries[0], ...entries.slice(2, size + 1))
        assert.deepEqual(await convicted(world), { older: 3, newer: size })
        await nothingImported(world)
      }
    })

    it('a log that was rewritten, and is shorter', async () => {
      const world = await followThenShow(entries[4] as Entries[0], entries[5] as Entries[0])
      assert.deepEqual(await convicted(world), { older: 2, newer: 3 })
      await nothingImported(world)
    })

    it('of sizes that are powers of two', async () => {
      liar.show(...entries.slice(0, 4))
      const world = await follow()
      await isMirrored(world, 4)
      liar.show(...entries.slice(1), entries[0] as Entries[0])
      assert.deepEqual(await convicted(world), { older: 4, newer: 6 })
    })

    it('is followed no more, after a restart neither', async () => {
      const world = await followThenShow(...entries.slice(2))
      await convicted(world)
      await world.close()
      liar.show(...entries)
      const again = await follow({}, world.dir)
      await isRefused(again, 'BadSignature', 'fork')
      assert.equal(await taken(again, proofs[4] as Proof), 'ok')
      assert.equal(followed(again).forks.length, 1)
    })
  })

  it('truncates: what was seen stays', async () => {
    liar.show(...entries.slice(0, 4))
    const world = await follow({ pullEvery: 0.1 })
    await isMirrored(world, 4)
    liar.show(...entries.slice(0, 2))
    await isRefused(world, 'BadSignature', 'size')
    assert.deepEqual(followed(world).forks, [])
    assert.equal(await taken(world, proofs[3] as Proof), 'Revoked')
    // It may have been an old answer only: where the log goes on, so does the follower.
    liar.show(...entries)
    await isMirrored(world, 6)
  })

  it('signs with a second key: a log has one', async () => {
    liar.show(...entries.slice(0, 2))
    const world = await follow({ pullEvery: 0.1 })
    await isMirrored(world, 2)
    const other = signerFromSeed(generateSeed())
    liar.lies['log/checkpoint'] = async () => ({
      checkpoint: await liar.checkpoint({ by: other }),
      key: await liar.key(other),
      witnesses: [],
    })
    await isRefused(world, 'BadSignature', 'key')
  })

  it('shows a checkpoint of another log', async () => {
    liar.show(...entries)
    const other = new LyingHost()
    liar.lies['log/checkpoint'] = async () => ({
      checkpoint: await liar.checkpoint({ origin: originOf(other.signer.did) }),
      key: await liar.key(),
      witnesses: [],
    })
    const world = await follow()
    await isRefused(world, 'BadSignature', 'keys')
    liar.lies['log/checkpoint'] = async () => ({ checkpoint: await liar.checkpoint(), key: await other.key(), witnesses: [] })
    await isRefused(world, 'BadSignature', 'key')
    assert.deepEqual([followed(world).size, await logSize(world)], [0, 0])
  })

  it('gives entries that it has not signed', async () => {
    const stray = entries[5] as Entries[0]
    liar.show(...entries.slice(0, 5))
    liar.lies['log/entries'] = async ({ from, limit }: { from: number; limit: number }) => {
      const frame = await liar.frame(from, limit)
      return { ...frame, entries: [...frame.entries.slice(0, -1), stray] }
    }
    // Batch by batch, and in one.
    for (const batchEntries of [2, 100]) {
      const world = await follow({ batchEntries })
      await isRefused(world, 'BadSignature', 'root')
      assert.deepEqual([followed(world).size, await logSize(world), followed(world).forks], [0, 0, []])
    }
  })

  it('gives other frames than were asked for', async () => {
    liar.show(...entries)
    const ways: [string, string | undefined, (frame: Awaited<ReturnType<LyingHost['frame']>>) => object][] = [
      ['Malformed', 'from', (frame) => ({ ...frame, from: frame.from + 1 })],
      ['BadSignature', 'entries', (frame) => ({ ...frame, entries: [...entries, ...entries] })],
      ['BadSignature', undefined, (frame) => ({ ...frame, entries: [] })],
      ['TooLarge', 'leafBytes', (frame) => ({ ...frame, entries: [{ leaf: new Uint8Array(1025) }] })],
      ['Malformed', 'entries', ({ from, checkpoint }) => ({ from, checkpoint })],
      ['Malformed', 'checkpoint', ({ from, entries: shown }) => ({ from, entries: shown })],
      ['Malformed', 'entries[0].leaf', (frame) => ({ ...frame, entries: [{ leaf: 'text' }] })],
      ['Malformed', '', () => []],
    ]
    for (const [name, field, bend] of ways) {
      liar.lies['log/entries'] = async ({ from }: { from: number }) => bend(await liar.frame(from))
      const world = await follow()
      await isRefused(world, name, field)
      assert.deepEqual([followed(world).size, await logSize(world)], [0, 0])
      await world.close()
    }
  })

  it('streams other frames than come next', async () => {
    liar.show(...entries.slice(0, 2))
    const grown = async () => {
      liar.show(...entries.slice(0, 4))
      return liar.frame(2)
    }
    const ways: [string, string | undefined, () => Promise<object>][] = [
      ['Malformed', 'from', async () => ({ ...(await grown()), from: 3 })],
      ['Malformed', 'from', async () => ({ ...(await grown()), from: 0 })],
      ['BadSignature', 'entries', async () => ({ ...(await liar.frame(2)), entries: entries.slice(2, 4) })],
      ['BadSignature', 'root', async () => ({ ...(await grown()), entries: entries.slice(3, 5) })],
      ['TooLarge', 'frame', async () => new Uint8Array(4 * 1024 * 1024 + 1)],
      ['Malformed', undefined, async () => new Uint8Array([0xff])],
      ['Malformed', undefined, async () => ({ from: 2, entries: entries.slice(2, 4) })],
    ]
    for (const [name, field, bend] of ways) {
      liar.show(...entries.slice(0, 2))
      liar.lies.frames = async function* () {
        yield await bend()
        liar.show(...entries.slice(0, 2))
        await new Promise(() => {})
      } as never
      const world = await follow({ backoff: 60, maxBackoff: 60 })
      await isRefused(world, name, field)
      assert.deepEqual([followed(world).size, await logSize(world)], [2, 2])
      await world.close()
    }
  })

  it('has a log without end', async () => {
    liar.show(...entries)
    liar.lies['log/checkpoint'] = async () => ({
      checkpoint: await liar.checkpoint({ size: 10_000_001 }),
      key: await liar.key(),
      witnesses: [],
    })
    const world = await follow()
    await isRefused(world, 'TooLarge', 'maxEntriesPerFollowed')
  })

  it('shows evidence of something else: it is mirrored, and revokes nothing', async () => {
    const [first, second] = entries as [Required<Entries[0]>, Required<Entries[0]>]
    const [proof, other] = proofs as [Proof, Proof]
    const forged = Uint8Array.from(first.evidence)
    forged[forged.length - 200] = (forged[forged.length - 200] as number) ^ 1
    const stolen = await revocationOf(mallory, proof, { subject: alice })
    const lent = await given(alice, mallory, alice.did, { can: 'jar/*' })
    const { cause } = decodeEntry(first.leaf) as RevocationEntry
    const entryOf = (over: object) =>
      encodeEntry({
        kind: 'revocation',
        ucan: proof.ucan.cid,
        by: alice.did,
        expiration: NOW + HOUR,
        cause: other.ucan.cid,
        ...over,
      } as never)
    liar.show(
      { leaf: first.leaf },
      { leaf: first.leaf, evidence: second.evidence },
      { leaf: first.leaf, evidence: forged },
      { leaf: first.leaf, evidence: new Uint8Array() },
      { leaf: first.leaf, evidence: new TextEncoder().encode('evidence') },
      // In alice's name, by somebody whom she never let.
      stolen,
      await revocationOf(mallory, proof, { subject: alice, proofs: [lent] }),
      // What alice said, of what she didn't say it.
      { leaf: entryOf({}), evidence: first.evidence },
      { leaf: entryOf({ cause, by: mallory.did }), evidence: first.evidence },
      { leaf: entryOf({ cause, ucan: other.ucan.cid }), evidence: first.evidence },
      // No entry at all.
      { leaf: new TextEncoder().encode('leaf'), evidence: first.evidence },
    )
    const world = await follow()
    await isMirrored(world, 11)
    assert.equal(await logSize(world), 0)
    assert.equal(await taken(world, proof), 'ok')
  })

  it('logs what somebody signed who may not revoke it: it takes nothing away', async () => {
    const [proof] = proofs as [Proof]
    liar.show(await revocationOf(mallory, proof), await revocationOf(liar.signer, proof))
    const world = await follow()
    await isMirrored(world, 2)
    assert.equal(await logSize(world), 2)
    assert.equal(await taken(world, proof), 'ok')
  })

  it('says that a UCAN ends sooner than it does: who knows better is heard', async () => {
    const [early, later, both] = proofs as [Proof, Proof, Proof]
    liar.show(
      await revocationOf(alice, early, { expiration: NOW }),
      await revocationOf(mallory, later, { expiration: NOW }),
      await revocationOf(alice, later),
      await revocationOf(alice, early, { expiration: NOW }),
      await revocationOf(alice, both, { expiration: NOW }),
      await revocationOf(alice, both),
    )
    const dir = folder()
    let world = await follow({}, dir)
    await isMirrored(world, 6)
    assert.equal(await logSize(world), 4)
    // The space says it here, too.
    const call = { can: 'ucan/revoke', nb: { ucan: early.ucan.cid }, proofs: [await world.lease(alice)], attach: [early] }
    assert.equal((await world.call(alice, call)).error, undefined)
    assert.equal(await logSize(world), 5)
    for (const when of [NOW + 61, NOW + HOUR]) {
      await world.close()
      world = await World.open({ dir, now: () => when })
      open.push(world)
      world.now = when
      for (const proof of [early, later, both]) assert.equal(await taken(world, proof), 'Revoked', `at ${when}`)
    }
  })

  it('logs what has ended: it is not kept', async () => {
    liar.show(await revocationOf(alice, proofs[0] as Proof, { expiration: NOW - 61 }))
    const world = await follow()
    await isMirrored(world, 1)
    assert.equal(await logSize(world), 0)
  })

  it('brings junk of strangers, up to a bound', async () => {
    const junk = await Promise.all(
      Array.from({ length: 8 }, async () => revocationOf(mallory, await given(mallory, bob, mallory.did, { can: 'jar/*' }))),
    )
    liar.show(...junk)
    const world = await follow({ maxRevocationsPerFollowed: 5, batchEntries: 2 })
    await isRefused(world, 'LimitExceeded', 'revocations')
    assert.equal(await logSize(world), 4)
    // What others revoke here is none of its business.
    const proof = await given(alice, laptop, alice.did)
    const call = { can: 'ucan/revoke', nb: { ucan: proof.ucan.cid }, proofs: [await world.lease(alice)], attach: [proof] }
    assert.equal((await world.call(alice, call)).error, undefined)
  })
})
