import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DID } from '@symbiosis/protocol'
import { memoryWallet } from '@symbiosis/symbiont'
import { fileFilters } from '@symbiosis/symbiont/node'
import { World } from './world.ts'

describe('filters in files', () => {
  /** A device whose filter of a host has a revoked token, in a file. */
  const setUp = async (world: World) => {
    const { did } = await world.host('attic')
    const ada = await world.owner('attic')
    const { cid, token } = await ada.delegate(ada.agent, ['shelf'])
    await ada.revoke(cid)
    const folder = join(world.folder(), 'filters')
    const device = await world.symbiont(memoryWallet(), { filters: fileFilters(folder) })
    await device.pair('http://attic.test')
    assert.equal((await device.refreshFilters())[0]?.filter?.shards, 1)
    world.down('attic')
    const file = join(folder, `${did.slice('did:key:'.length)}.filter`)
    return { did, cid, token, device, folder, file }
  }

  it('are there for the next process, for their owner alone, and leave nothing beside them', async () => {
    await using world = new World()
    const { did, cid, token, folder, file } = await setUp(world)
    const next = await world.symbiont(memoryWallet(), { filters: fileFilters(folder) })
    assert.ok((await next.verify(token)).revocation.maybe.includes(cid))
    if (process.platform !== 'win32') assert.equal(statSync(file).mode & 0o777, 0o600)
    await Promise.all(
      Array.from({ length: 20 }, (_, at) => fileFilters(folder).update(did, (kept) => kept && { ...kept, asked: kept.asked + at })),
    )
    const sum = Array.from({ length: 20 }, (_, at) => at).reduce((all, each) => all + each)
    assert.equal((await fileFilters(folder).load(did))?.asked, world.time + sum, 'no change is lost')
    assert.deepEqual(readdirSync(folder).sort(), [file.slice(folder.length + 1), 'lock'].sort())
    await fileFilters(folder).update(did, () => undefined)
    assert.equal(await fileFilters(folder).load(did), undefined)
    assert.equal(await fileFilters(folder).load('did:key:z6MkvDqGT54cXesYGvABpF1UapVNwjCqRcafi4Px6Thv5T3Z' as DID), undefined)
  })

  it('never bring back what was revoked, whatever became of them', async () => {
    await using world = new World()
    const { cid, token, device, file } = await setUp(world)
    const good = readFileSync(file)
    for (let at = 0; at <= good.length; at++) {
      const bad = Buffer.from(good)
      // All but the last: a flipped bit. The last: cut short.
      if (at < good.length) bad[at] = (bad[at] as number) ^ 4
      writeFileSync(file, at < good.length ? bad : good.subarray(0, -9))
      const { revocation } = await device.verify(token)
      const isKnown = revocation.maybe.includes(cid)
      assert.ok(isKnown || revocation.checked.length === 0, `byte ${at} brings it back`)
    }
    writeFileSync(file, good)
    assert.ok((await device.verify(token)).revocation.maybe.includes(cid))
    writeFileSync(file, good.subarray(9))
    world.up('attic')
    assert.equal((await device.refreshFilters())[0]?.filter?.shards, 1, 'a damaged one is fetched anew')
  })
})
