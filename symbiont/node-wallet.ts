import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Failure } from '@symbiosis/protocol'
import { withLock } from './node-lock.ts'
import type { Wallet, WalletState } from './wallet.ts'
import { decodeWallet, encodeWallet } from './wallet-text.ts'

/** Windows keeps rights elsewhere, in what a folder inherits. */
const HAS_MODES = process.platform !== 'win32'

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
    load: () => told(file, () => read(file)),
    update: (change) => {
      const turn = queue.then(() =>
        told(file, async () => {
          await mkdir(dirname(file), { recursive: true, mode: 0o700 })
          return withLock(`${file}.lock`, async () => {
            const next = change(await read(file))
            await write(file, next)
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

/** Whole or not at all: beside it first, then renamed over it, and both the bytes and the name are on disk at the end. */
const write = async (file: string, state: WalletState): Promise<void> => {
  const folder = dirname(file)
  if (HAS_MODES && ((await stat(folder)).mode & 0o022) !== 0) {
    throw new Failure('Denied', `The folder ${folder} can be changed by others on this machine.`, {
      field: 'mode',
      hint: `chmod go-w ${folder}`,
    })
  }
  await sweep(file)
  const draft = `${file}.${randomBytes(6).toString('hex')}.draft`
  try {
    const handle = await open(draft, 'wx', 0o600)
    try {
      await handle.writeFile(encodeWallet(state))
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, file)
  } catch (thrown) {
    await rm(draft, { force: true })
    throw thrown
  }
  if (HAS_MODES) {
    const handle = await open(folder, constants.O_RDONLY)
    await handle.sync().finally(() => handle.close())
  }
}

/** Drafts of processes that were killed: they hold keys. Under the lock, nobody's draft is in use. */
const sweep = async (file: string): Promise<void> => {
  const prefix = `${basename(file)}.`
  const left = (await readdir(dirname(file))).filter((name) => name.startsWith(prefix) && name.endsWith('.draft'))
  for (const name of left) await rm(join(dirname(file), name), { force: true })
}

const absent = (thrown: unknown): undefined => {
  if (codeOf(thrown) !== 'ENOENT') throw thrown
}

const codeOf = (thrown: unknown): string | undefined => (thrown as { code?: string } | null)?.code

/** What the file system says, as a failure that says what to do. */
const told = async <T>(file: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (thrown) {
    const code = codeOf(thrown)
    if (thrown instanceof Failure || !code) throw thrown
    const [name, hint] =
      code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
        ? (['Denied', 'Check who owns it and its folder.'] as const)
        : code === 'ENOSPC' || code === 'EDQUOT'
          ? (['Unavailable', 'The disk is full; free some space. Nothing of the wallet was lost.'] as const)
          : code === 'EISDIR' || code === 'ENOTDIR'
            ? (['InvalidInput', 'Name a file in a folder of its own.'] as const)
            : (['Unavailable', 'Check the disk and the path.'] as const)
    throw new Failure(name, `The wallet ${file} can't be used: ${code}.`, { field: 'wallet', reason: code, hint }, { cause: thrown })
  }
}
