import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { decode, encode, type Failure, type Proof, Undecided } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { Summary } from '../../../host/log/summary.ts'
import { Pace } from '../../../host/pace.ts'
import { Revocations, type Told } from '../../../host/revocations.ts'
import { alice, expect, folders, given, HOUR, NOW, numbered, phone, World, type WorldOptions } from '../../fixtures.ts'
import { lengthen, openLogOf, revokedAt } from '../../long-log.ts'
import { soon } from './network.ts'

const WHOLE = 65_536
const LONG = WHOLE + 500

describe('a long log', () => {
  const folder = folders()
  let dir: string
  let revoked: Proof
  let at: number

  /** A host whose first entry is a real one, and behind it more than one summary tells of. */
  before(async function () {
    this.timeout(60_000)
    dir = folder()
    let world = await World.open({ dir })
    revoked = await given(alice, phone, alice.did)
    world.now = NOW - 5
    at = world.now
    await expect(revoke(world, revoked), 'ok')
    await world.close()
    await lengthen(dir, LONG, NOW + HOUR)
    world = await World.open({ dir })
    await world.close()
  })

  const revoke = async (world: World, proof: Proof) =>
    world.call(alice, { can: 'ucan/revoke', nb: { ucan: proof.ucan.cid }, proofs: [await world.lease(alice)], attach: [proof] })
  const use = async (world: World, proof: Proof) => world.call(phone, { subject: alice.did, proofs: [proof, await world.lease(alice)] })

  type Change = (database: DatabaseSync) => void

  /** A copy in which something was changed. */
  const copied = (change: Change = () => {}): string => {
    const copy = folder()
    cpSync(dir, copy, { recursive: true })
    const database = new DatabaseSync(join(copy, 'host.sqlite'))
    change(database)
    database.close()
    return copy
  }

  const opening = async (options: Partial<WorldOptions>, change?: Change): Promise<World> =>
    World.open({ dir: copied(change), verifiedAtStart: 0, ...options })

  const refused = async (options: Partial<WorldOptions>, change: Change) => {
    await assert.rejects(
      async () => (await opening(options, change)).close(),
      (thrown: Failure) => thrown.name === 'Unavailable' && thrown.details.field === 'log',
    )
  }

  const record = (database: DatabaseSync, kind: string, bend: (value: Uint8Array) => Uint8Array | undefined) => {
    const [row] = database.prepare('SELECT space, key, value FROM records WHERE kind = ? ORDER BY key LIMIT 1').all(kind) as {
      space: string
      key: string
      value: Uint8Array
    }[]
    assert.ok(row, `there is a record of ${kind}`)
    const bent = bend(row.value)
    if (bent) database.prepare('UPDATE records SET value = ? WHERE kind = ? AND space = ? AND key = ?').run(bent, kind, row.space, row.key)
    else database.prepare('DELETE FROM records WHERE kind = ? AND space = ? AND key = ?').run(kind, row.space, row.key)
  }

  /** One bit, so far into the record. */
  const flipped = (kind: string, part: number) => (database: DatabaseSync) =>
    record(database, kind, (value) => value.map((byte, index) => (index === Math.floor(part * value.length) ? byte ^ 4 : byte)))

  /** A summary that is in order by itself. */
  const rewritten = (change: (summary: Summary, root: Uint8Array) => { body: Uint8Array; sum: Uint8Array }) => (database: DatabaseSync) =>
    record(database, 'log/summary', (value) => {
      const read = Summary.decode(0, decode(value) as unknown as { body: Uint8Array; sum: Uint8Array })
      assert.ok(read)
      return encode(change(read.summary, read.root))
    })

  const leavingOut = rewritten((summary, root) => {
    summary.set(0, { ucan: revokedAt(7), expiration: null }, undefined)
    return summary.encode(root)
  })

  it('is started with by summaries, and refuses what was revoked when it has read the entry', async () => {
    const world = await opening({})
    await expect(use(world, revoked), 'Revoked', { by: alice.did, at, link: String(revoked.ucan.cid) })
    await expect(use(world, await given(alice, phone, alice.did, { can: 'jar/look' })), 'ok')
    // Who asks again gets the first proof again.
    const { ok } = await revoke(world, revoked)
    assert.equal(ok?.at, at)
    await world.close()
  })

  it('is verified after the start, bit by bit', async () => {
    const world = await opening({})
    const left = async () => /^symbiosis_log_unverified_entries (\d+)$/m.exec(await world.host.metrics.text())?.[1]
    assert.equal(await left(), String(WHOLE))
    await soon(left, '0')
    await expect(use(world, revoked), 'Revoked')
    await world.close()
  }).timeout(30_000)

  it('makes summaries anew where there are none: those of stores that are older than they', async () => {
    const world = await opening({}, (database) => record(database, 'log/summary', () => undefined))
    await expect(use(world, revoked), 'Revoked')
    await world.close()
  }).timeout(30_000)

  it('does not start with a summary that is bent, cut short, or of other entries', async () => {
    for (const part of [0.001, 0.4, 0.7, 0.999]) await refused({}, flipped('log/summary', part))
    await refused({}, (database) => record(database, 'log/summary', (value) => value.subarray(0, value.length / 2)))
    await refused(
      {},
      rewritten((summary) => summary.encode(new Uint8Array(32))),
    )
  }).timeout(30_000)

  it('does not start with a summary that leaves out a revocation, where all is verified first', async () => {
    await refused({ verifiedAtStart: LONG }, leavingOut)
  }).timeout(30_000)

  it('answers nothing any more when such a summary is found after the start', async () => {
    const world = await opening({}, leavingOut)
    await soon(
      async () => (await use(world, await given(alice, phone, alice.did)).catch((thrown) => ({ error: thrown }))).error?.name,
      'Unavailable',
    )
    await world.close()
  }).timeout(30_000)

  it('answers nothing any more when an entry is read that is bent', async () => {
    // In the first entry, whose UCAN would be another one.
    const world = await opening({}, (database) =>
      record(database, 'log/bundle', (value) => value.map((byte, index) => (index === 40 ? byte ^ 4 : byte))),
    )
    await expect(use(world, revoked), 'Unavailable')
    await expect(use(world, await given(alice, phone, alice.did)), 'Unavailable')
    await world.close()
  })

  it('does not start with tiles or a head that are bent', async () => {
    for (const kind of ['log/tile', 'log/head']) {
      await refused({}, flipped(kind, 0.5))
      await refused({}, (database) => record(database, kind, () => undefined))
    }
  }).timeout(30_000)

  it('charges whom it charged before the start, and lets them have room again when it has ended', async () => {
    const world = await opening({ maxRevocationsPerSpace: 1 })
    const another = () => given(alice, numbered(70), alice.did, { expiration: null })
    await expect(revoke(world, await another()), 'LimitExceeded', { used: 1 })
    const path = world.dir
    await world.close()
    const later = await World.open({ dir: path, verifiedAtStart: 0, maxRevocationsPerSpace: 1, now: () => NOW + HOUR + 61 })
    later.now = NOW + HOUR + 61
    await expect(revoke(later, await another()), 'ok')
    await expect(revoke(later, await another()), 'LimitExceeded', { used: 1 })
    await later.close()
  })

  it('charges them also where the store is older than what says so now', async () => {
    const world = await opening({ maxRevocationsPerSpace: 1 }, (database) => {
      database.exec("DELETE FROM records WHERE kind IN ('log/told', 'log/moved', 'log/summary')")
    })
    await expect(revoke(world, await given(alice, numbered(70), alice.did)), 'LimitExceeded', { used: 1 })
    await expect(use(world, revoked), 'Revoked', { at })
    await world.close()
  }).timeout(30_000)

  describe('in memory', () => {
    const open = async (path: string, options = {}, now = NOW) => {
      const { store, log } = await openLogOf(path)
      return {
        store,
        log,
        revocations: await Revocations.open({ store, log, maxPerSpace: 10, options: { verifiedAtStart: 0, ...options }, now }),
      }
    }

    it('is read where it is asked for, and remembered up to a bound', async () => {
      const { store, revocations } = await open(copied(), { revocationsCached: 2 })
      const ucans = [5, 6, 7].map(revokedAt) as [CID, CID, CID]
      const of = (ucan: CID) => revocations.of(ucan).map(({ ucan: name }) => name)
      const lacks = (ucan: CID) => assert.throws(() => of(ucan), Undecided)
      for (const ucan of ucans) {
        lacks(ucan)
        try {
          of(ucan)
        } catch (thrown) {
          await (thrown as Undecided).settle(new AbortController().signal)
        }
        assert.deepEqual(of(ucan), [String(ucan)])
      }
      lacks(ucans[0])
      assert.deepEqual(of(ucans[1]), [String(ucans[1])])
      await store.close()
    })

    it('tells nothing of a UCAN whose digest begins like a revoked one’s', async () => {
      const { store, revocations } = await open(copied())
      const digest = revokedAt(5).multihash.digest.slice()
      digest[31] = (digest[31] as number) ^ 1
      const twin = CID.createV1(0x71, Digest.create(0x12, digest))
      assert.throws(() => revocations.of(twin), Undecided)
      assert.deepEqual(await revocations.known.read(twin), [])
      assert.deepEqual(revocations.of(twin), [])
      await store.close()
    })

    it('is forgotten when it has ended, and gives back what it took', async () => {
      const path = copied()
      const { store, revocations } = await open(path)
      const { known } = revocations
      const full = known.bytes
      assert.equal(known.size, LONG)
      await known.expire(NOW + HOUR + 60)
      assert.equal(known.size, LONG)
      await known.expire(NOW + HOUR + 61)
      assert.equal(known.size, 0)
      assert.ok(known.bytes < full / 4, `${known.bytes} of ${full} bytes`)
      await store.close()
      const later = await open(path, {}, NOW + HOUR + 61)
      assert.equal(later.revocations.known.size, 0)
      await later.store.close()
    })

    it('is summed up when a part of it is whole, also while more comes', async () => {
      const path = folder()
      await lengthen(path, WHOLE - 1, NOW + HOUR)
      const { store, log, revocations } = await open(path)
      const summaries = async () => {
        let count = 0
        for await (const _ of store.every('log/summary')) count++
        return count
      }
      const pace = new Pace(new AbortController().signal)
      await revocations.known.keepUp(pace)
      assert.equal(await summaries(), 0)
      const told = (index: number, expiration: number): Told => {
        const [ucan, cause] = [revokedAt(index), revokedAt(1)]
        return {
          revocation: { ucan: String(ucan), by: alice.did, at: NOW, expiration, cause: String(cause) },
          entry: { kind: 'revocation', ucan, by: alice.did, expiration, cause },
          evidence: new Uint8Array([1]),
        }
      }
      const all = [told(WHOLE, NOW + HOUR), told(WHOLE + 1, NOW + 10)]
      const kept = await store.write((tx) => revocations.takeOver(tx, 'a log', all, 3))
      // Before what was kept is remembered: the summary must have it all the same.
      await revocations.known.keepUp(pace)
      revocations.remember(kept)
      assert.equal(await summaries(), 1)
      assert.equal(revocations.known.countOf('a log'), 2)
      await revocations.known.expire(NOW + 100)
      assert.equal(revocations.known.countOf('a log'), 1)
      assert.equal(await log.size(), WHOLE + 1)
      await revocations.known.expire(NOW + HOUR + 61)
      assert.equal(revocations.known.size, 0)
      await store.close()
      const again = await open(path, {}, NOW + 100)
      assert.equal((await again.revocations.known.read(revokedAt(WHOLE)))[0]?.by, alice.did)
      assert.equal(again.revocations.known.countOf('a log'), 1)
      await again.store.close()
    }).timeout(30_000)
  })
})
