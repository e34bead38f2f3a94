import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Failure } from '@symbiosis/protocol'

/** Windows keeps rights elsewhere, in what a folder inherits. */
export const HAS_MODES = process.platform !== 'win32'

/** Writes a file under a lock, for its owner alone. Whole or not at all: beside it first, then renamed over it, and both the bytes and the name are on disk at the end. */
export const writeWhole = async (file: string, content: string | Uint8Array): Promise<void> => {
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
      await handle.writeFile(content)
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

/** Drafts of processes that were killed: they may hold keys. Under the lock, nobody's draft is in use. */
const sweep = async (file: string): Promise<void> => {
  const prefix = `${basename(file)}.`
  const left = (await readdir(dirname(file))).filter((name) => name.startsWith(prefix) && name.endsWith('.draft'))
  for (const name of left) await rm(join(dirname(file), name), { force: true })
}

export const absent = (thrown: unknown): undefined => {
  if (codeOf(thrown) !== 'ENOENT') throw thrown
}

const codeOf = (thrown: unknown): string | undefined => (thrown as { code?: string } | null)?.code

/** What the file system says, as a failure that says what to do. */
export const told = async <T>(what: string, file: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (thrown) {
    const code = codeOf(thrown)
    if (thrown instanceof Failure || !code) throw thrown
    const [name, hint] =
      code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
        ? (['Denied', 'Check who owns it and its folder.'] as const)
        : code === 'ENOSPC' || code === 'EDQUOT'
          ? (['Unavailable', 'The disk is full; free some space. Nothing of it was lost.'] as const)
          : code === 'EISDIR' || code === 'ENOTDIR'
            ? (['InvalidInput', 'Name a file in a folder of its own.'] as const)
            : (['Unavailable', 'Check the disk and the path.'] as const)
    throw new Failure(name, `The ${what} ${file} can't be used: ${code}.`, { field: what, reason: code, hint }, { cause: thrown })
  }
}
