import { constants } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { Failure } from '@symbiosis/protocol'
import { absent, HAS_MODES, told, writeWhole } from './node-file.ts'
import { withLock } from './node-lock.ts'
import type { Wallet, WalletState } from './wallet.ts'
import { decodeWallet, encodeWallet } from './wallet-text.ts'

/**
 * A wallet in a file, for its owner alone (mode 0600, in a folder of mode 0700 where it makes one). A change is on disk when it resolves, or did
 * not happen; processes that share the file don't lose each other's changes. `path.lock` stands beside it.
 * Every use throws Failure: Malformed (damaged; it's never overwritten), Unsupported (newer), Denied (others can read it, or this user can't),
 * Unavailable (disk full, locked for long).
 */
export const fileWallet = (path: string): Wallet => {
  const file = resolve(path)
  // In one process too: a lock that waits for its own process would wait with the event loop's help, but in no fair order.
  let queue: Promise<unknown> = Promise.resolve()
  return {
    load: () => told('wallet', file, () => read(file)),
    update: (change) => {
      const turn = queue.then(() =>
        told('wallet', file, async () => {
          await mkdir(dirname(file), { recursive: true, mode: 0o700 })
          return withLock(`${file}.lock`, async () => {
            const next = change(await read(file))
            await writeWhole(file, encodeWallet(next))
            return next
          })
        }),
      )
      queue = turn.catch(() => {})
      return turn
    },
  }
}

const read = async (file: string): Promise<WalletState | undefined> => {
  const handle = await open(file, constants.O_RDONLY).catch(absent)
  if (!handle) return undefined
  try {
    const stats = await handle.stat()
    if (!stats.isFile()) throw Object.assign(new Error('not a file'), { code: 'EISDIR' })
    const { mode } = stats
    if (HAS_MODES && (mode & 0o077) !== 0) {
      throw new Failure('Denied', `The wallet ${file} can be used by others on this machine (mode ${(mode & 0o777).toString(8)}).`, {
        field: 'mode',
        hint: `Others may have read its key. If you trust them: chmod 600 ${file}. Else move it away, open a new wallet and recover your space with its phrase.`,
      })
    }
    return decodeWallet(await handle.readFile('utf8'), file)
  } finally {
    await handle.close()
  }
}
