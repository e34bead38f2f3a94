import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Writes a whole file so that it survives power loss, or not at all: to `temp` first, whose bytes reach the disk before the name
 * does. The new name itself is durable only after `syncDirectory(dirname(path))`, left to the caller so that many files share one.
 * `temp` has to be on the file system of `path`. Whatever fails, `temp` is gone.
 */
export const writeWhole = async (temp: string, path: string, bytes: Uint8Array, mode = 0o600): Promise<void> => {
  try {
    const file = await open(temp, 'wx', mode)
    try {
      await file.writeFile(bytes)
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(temp, path)
  } catch (reason) {
    await rm(temp, { force: true })
    throw reason
  }
}

/** Makes the names in a directory durable: what was created, renamed or removed there stays so. */
export const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** `writeWhole` and the sync of its directory, for single files. */
export const writeDurably = async (path: string, bytes: Uint8Array, mode?: number): Promise<void> => {
  await writeWhole(`${path}.temp`, path, bytes, mode)
  await syncDirectory(dirname(path))
}

/**
 * One action that many wait for. A call that comes while the action runs waits for the next run, which serves all who came
 * meanwhile: so whatever was done before the call is covered by the run that answers it.
 */
export class Shared {
  readonly #action: () => Promise<void>
  #running: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

  constructor(action: () => Promise<void>) {
    this.#action = action
  }

  run(): Promise<void> {
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = undefined
        this.#running = this.#action()
        return this.#running
      })
    return this.#next
  }
}

/** At most `width` actions at a time, in the order of arrival. */
export class Lanes {
  #free: number
  readonly #waiting: Array<() => void> = []

  constructor(width: number) {
    this.#free = width
  }

  async run<T>(action: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await action()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free++
    }
  }
}
