import assert from 'node:assert/strict'
import type { Symbiont, Verified } from '@symbiosis/symbiont'
import { World } from './world.ts'

describe('a symbiont that asks hosts about a token', () => {
  let world: World
  let ada: Symbiont
  let cora: Symbiont

  beforeEach(async () => {
    world = new World()
    await world.host('attic')
    await world.host('cellar')
    ada = await world.owner('attic', 'cellar')
    cora = await world.symbiont()
    await cora.accept((await ada.delegate(cora.agent, ['shelf'])).token)
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const lend = () => ada.delegate(cora.agent, ['shelf/list'])
  const checkedBy = ({ revocation }: Verified) => revocation.checked.map(({ name, asked, age }) => [name, asked, age]).sort()

  it('confirms what was revoked, by whom and where that stands', async () => {
    const { token, cid } = await lend()
    await ada.revoke(cid)
    const { ok, problems, revocation } = await cora.verify(token, { online: true })
    assert.deepEqual([ok, problems.map(({ code, link }) => [code, link])], [false, [['Revoked', cid]]])
    // Behind the manifest of each.
    assert.deepEqual(
      revocation.revoked.map(({ name, link, by, index }) => [name, link, by, index]).sort(),
      ['attic', 'cellar'].map((name) => [name, cid, ada.space, 1]),
    )
    assert.deepEqual(revocation.maybe, [])
  })

  it('confirms that nothing was, now, without a filter and whatever a filter says', async () => {
    const { token } = await lend()
    const before = await cora.verify(token, { online: true, maxAge: 1 })
    assert.deepEqual([before.ok, before.revocation.unknown, before.revocation.failed], [true, [], []])
    assert.deepEqual(checkedBy(before), [
      ['attic', true, 0],
      ['cellar', true, 0],
    ])
    // A filter takes one of 256 for revoked: some of so many are.
    const lent = await Promise.all(Array.from({ length: 1200 }, lend))
    await ada.revoke(lent[0]?.cid as string)
    for (const { error } of await cora.refreshFilters()) assert.equal(error, undefined)
    const verdicts = await Promise.all(lent.slice(1).map(async (each) => ({ ...each, ...(await cora.verify(each.token)) })))
    const mistaken = verdicts.filter(({ revocation }) => revocation.maybe.length > 0)
    assert.ok(mistaken.length > 0 && mistaken.length < 60, `${mistaken.length} are taken for revoked`)
    for (const each of mistaken) {
      const asked = await cora.verify(each.token, { online: true })
      assert.deepEqual([each.ok, asked.ok, asked.revocation.maybe, asked.revocation.revoked], [false, true, [], []])
    }
  }).timeout(60_000)

  it('goes by the filter of a host that can not be reached, and says which that is', async () => {
    const { token, cid } = await lend()
    await ada.revoke(cid)
    for (const { error } of await cora.refreshFilters()) assert.equal(error, undefined)
    world.down('attic')
    world.down('cellar')
    const { ok, revocation } = await cora.verify(token, { online: true })
    assert.deepEqual([ok, revocation.maybe, revocation.revoked], [false, [cid], []])
    assert.deepEqual(revocation.failed.map(({ name, error }) => [name, error.name]).sort(), [
      ['attic', 'Unavailable'],
      ['cellar', 'Unavailable'],
    ])
  })

  it('asks nobody unless told, and never who is known by the token alone', async () => {
    const { token } = await lend()
    world.calls.length = 0
    await cora.verify(token)
    assert.deepEqual(world.calls, [])
    const stranger = await world.symbiont()
    world.calls.length = 0
    const { revocation } = await stranger.verify(token, { online: true })
    assert.deepEqual([world.calls, revocation.checked, revocation.unknown.length], [[], [], 2])
  })

  it('can be stopped', async () => {
    const { token } = await lend()
    await assert.rejects(cora.verify(token, { online: true, signal: AbortSignal.abort() }))
  })
})
