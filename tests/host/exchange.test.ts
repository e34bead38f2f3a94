import assert from 'node:assert/strict'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { clearExchange, commitExchange, finishExchange } from '../../host/store/exchange.ts'
import { sqliteStore } from '../../host/store/sqlite.ts'
import { folders, World } from '../fixtures.ts'
import { revokeAt, taken } from './log/network.ts'

describe('a store that takes the place of a damaged one', () => {
  const folder = folders()

  /** A folder with a new store that is ready, and what an old one left. */
  const ready = (...old: string[]) => {
    const dir = folder()
    writeFileSync(clearExchange(dir), 'new')
    for (const name of old) writeFileSync(join(dir, name), name)
    commitExchange(dir)
    const read = (name: string) => (existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8') : undefined)
    return { dir, read }
  }

  it('sets all of the old one aside, since what was left beside it would be played into the new one', () => {
    const { dir, read } = ready('host.sqlite', 'host.sqlite-wal', 'host.sqlite-shm')
    assert.equal(finishExchange(dir), join(dir, 'host.sqlite.damaged-1'))
    assert.deepEqual([read('host.sqlite'), read('host.sqlite-wal'), read('host.sqlite-shm')], ['new', undefined, undefined])
    assert.deepEqual([read('host.sqlite.damaged-1'), read('host.sqlite.damaged-1-wal')], ['host.sqlite', 'host.sqlite-wal'])
  })

  it('comes to its end after each step at which it could have stopped', () => {
    const steps = ['-wal', '-shm', '']
    for (let done = 0; done <= steps.length; done++) {
      const { dir, read } = ready('host.sqlite', 'host.sqlite-wal', 'host.sqlite-shm')
      for (const end of steps.slice(0, done)) renameSync(join(dir, `host.sqlite${end}`), join(dir, `host.sqlite.damaged-1${end}`))
      finishExchange(dir)
      assert.deepEqual([read('host.sqlite'), read('host.sqlite-wal'), read('host.sqlite.damaged-1')], ['new', undefined, 'host.sqlite'])
      assert.equal(finishExchange(dir), undefined, 'once')
    }
  })

  it('keeps what was set aside before', () => {
    const { dir, read } = ready('host.sqlite', 'host.sqlite.damaged-1')
    assert.equal(finishExchange(dir), join(dir, 'host.sqlite.damaged-2'))
    assert.deepEqual([read('host.sqlite.damaged-1'), read('host.sqlite.damaged-2')], ['host.sqlite.damaged-1', 'host.sqlite'])
    const none = ready()
    assert.equal(finishExchange(none.dir), undefined)
    assert.equal(none.read('host.sqlite'), 'new')
  })

  it('does not take it with a part still to be written into it', () => {
    const dir = folder()
    const path = clearExchange(dir)
    writeFileSync(path, 'new')
    writeFileSync(`${path}-wal`, 'rest')
    assert.throws(() => commitExchange(dir), { name: 'Unavailable' })
  })

  it('is put in place by the next start of the host, if nobody else did', async () => {
    const dir = folder()
    let world = await World.open({ dir })
    const proof = await revokeAt(world)
    await world.close()
    const path = join(dir, 'host.sqlite')
    renameSync(path, clearExchange(dir))
    commitExchange(dir)
    // What stands there meanwhile opens, and knows of nothing.
    await sqliteStore(path).close()
    world = await World.open({ dir })
    assert.equal(await taken(world, proof), 'Revoked')
    await world.close()
  })
})
