import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { decode, encode, Failure, type Value } from '@symbiosis/protocol'
import type { Entry, Range, Store, StoreReader, StoreTransaction } from './store.ts'

/** Each one takes a store from the version of its index to the next. Never change one that was released; add one. */
const MIGRATIONS = [
  `CREATE TABLE records (
     space TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, expires INTEGER,
     PRIMARY KEY (space, kind, key)
   ) WITHOUT ROWID;
   CREATE INDEX by_kind ON records (kind, key, space);
   CREATE INDEX by_expiry ON records (expires) WHERE expires IS NOT NULL;`,
]

/** Writes that share one commit at the most, so that the first of them doesn't wait for a crowd. */
const MAX_GROUP = 256
const PAGE = 512
/** Pages of 4 KiB after which the write-ahead log goes into the file, and the most that the writer keeps in memory of it. */
const WAL_PAGES = 8000
const CACHE_KIB = 32_768
/** Records that one transaction lets go of: some milliseconds. */
const EXPIRED_AT_ONCE = 256

/**
 * A store in one SQLite file: write-ahead log and `synchronous=FULL`, so a commit is on disk before it is told. Readers have their own
 * connection and see only what was committed.
 * @throws Failure Unavailable where the file can't be opened, is damaged, or belongs to a newer version
 */
export const sqliteStore = (path: string): Store => new SqliteStore(path)

class SqliteStore implements Store {
  readonly #writer: DatabaseSync
  readonly #committed: Connection
  readonly #connection: Connection
  #queue: Job[] = []
  #flushing: Promise<void> | undefined

  constructor(path: string) {
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      // SQLite gives its other files the mode of this one. What spaces keep is nobody else's, in a folder that others may enter too.
      closeSync(openSync(path, 'a', 0o600))
      this.#writer = new DatabaseSync(path)
      this.#writer.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000')
      // Keys come in no order, so that each thousand pages touch nearly all of the file: what waits longer in the write-ahead log is written to it once.
      this.#writer.exec(`PRAGMA wal_autocheckpoint=${WAL_PAGES}; PRAGMA cache_size=-${CACHE_KIB}`)
      migrate(this.#writer)
      this.#connection = new Connection(this.#writer)
      const reader = new DatabaseSync(path, { readOnly: true })
      reader.exec('PRAGMA busy_timeout=5000')
      this.#committed = new Connection(reader)
    } catch (error) {
      throw storeFailure(error, path)
    }
  }

  get = (kind: string, space: string, key: string) => this.#committed.get(kind, space, key)
  list = (kind: string, space: string, range?: Range) => this.#committed.list(kind, space, range)
  every = (kind: string, prefix?: string) => this.#committed.every(kind, prefix)

  write<T>(change: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ change, resolve: resolve as (value: unknown) => void, reject })
      this.#flushing ??= this.#flush()
    })
  }

  /** A little at a time: millions that end at once must not hold up what else is written, or asked for meanwhile. */
  async expire(now: number, signal?: AbortSignal): Promise<number> {
    const some = `DELETE FROM records WHERE (space, kind, key) IN (SELECT space, kind, key FROM records WHERE expires < ? LIMIT ${EXPIRED_AT_ONCE})`
    for (let all = 0; ; ) {
      const gone = await this.write(async () => Number(this.#writer.prepare(some).run(now).changes))
      all += gone
      if (gone < EXPIRED_AT_ONCE || signal?.aborted) return all
    }
  }

  async close(): Promise<void> {
    await this.#flushing
    this.#committed.close()
    this.#connection.close()
  }

  async #flush(): Promise<void> {
    // A turn of the event loop lets calls that came together share the commit.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#queue.length > 0) await this.#commit(this.#queue.splice(0, MAX_GROUP))
    this.#flushing = undefined
  }

  /** One transaction for all jobs, one savepoint for each: a job that fails undoes itself alone, a commit that fails undoes all. */
  async #commit(jobs: Job[]): Promise<void> {
    const settle: (() => void)[] = []
    try {
      this.#writer.exec('BEGIN IMMEDIATE')
      for (const { change, resolve, reject } of jobs) {
        this.#writer.exec('SAVEPOINT job')
        try {
          const value = await change(this.#connection)
          settle.push(() => resolve(value))
        } catch (error) {
          this.#writer.exec('ROLLBACK TO job')
          settle.push(() => reject(isSqlite(error) ? storeFailure(error) : error))
        }
        this.#writer.exec('RELEASE job')
      }
      this.#writer.exec('COMMIT')
    } catch (error) {
      for (const { reject } of jobs) reject(storeFailure(error))
      if (this.#writer.isOpen && this.#writer.isTransaction) this.#writer.exec('ROLLBACK')
      return
    }
    for (const tell of settle) tell()
  }
}

interface Job {
  change(tx: StoreTransaction): Promise<unknown>
  resolve(value: unknown): void
  reject(error: unknown): void
}

/** The statements of one connection. */
class Connection implements StoreReader, StoreTransaction {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  async get(kind: string, space: string, key: string): Promise<Value | undefined> {
    const row = reading(() => this.#run('SELECT value FROM records WHERE space = ? AND kind = ? AND key = ?').get(space, kind, key))
    return row && decode(row.value as Uint8Array)
  }

  async list(kind: string, space: string, { prefix = '', after, limit = -1 }: Range = {}): Promise<Entry[]> {
    // A key may be empty, and then it is after nothing.
    const query = `SELECT key, value FROM records WHERE space = ? AND kind = ? AND key >= ? AND key < ?${after === undefined ? '' : ' AND key > ?'} ORDER BY key LIMIT ?`
    const bounds = after === undefined ? [limit] : [after, limit]
    return reading(() => this.#run(query).all(space, kind, prefix, endOf(prefix), ...bounds)).map(entry)
  }

  async *every(kind: string, prefix = ''): AsyncGenerator<Entry & { space: string }> {
    const query = `SELECT space, key, value FROM records WHERE kind = ? AND key >= ? AND key < ? AND (key, space) > (?, ?) ORDER BY key, space LIMIT ${PAGE}`
    let last = { key: '', space: '' }
    while (true) {
      const rows = reading(() => this.#run(query).all(kind, prefix, endOf(prefix), last.key, last.space)) as {
        space: string
        key: string
        value: Uint8Array
      }[]
      for (const row of rows) yield { space: row.space, ...entry(row) }
      const end = rows.at(-1)
      if (!end || rows.length < PAGE) return
      last = end
    }
  }

  async put(kind: string, space: string, key: string, value: Value, { expires }: { expires?: number } = {}): Promise<void> {
    const query =
      'INSERT INTO records (space, kind, key, value, expires) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, expires = excluded.expires'
    this.#run(query).run(space, kind, key, encode(value), expires ?? null)
  }

  async delete(kind: string, space: string, key: string): Promise<void> {
    this.#run('DELETE FROM records WHERE space = ? AND kind = ? AND key = ?').run(space, kind, key)
  }

  close(): void {
    this.#statements.clear()
    this.#database.close()
  }

  #run(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (!statement) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

const entry = (row: Record<string, unknown>): Entry => ({ key: row.key as string, value: decode(row.value as Uint8Array) })

/**
 * The first text behind every text that begins with `prefix`, in the order of UTF-8 bytes; for SQLite a BLOB stands behind every text. A text is not
 * good enough that is merely high: keys are the callers', and one behind it would be out of sight.
 */
const endOf = (prefix: string): string | Uint8Array => {
  const points = Array.from(prefix, (point) => point.codePointAt(0) as number)
  while (points.at(-1) === 0x10ffff) points.pop()
  const last = points.pop()
  if (last === undefined) return new Uint8Array()
  // What lies between are halves of characters, which no text has.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
}

const migrate = (database: DatabaseSync): void => {
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
  if (version > MIGRATIONS.length) {
    throw new Failure('Unavailable', `The store is of version ${version}, and this program knows ${MIGRATIONS.length}.`, {
      hint: 'Run the newer version of Symbiosis.',
    })
  }
  for (const [index, migration] of MIGRATIONS.entries()) {
    if (index < version) continue
    database.exec(`BEGIN IMMEDIATE; ${migration} PRAGMA user_version=${index + 1}; COMMIT`)
  }
}

/** @throws Failure Unavailable where the file can't be read */
const reading = <T>(read: () => T): T => {
  try {
    return read()
  } catch (error) {
    throw isSqlite(error) ? storeFailure(error) : error
  }
}

const isSqlite = (error: unknown): boolean => (error as { code?: string } | null)?.code === 'ERR_SQLITE_ERROR'

const FULL = 13
const DAMAGED = new Set([11, 26])

const storeFailure = (error: unknown, path?: string): Failure => {
  if (error instanceof Failure) return error
  const code = ((error as { errcode?: number }).errcode ?? 0) & 0xff
  if (code === FULL) {
    return new Failure(
      'Unavailable',
      'The disk of this host is full; nothing of this call was kept.',
      { hint: 'Free some space on the host, then try again.' },
      { cause: error },
    )
  }
  if (DAMAGED.has(code)) {
    return new Failure(
      'Unavailable',
      `The store ${path ?? ''} is damaged.`,
      { hint: 'Have the log back from a host that follows this one: symbiosis host recover --from URL. The host starts no store over it.' },
      { cause: error },
    )
  }
  return new Failure('Unavailable', `The store ${path ?? ''} can't be used: ${(error as Error).message}.`, {}, { cause: error })
}
