import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '@symbiosis/protocol'

/** The embedded store in a host's folder. */
export const storePath = (dir: string): string => join(dir, 'host.sqlite')

/** SQLite's own files beside the one that has a name: what they hold belongs to that one and to no other. */
const BESIDE = ['-wal', '-shm']

/** A store that is being made, and one that is whole and waits for its place. */
const making = (dir: string): string => `${storePath(dir)}.making`
const ready = (dir: string): string => `${storePath(dir)}.ready`

/** Gives where a store is made that is to take the other's place. What was left there by one that came to nothing goes. */
export const clearExchange = (dir: string): string => {
  for (const end of ['', ...BESIDE]) rmSync(`${making(dir)}${end}`, { force: true })
  return making(dir)
}

/** Says that the new store is whole, in one file, and closed. From here on it takes the other's place, whatever happens: see `finishExchange`. */
export const commitExchange = (dir: string): void => {
  const left = `${making(dir)}-wal`
  if (existsSync(left)) throw new Failure('Unavailable', `The new store could not be closed: a part of it is left in ${left}.`)
  sync(making(dir))
  renameSync(making(dir), ready(dir))
  sync(dir)
}

/**
 * Puts a store that is ready in the place of the one before, which is set aside; gives where that lies now. Every step can be the last before a crash: it is done again at the next
 * start, until the new one is where it belongs. A log of SQLite's that was left beside it would be played into it, so that goes aside first.
 */
export const finishExchange = (dir: string): string | undefined => {
  if (!existsSync(ready(dir))) return undefined
  const path = storePath(dir)
  let number = 1
  while (existsSync(`${path}.damaged-${number}`)) number++
  // Where the crash came behind the last of these, they are aside under the number before.
  if (number > 1 && !existsSync(path)) number--
  const aside = `${path}.damaged-${number}`
  for (const end of [...BESIDE, '']) if (existsSync(`${path}${end}`)) renameSync(`${path}${end}`, `${aside}${end}`)
  sync(dir)
  renameSync(ready(dir), path)
  sync(dir)
  return existsSync(aside) ? aside : undefined
}

const sync = (path: string): void => {
  const file = openSync(path, 'r')
  fsyncSync(file)
  closeSync(file)
}
