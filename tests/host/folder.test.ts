import assert from 'node:assert/strict'
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '@symbiosis/protocol'
import { Host, operatorPath, readOperator } from '../../host/index.ts'
import { jarService } from '../attacks/jar.ts'
import { emptyEngine, folders, silent, World } from '../fixtures.ts'
import { killed, startHost } from './processes.ts'

const refusal =
  (name: string) =>
  (error: unknown): boolean =>
    error instanceof Failure && error.name === name

describe('the keys of a host', () => {
  const folder = folders()
  const reopen = async (dir: string) => (await World.open({ dir })).close()
  const made = async () => {
    const dir = folder()
    const world = await World.open({ dir })
    await world.close()
    return { dir, did: world.did, path: join(dir, 'host.key') }
  }

  it("are made once, and are their owner's alone", async () => {
    const { dir, did, path } = await made()
    const world = await World.open({ dir })
    assert.equal(world.did, did)
    await world.close()
    for (const each of [path, operatorPath(dir)]) assert.equal(statSync(each).mode & 0o777, 0o600)
    assert.deepEqual(
      readdirSync(dir).filter((name) => name.endsWith('.tmp')),
      [],
    )
  })

  it('are refused where others may read them', async () => {
    const { dir, path } = await made()
    for (const mode of [0o640, 0o604, 0o660, 0o644]) {
      chmodSync(path, mode)
      await assert.rejects(reopen(dir), refusal('Malformed'))
    }
    chmodSync(path, 0o600)
    await reopen(dir)
    chmodSync(operatorPath(dir), 0o644)
    await assert.rejects(reopen(dir), refusal('Malformed'))
    assert.throws(() => readOperator(operatorPath(dir)), refusal('Malformed'))
  })

  it('are refused when damaged, and never written over', async () => {
    const { dir, path } = await made()
    const good = readFileSync(path, 'utf8')
    const { seed } = JSON.parse(good) as { seed: string }
    const other = seed.startsWith('A') ? `B${seed.slice(1)}` : `A${seed.slice(1)}`
    const damages = [
      '',
      ' ',
      'null',
      '1',
      '{}',
      '[]',
      good.slice(0, -1),
      good.replace(seed, seed.slice(1)),
      good.replace(seed, ''),
      good.replace(seed, other),
      '{"seed":5}',
      '{"seed":null}',
    ]
    for (const text of damages) {
      writeFileSync(path, text)
      await assert.rejects(reopen(dir), refusal('Malformed'), text)
      assert.equal(readFileSync(path, 'utf8'), text)
    }
    writeFileSync(path, good)
    await reopen(dir)
    for (const text of ['', '{}', 'null', readFileSync(operatorPath(dir), 'utf8').slice(0, -9)]) {
      const path_ = operatorPath(dir)
      const whole = readFileSync(path_, 'utf8')
      writeFileSync(path_, text)
      assert.throws(() => readOperator(path_), refusal('Malformed'))
      writeFileSync(path_, whole)
    }
  })

  it('that are absent are told so', () => assert.throws(() => readOperator(join(folder(), 'operator.key')), refusal('NotFound')))
})

describe('the folder of a host', () => {
  const folder = folders()
  const open = (dir: string) => Host.open({ dir, engine: emptyEngine(), services: () => [jarService()], log: silent, collectEvery: 0 })

  it("is one host's at a time, in one process and over processes", async () => {
    const dir = folder()
    const host = await open(dir)
    let engines = 0
    const second = Host.open({
      dir,
      engine: async () => {
        engines++
        return emptyEngine()
      },
      services: () => [],
      log: silent,
    })
    await assert.rejects(second, refusal('Unavailable'))
    assert.equal(engines, 0)
    await assert.rejects(startHost(dir), /Unavailable|already runs/)
    await host.close()
    await (await open(dir)).close()
  })

  it('is free when its host was killed, and its socket is taken over', async () => {
    const dir = folder()
    const first = await startHost(dir)
    await assert.rejects(open(dir), refusal('Unavailable'))
    await killed(first.child)
    const second = await startHost(dir)
    assert.equal(second.did, first.did)
    await killed(second.child)
    const host = await open(dir)
    assert.equal(host.did, first.did)
    await host.close()
  })

  it("of many that begin at once is one's", async () => {
    const dir = folder()
    const opened = await Promise.allSettled(Array.from({ length: 10 }, () => open(dir)))
    const hosts = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    assert.equal(hosts.length, 1)
    await hosts[0]?.close()
  })
})
