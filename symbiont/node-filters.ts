import { mkdir, readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { DID } from '@symbiosis/protocol'
import type { FilterStore } from './filter-store.ts'
import { decodeKept, encodeKept } from './kept-filter.ts'
import { absent, told, writeWhole } from './node-file.ts'
import { withLock } from './node-lock.ts'

/**
 * Filters in a folder, a file for each host: not in the wallet, which is read and written whole. Processes that share it don't lose each other's changes.
 * Every use throws Failure: Denied (this user can't), Unavailable (disk full, locked for long).
 */
export const fileFilters = (path: string): FilterStore => {
  const folder = resolve(path)
  // Of a DID only what a file may be called everywhere.
  const fileOf = (host: DID) => join(folder, `${host.slice('did:key:'.length)}.filter`)
  let queue: Promise<unknown> = Promise.resolve()
  return {
    load: (host) => told('filter', fileOf(host), () => read(fileOf(host))),
    update: (host, change) => {
      const file = fileOf(host)
      const turn = queue.then(() =>
        told('filter', file, async () => {
          await mkdir(folder, { recursive: true, mode: 0o700 })
          await withLock(join(folder, 'lock'), async () => {
            const next = change(await read(file))
            await (next ? writeWhole(file, encodeKept(next)) : rm(file, { force: true }))
          })
        }),
      )
      queue = turn.catch(() => {})
      return turn
    },
  }
}

const read = async (file: string) => {
  const bytes = await readFile(file).catch(absent)
  return bytes && decodeKept(bytes)
}
