import assert from 'node:assert/strict'
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Proof } from '@symbiosis/protocol'
import { type Recovered, type RecoverOptions, recoverHost } from '../../../host/index.ts'
import { alice, folders, NOW, World } from '../../fixtures.ts'
import { type Bend, flipped, inDatabase, without } from './bending.ts'
import { Network, revokeAt, soon, taken } from './network.ts'

/** More than a tile has, so that there is one of a higher level. */
const REVOKED = 260

const shortened =
  (part: number): Bend =>
  (path) =>
    truncateSync(path, Math.floor(readFileSync(path).length * part))

const beheaded: Bend = (path) => {
  const bytes = readFileSync(path)
  bytes.fill(0xff, 0, 64)
  writeFileSync(path, bytes)
}

describe('a host that has its log back from those who follow it', () => {
  const folder = folders()
  const network = new Network()
  const revoked: Proof[] = []
  let whole: string
  let b: World
  let c: World

  before(async function () {
    this.timeout(120_000)
    whole = folder()
    const a = await network.open('a', { dir: whole })
    b = await network.open('b', { dir: folder(), follow: ['a'] })
    c = await network.open('c', { dir: folder(), follow: ['a'] })
    for (let count = 0; count < REVOKED; count++) revoked.push(await revokeAt(a))
    await soon(() => [b, c].map((each) => each.host.followed()[0]?.size), [REVOKED, REVOKED])
    await a.close()
    inDatabase((database) => database.exec('PRAGMA wal_checkpoint(TRUNCATE)'))(join(whole, 'host.sqlite'))
  })
  after(() => Promise.all([b, c].map((each) => each.close())))

  const recovering = (dir: string, over: Partial<RecoverOptions> = {}): Promise<Recovered> =>
    recoverHost({ dir, from: ['http://b'], reach: (url) => network.reach('a', url), now: () => NOW, ...over })

  const bent = (bend: Bend): string => {
    const dir = folder()
    cpSync(whole, dir, { recursive: true })
    bend(join(dir, 'host.sqlite'))
    return dir
  }

  /** It starts, refuses what was revoked, and those who follow it find what it adds in order. */
  const goesOn = async (dir: string): Promise<void> => {
    const a = await network.open('a', { dir })
    try {
      for (const proof of [revoked[0], revoked[130], revoked.at(-1)]) assert.equal(await taken(a, proof as Proof), 'Revoked')
      revoked.push(await revokeAt(a))
      for (const each of [b, c]) {
        await soon(() => taken(each, revoked.at(-1) as Proof), 'Revoked')
        await soon(() => each.host.followed()[0]?.problem, undefined)
        assert.deepEqual([each.host.followed()[0]?.size, each.host.followed()[0]?.forks], [revoked.length, []])
      }
    } finally {
      await a.close()
    }
  }

  const bends: { [what: string]: { bend: Bend; isLossKnown: boolean; rest: Recovered['rest'][] } } = {
    'entries with a flipped bit': { bend: flipped('log/bundle'), isLossKnown: true, rest: ['whole'] },
    'tiles with a flipped bit': { bend: flipped('log/tile'), isLossKnown: true, rest: ['whole'] },
    'a head with a flipped bit': { bend: flipped('log/head'), isLossKnown: false, rest: ['whole', 'partial'] },
    'a head that is gone': { bend: without("kind = 'log/head'"), isLossKnown: false, rest: ['whole'] },
    'records with a flipped bit': { bend: flipped('revocation'), isLossKnown: true, rest: ['whole', 'partial'] },
    'a file that ends early': { bend: shortened(0.5), isLossKnown: false, rest: ['partial'] },
    'a file that nothing can read': { bend: beheaded, isLossKnown: false, rest: ['lost'] },
    'no file': { bend: (path) => rmSync(path), isLossKnown: false, rest: ['lost'] },
  }
  for (const [what, { bend, isLossKnown, rest }] of Object.entries(bends)) {
    it(`goes on after ${what}`, async () => {
      const dir = bent(bend)
      const hadFile = existsSync(join(dir, 'host.sqlite'))
      if (!isLossKnown) await assert.rejects(recovering(dir), { name: 'StaleLog' })
      const recovered = await recovering(dir, { acceptLoss: !isLossKnown })
      const { size, lost, again, own, aside } = recovered
      assert.deepEqual([size, lost, again, own], [revoked.length, isLossKnown ? 0 : null, 0, 0])
      assert.ok(rest.includes(recovered.rest), recovered.rest)
      assert.equal(aside !== undefined && existsSync(aside), hadFile, 'what was there is set aside')
      await goesOn(dir)
    })
  }

  it('has what came with the entries, too: who follows it from now on believes them', async () => {
    const dir = bent(flipped('log/bundle'))
    await recovering(dir)
    const a = await network.open('a', { dir })
    const d = await network.open('d', { dir: folder(), follow: ['a'] })
    await soon(() => d.host.followed()[0]?.size, revoked.length)
    for (const proof of [revoked[0], revoked[130]]) assert.equal(await taken(d, proof as Proof), 'Revoked')
    await Promise.all([a, d].map((each) => each.close()))
  })

  it('takes along what else it kept, and follows anew what was damaged of it', async () => {
    const around = new Network()
    const dir = folder()
    const first = await around.open('first', { dir: folder() })
    let second = await around.open('second', { dir, follow: ['first'] })
    const third = await around.open('third', { dir: folder(), follow: ['second'] })
    const [there, here] = [await revokeAt(first), await revokeAt(second)]
    await second.call(alice, { can: 'jar/put', nb: { thing: 'jam', size: 1 }, proofs: [await second.lease(alice)] })
    await soon(() => [second, third].map((each) => each.host.followed()[0]?.size), [1, 2])
    await second.close()
    // Its own, and what it has of the other's.
    flipped('log/bundle')(join(dir, 'host.sqlite'))
    const reach = (url: string) => around.reach('second', url)
    const { refollowed, rest, size } = await recoverHost({ dir, from: ['http://third'], reach, now: () => NOW })
    assert.deepEqual([refollowed, rest, size], [[first.did], 'whole', 2])
    second = await around.open('second', { dir, follow: ['first'] })
    await soon(() => [second.host.followed()[0]?.size, second.host.followed()[0]?.problem], [1, undefined])
    for (const proof of [there, here]) assert.equal(await taken(second, proof), 'Revoked')
    const { ok } = await second.call(alice, { can: 'jar/look', proofs: [await second.lease(alice)] })
    assert.deepEqual(ok?.things, ['jam'])
    assert.equal(await second.host.revocationLog.size(), 2, 'nothing is logged twice')
    await Promise.all([first, second, third].map((each) => each.close()))
  })

  it('tells how far it is, and can be stopped', async () => {
    const dir = bent(flipped('log/bundle'))
    const stopping = new AbortController()
    const told: number[] = []
    const progress = (entries: number, of: number) => {
      told.push(entries, of)
      stopping.abort()
    }
    await assert.rejects(recovering(dir, { progress, signal: stopping.signal }), { name: 'AbortError' })
    assert.deepEqual(told, [revoked.length, revoked.length])
    assert.ok(!existsSync(join(dir, 'host.sqlite.making')), 'nothing is left of it')
    await assert.rejects(World.open({ dir }), { name: 'Unavailable' })
    await recovering(dir)
    await goesOn(dir)
  })

  it('is not recovered while it runs, nor where there is none', async () => {
    const dir = bent(() => {})
    const a = await network.open('a', { dir })
    await assert.rejects(recovering(dir), { name: 'Unavailable' })
    await a.close()
    await assert.rejects(recovering(folder()), { name: 'NotFound' })
  })
})
