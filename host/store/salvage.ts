import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { decode, type Value } from '@symbiosis/protocol'

/** A record as the file has it. */
export interface SalvagedRecord {
  readonly space: string
  readonly kind: string
  readonly key: string
  readonly value: Value
  readonly expires: number | null
}

const COLUMNS = 'SELECT space, kind, key, value, expires FROM records'
const PAGE = 64
/** A blob stands behind every text. */
const END = new Uint8Array()

type Place = readonly [space: string | Uint8Array, kind: string | Uint8Array, key: string | Uint8Array]

/**
 * What can still be read of an embedded store that is damaged. Nothing is written to it, and nothing is thrown for what can't be read: `isWhole` says whether
 * there was any.
 */
export class Salvage {
  readonly #database: DatabaseSync | undefined
  #whole = true

  constructor(path: string) {
    this.#database = existsSync(path) ? open(path) : undefined
    if (!this.#database) this.#whole = false
  }

  /** Whether anything of the file can be read. */
  get isOpen(): boolean {
    return this.#database !== undefined
  }

  /** Whether all that was asked for could be read. What was changed into something that is well formed, too, nobody notices here. */
  get isWhole(): boolean {
    return this.#whole
  }

  get(kind: string, space: string, key: string): Value | undefined {
    const [row] = this.#rows(`${COLUMNS} WHERE space = ? AND kind = ? AND key = ?`, [space, kind, key]) ?? []
    return row && this.#record(row)?.value
  }

  /** Every record, from the first on; and where the file breaks off, from the last one back to the next break. What lies between two breaks is lost. */
  *records(): Generator<SalvagedRecord> {
    let last: Place = ['', '', '']
    let isBroken = false
    for (let limit = PAGE; ; ) {
      const rows = this.#rows(`${COLUMNS} WHERE (space, kind, key) > (?, ?, ?) ORDER BY space, kind, key LIMIT ${limit}`, last)
      if (!rows && limit === 1) isBroken = true
      if (isBroken || rows?.length === 0) break
      // A page of rows fails for the last of them. One by one, all before the break come.
      if (!rows) limit = 1
      for (const row of rows ?? []) {
        last = [row.space, row.kind, row.key]
        yield* this.#read(row)
      }
    }
    if (isBroken) yield* this.#backwards(last)
  }

  *#backwards(end: Place): Generator<SalvagedRecord> {
    let last: Place = [END, END, END]
    for (;;) {
      const query = `${COLUMNS} WHERE (space, kind, key) < (?, ?, ?) AND (space, kind, key) > (?, ?, ?) ORDER BY space DESC, kind DESC, key DESC LIMIT 1`
      const row = this.#rows(query, [...last, ...end])?.[0]
      if (!row) return
      last = [row.space, row.kind, row.key]
      yield* this.#read(row)
    }
  }

  close(): void {
    this.#database?.close()
  }

  *#read(row: Row): Generator<SalvagedRecord> {
    const record = this.#record(row)
    if (record) yield record
  }

  /** Undefined where they can't be read. */
  #rows(query: string, values: readonly (string | Uint8Array)[]): Row[] | undefined {
    try {
      return this.#database?.prepare(query).all(...values) as unknown as Row[] | undefined
    } catch {
      this.#whole = false
      return undefined
    }
  }

  #record({ space, kind, key, value, expires }: Row): SalvagedRecord | undefined {
    try {
      return { space, kind, key, value: decode(value), expires }
    } catch {
      this.#whole = false
      return undefined
    }
  }
}

interface Row {
  readonly space: string
  readonly kind: string
  readonly key: string
  readonly value: Uint8Array
  readonly expires: number | null
}

const open = (path: string): DatabaseSync | undefined => {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { readOnly: true, defensive: false })
    // Else a file that ends early is refused as a whole. It allows no more than that, since nothing is written.
    database.exec('PRAGMA writable_schema=ON')
    database.prepare(`${COLUMNS} LIMIT 0`).all()
    return database
  } catch {
    database?.close()
    return undefined
  }
}
