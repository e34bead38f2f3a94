import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { type DID, issueUcan } from '@symbiosis/protocol'
import {
  decodeEntry,
  decodeShard,
  type FilterEntry,
  isFilterOf,
  type LogFrame,
  type LoggedFilter,
  mayBeRevoked,
  type RevocationEntry,
  shardOf,
  verifyLoggedFilter,
  verifyShard,
} from '@symbiosis/protocol/revocation'
import { openIdentity } from '../../../host/identity.ts'
import { FILTERS_OPTIONS, Filters } from '../../../host/log/filters.ts'
import { RevocationLog } from '../../../host/log/revocation-log.ts'
import { sqliteStore } from '../../../host/store/sqlite.ts'
import { alice, expect, folders, given, mallory, NOW, phone, World, type WorldOptions } from '../../fixtures.ts'

interface Shard {
  bytes: Uint8Array
  proof: Uint8Array[]
}

describe("filters of a host's log", () => {
  const folder = folders()
  const worlds: World[] = []
  after(async () => {
    for (const world of worlds) await world.close()
  })

  const open = async (options: Partial<WorldOptions> = {}): Promise<World> => {
    const world = await World.open({ dir: folder(), ...options })
    worlds.push(world)
    return world
  }

  const call = async <T>(world: World, can: string, nb: object = {}): Promise<T> => {
    const { ok, error } = await world.call(mallory, { can, nb: nb as never })
    assert.equal(error, undefined)
    return ok as T
  }

  const revoke = async (world: World) => {
    const proof = await given(alice, phone, alice.did, { expiration: null })
    const nb = { ucan: proof.ucan.cid }
    const { ok } = await world.call(alice, { can: 'ucan/revoke', nb, proofs: [await world.lease(alice)], attach: [proof] })
    assert.ok(ok)
    return proof.ucan
  }

  const latest = async (world: World) => {
    const logged = await call<LoggedFilter>(world, 'log/filter')
    return { logged, ...verifyLoggedFilter(logged, world.did) }
  }

  it('are made for the first who asks, claimed in the log, and find what was revoked until then', async () => {
    const world = await open()
    const [first, second] = [await revoke(world), await revoke(world)]
    const { logged, entry, head, checkpoint } = await latest(world)
    assert.deepEqual([entry.size, entry.now, logged.index, checkpoint.size], [2, NOW, 2, 3])
    const later = await revoke(world)
    assert.deepEqual((await latest(world)).entry, entry, 'it is the same one')
    const shard = shardOf(head, entry.bits, first.cid.multihash.digest)
    const { bytes, proof } = await call<Shard>(world, 'log/shard', { size: 2, shard })
    assert.ok(verifyShard({ head, bits: entry.bits, index: shard, shard: bytes, proof }))
    const hits = [first, second, later].map(({ cid }) => mayBeRevoked(head, decodeShard(bytes), cid.multihash.digest))
    assert.deepEqual(hits, [true, true, false])
  })

  it('can be made anew from the log by anybody', async () => {
    const world = await open()
    for (let count = 0; count < 5; count++) await revoke(world)
    const { entry, head } = await latest(world)
    await revoke(world)
    const { entries } = await call<LogFrame>(world, 'log/entries', { from: 0 })
    const leaves = entries.slice(0, entry.size).map(({ leaf }) => decodeEntry(leaf))
    assert.ok(isFilterOf(entry, head.log, leaves))
    assert.deepEqual(decodeEntry(entries[entry.size]?.leaf as Uint8Array), entry)
  })

  it('are made anew when time has passed, when much has changed, and not otherwise', async () => {
    const world = await open({ filterEvery: 600, filterAfter: 3 })
    await revoke(world)
    const sizes = async () => (await latest(world)).entry.size
    assert.equal(await sizes(), 1)
    world.now += 599
    assert.equal(await sizes(), 1)
    world.now += 1
    assert.equal(await sizes(), 2, 'of the first filter, too')
    await revoke(world)
    await revoke(world)
    assert.equal(await sizes(), 2)
    await revoke(world)
    assert.equal(await sizes(), 6)
    world.now -= 10_000
    assert.equal(await sizes(), 7, 'a clock that was ahead')
  })

  it('are made of an empty log, too, and not at all where they are not wanted', async () => {
    const { entry, logged } = await latest(await open())
    assert.deepEqual([entry.size, logged.index], [0, 0])
    const never = await open({ filterEvery: 0, filterAfter: 1 })
    await revoke(never)
    never.now += 100_000
    await expect(never.call(mallory, { can: 'log/filter' }), 'NotFound')
  })

  it('stay for who has begun to fetch them, and no longer', async () => {
    const world = await open({ filterEvery: 600, filtersKept: 2 })
    await revoke(world)
    const sizes: number[] = []
    for (let count = 0; count < 3; count++) {
      sizes.push((await latest(world)).entry.size)
      world.now += 600
    }
    const [oldest, ...kept] = sizes
    const ask = (nb: object) => world.call(mallory, { can: 'log/shard', nb: nb as never })
    for (const size of kept) await expect(ask({ size, shard: 0 }), 'ok')
    await expect(ask({ size: oldest, shard: 0 }), 'NotFound', { field: 'size' })
    await expect(ask({ size: kept[0], shard: 1 }), 'NotFound', { field: 'shard' })
  })

  it('are there still after a restart', async () => {
    const dir = folder()
    const before = await World.open({ dir })
    await revoke(before)
    const { entry } = await latest(before)
    await before.close()
    const world = await open({ dir })
    assert.deepEqual((await latest(world)).entry, entry)
    await call(world, 'log/shard', { size: entry.size, shard: 0 })
  })

  describe('of many entries', () => {
    const opened = async (entries: number, now = () => NOW) => {
      const dir = folder()
      const identity = openIdentity(dir)
      const store = sqliteStore(`${dir}/host.sqlite`)
      const log = await RevocationLog.open(identity, store)
      const { cid: cause } = await issueUcan(alice, { audience: phone.did, capabilities: [], expiration: null })
      const one = async (at: number): Promise<RevocationEntry> => {
        const { cid: ucan } = await issueUcan(alice, { audience: phone.did, capabilities: [], expiration: null, nonce: String(at) })
        return { kind: 'revocation', ucan, by: alice.did, expiration: null, cause }
      }
      const all = await Promise.all(Array.from({ length: entries }, (_, at) => one(at)))
      const additions = all.map((entry) => ({ entry, evidence: new Uint8Array() }))
      await store.write((tx) => log.append(tx, additions))
      const host: DID = identity.signer.did
      return { filters: new Filters({ host, store, log, now, options: FILTERS_OPTIONS }), log, store, host }
    }

    it('are made while others go on', async () => {
      const { filters, store, host, log } = await opened(3000)
      let [turns, done] = [0, false]
      const making = filters.latest().finally(() => {
        done = true
      })
      while (!done) {
        await turn()
        turns++
      }
      const { index } = await making
      assert.ok(turns > 10, `${turns} turns`)
      const entry = decodeEntry((await log.logged(index)).entry) as FilterEntry
      assert.equal(entry.size, 3000)
      verifyLoggedFilter(await making, host)
      await store.close()
    })

    it('are kept up without being asked for', async () => {
      let now = NOW
      const { filters, log, store } = await opened(10, () => now)
      const sizes: number[] = []
      for (const seconds of [3599, 1, 3599, 1]) {
        now += seconds
        await filters.keepUp()
        sizes.push(await log.size())
      }
      assert.deepEqual(sizes, [10, 11, 11, 12])
      await store.close()
    })

    it('are given up when the host closes, and leave no trace', async () => {
      const { filters, log, store } = await opened(3000)
      const making = filters.latest()
      await turn()
      filters.close()
      await assert.rejects(making, { name: 'AbortError' })
      assert.equal(await log.size(), 3000)
      assert.deepEqual(await Array.fromAsync(store.every('log/filter')), [])
      await store.close()
    })
  })
})
