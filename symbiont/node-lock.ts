import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@symbiosis/protocol'

/** Milliseconds to wait for others; what is done under the lock takes a few. */
const PATIENCE = 10_000
const BUSY = 5

/**
 * Runs `work` while no other process runs under the same lock file. The lock is SQLite's: the operating system gives it back when a process dies,
 * however it dies, so no lock is ever stale. A lock file with a process's number in it has to be broken after a crash, and two that break it at once
 * both think that they have it.
 * @throws Failure Unavailable where others don't let go
 */
export const withLock = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
  const { DatabaseSync: Database } = await import('node:sqlite')
  const lock = new Database(path, { timeout: 0 })
  try {
    const until = Date.now() + PATIENCE
    while (!taken(lock)) {
      if (Date.now() > until)
        throw new Failure('Unavailable', `Another process keeps the wallet locked (${path}).`, { hint: 'Wait for it, or end it.' })
      await sleep(2 + Math.random() * 20)
    }
    return await work()
  } finally {
    lock.close()
  }
}

const taken = (lock: DatabaseSync): boolean => {
  try {
    // Nothing is ever written to it: no journal is wanted beside it.
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return true
  } catch (thrown) {
    if ((thrown as { errcode?: number }).errcode === BUSY) return false
    throw thrown
  }
}
