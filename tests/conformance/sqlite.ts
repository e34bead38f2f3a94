import { DatabaseSync } from 'node:sqlite'
import type { StoreSetup } from '@symbiosis/conformance'
import { sqliteStore } from '../../host/index.ts'

/** The embedded store, as the suite and its child processes open it. */
export const setup: StoreSetup = {
  module: import.meta.url,
  open: (where) => sqliteStore(`${where}/host.sqlite`),
  openFull(where) {
    // A database that may grow no more fails as a full disk makes it fail, and a test can give it room again.
    let database: DatabaseSync | undefined
    const { exec } = DatabaseSync.prototype
    DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string) {
      database ??= this
      return exec.call(this, sql)
    }
    const store = sqliteStore(`${where}/host.sqlite`)
    DatabaseSync.prototype.exec = exec
    const bound = (pages: number) => database?.exec(`PRAGMA max_page_count=${pages}`)
    bound(40)
    return { store, makeRoom: () => bound(1_000_000) }
  },
}
