import { join, resolve } from 'node:path'
import envPaths from 'env-paths'

const { data, cache } = envPaths('symbiosis', { suffix: '' })

/** Where the sources lie as the runtime compiled them. It can be removed at any time. */
export const compiled = join(cache, 'compiled')

/** The folder of the host of this machine: `--dir`, SYMBIOSIS_DIR, or the user's data folder. */
export const hostFolder = (dir: string | undefined = process.env.SYMBIOSIS_DIR): string => resolve(dir || join(data, 'host'))

/** The folder of the wallet: `--home`, SYMBIOSIS_HOME, or the user's data folder. */
export const walletFolder = (home: string | undefined = process.env.SYMBIOSIS_HOME): string => resolve(home || join(data, 'wallet'))

/** Where a host listens for the programs of its machine. */
export const socketOf = (dir: string): string => join(dir, 'host.sock')
