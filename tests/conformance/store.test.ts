import assert from 'node:assert/strict'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { runStoreTests } from '@symbiosis/conformance'
import { Failure } from '@symbiosis/protocol'
import { sqliteStore } from '../../host/index.ts'
import { folders } from '../fixtures.ts'
import { mocha } from './mocha.ts'
import { setup } from './sqlite.ts'

runStoreTests(mocha, 'SQLite', setup)

describe('the embedded store', () => {
  const folder = folders()
  const isUnavailable = (error: unknown) => error instanceof Failure && error.name === 'Unavailable'

  it("is its owner's alone", async () => {
    const dir = folder()
    const store = sqliteStore(join(dir, 'host.sqlite'))
    await store.write((tx) => tx.put('kind', 'space', 'key', 1))
    for (const name of readdirSync(dir)) assert.equal(statSync(join(dir, name)).mode & 0o077, 0, name)
    await store.close()
  })

  it('writes over nothing that is damaged, or that is no store', () => {
    const path = join(folder(), 'host.sqlite')
    writeFileSync(path, 'this is not a database, and it is long enough to be looked at'.repeat(20))
    assert.throws(() => sqliteStore(path), isUnavailable)
  })

  it('leaves the store of a newer version alone', () => {
    const path = join(folder(), 'host.sqlite')
    const database = new DatabaseSync(path)
    database.exec('PRAGMA user_version=1000')
    database.close()
    assert.throws(() => sqliteStore(path), isUnavailable)
  })
})
