import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type DID, Failure, sameBytes } from '@symbiosis/protocol'
import { encodeFork, type Fork, leafHash, rootBefore, verifyFork } from '@symbiosis/protocol/revocation'
import type { Mirror, Signed } from './mirror.ts'

/** What a host is asked in order to hold it against itself. */
export interface Witnessed {
  /** The entry at an index. */
  entry(index: number): Promise<Uint8Array>
  inclusion(index: number, size: number): Promise<readonly Uint8Array[]>
  consistency(from: number, size: number): Promise<readonly Uint8Array[]>
}

/** Two checkpoints of one host, put to the proof by what is here: the one that is followed, and one that is no larger. */
export const forkBehind = async (mirror: Mirror, known: Signed, other: Signed): Promise<Fork | undefined> => {
  const { did: host } = mirror
  const { size, note, key } = other
  if (size === known.size) return proven({ host, key: known.key, older: known.note, newer: note })
  if (size === 0 || mirror.size !== known.size) return undefined
  const began = { root: await mirror.root(size), proof: await mirror.proof(size) }
  return proven({ host, key, older: note, newer: known.note, began })
}

/**
 * The same for one that is larger: with what its own host shows of it. What stands before an entry follows from the proof that the entry is in, so no host
 * can prove its entries and hide what they come after.
 */
export const forkAhead = async (did: DID, known: Signed, other: Signed, host: Witnessed): Promise<Fork | undefined> => {
  if (known.size === 0 || other.size <= known.size) return undefined
  const [entry, inclusion, proof] = await Promise.all([
    host.entry(known.size),
    host.inclusion(known.size, other.size),
    host.consistency(known.size, other.size),
  ])
  const root = rootBefore({ index: known.size, size: other.size, leaf: leafHash(entry), proof: inclusion, root: other.root })
  if (!root || sameBytes(root, known.root)) return undefined
  return proven({ host: did, key: other.key, older: known.note, newer: other.note, began: { root, proof } })
}

/** What doesn't prove anything is no fork. */
export const proven = (fork: Fork): Fork | undefined => {
  try {
    verifyFork(fork)
    return fork
  } catch (thrown) {
    if (thrown instanceof Failure) return undefined
    throw thrown
  }
}

const FOLDER = 'frauds'
const EXTENSION = '.fork'

/** Where the proofs against a host lie, the first one first. */
export const forksOf = (dir: string, did: DID): string[] => {
  const folder = join(dir, FOLDER)
  try {
    return readdirSync(folder)
      .filter((name) => name.startsWith(`${fileName(did)}-`) && name.endsWith(EXTENSION))
      .sort()
      .map((name) => join(folder, name))
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw thrown
  }
}

/** Writes a proof down, whole or not at all. */
export const writeFork = (dir: string, fork: Fork): string => {
  const folder = join(dir, FOLDER)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `${fileName(fork.host)}-${forksOf(dir, fork.host).length + 1}${EXTENSION}`)
  writeFileSync(`${path}.tmp`, encodeFork(fork), { flush: true })
  renameSync(`${path}.tmp`, path)
  return path
}

const fileName = (did: DID): string => did.replaceAll(':', '_')

/** How many proofs are kept, against whomever. */
export const countForks = (dir: string): number => {
  const folder = join(dir, FOLDER)
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(EXTENSION)).length : 0
}
