import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Failure } from '@symbiosis/protocol'

/**
 * Makes a folder this process's own until it lets go or dies, however it dies: SQLite's lock is the operating system's, and needs no guess about
 * whether another process still lives.
 * @throws Failure Unavailable where another host has it
 */
export const lockFolder = (dir: string): (() => void) => {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const lock = new DatabaseSync(join(dir, 'host.lock'))
  try {
    lock.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (cause) {
    lock.close()
    throw new Failure(
      'Unavailable',
      `Another host already runs in ${dir}.`,
      { hint: 'Stop it, or give this one another folder: --dir' },
      { cause },
    )
  }
  return () => lock.close()
}
