import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'

/** Damages a store, by its path. */
export type Bend = (path: string) => void

export const inDatabase =
  (change: (database: DatabaseSync) => void): Bend =>
  (path) => {
    const database = new DatabaseSync(path)
    change(database)
    database.close()
  }

/** Flips a bit in the middle of the value of every record of a kind. */
export const flipped = (kind: string): Bend =>
  inDatabase((database) => {
    const rows = database.prepare('SELECT space, key, value FROM records WHERE kind = ?').all(kind) as {
      space: string
      key: string
      value: Uint8Array
    }[]
    assert.ok(rows.length > 0, `there are records ${kind}`)
    for (const { space, key, value } of rows) {
      const bent = Uint8Array.from(value)
      const at = Math.floor(bent.length / 2)
      bent[at] = (bent[at] as number) ^ 1
      database.prepare('UPDATE records SET value = ? WHERE space = ? AND kind = ? AND key = ?').run(bent, space, kind, key)
    }
  })

export const without = (where: string): Bend => inDatabase((database) => database.exec(`DELETE FROM records WHERE ${where}`))
