import { base64, fromBase64 } from '../base64.ts'
import { Failure } from '../failure.ts'
import { sameBytes } from '../link.ts'
import type { DID } from '../principal.ts'
import { checkHash, emptyRoot, HASH_BYTES } from './hashing.ts'
import { hasControls } from './key.ts'
import { checkCount } from './shape.ts'

/** What a log is at a size. Source: https://c2sp.org/tlog-checkpoint */
export interface Checkpoint {
  /** Which log: `originOf` its host. */
  readonly origin: string
  /** How many entries it has, up to 2^53 - 1. */
  readonly size: number
  /** The root of the tree over them, 32 bytes. */
  readonly root: Uint8Array
  /** Lines that follow. No witness vouches for them. */
  readonly extensions?: readonly string[]
}

/** What the log of a host is called, in its checkpoints and by the key that signs them. */
export const originOf = (host: DID): string => `${host}/revocations`

/**
 * The text of a checkpoint, to be signed as a note: origin, size, root in base 64, extensions, a line each.
 * @throws Failure Malformed for what no reader would admit
 */
export const formatCheckpoint = ({ origin, size, root, extensions = [] }: Checkpoint): string => {
  checkHash(root, 'root')
  checkCount(size, 'size')
  const text = [origin, size, base64(root), ...extensions].map((line) => `${line}\n`).join('')
  // A line that holds a newline would be read as two.
  if (parseCheckpoint(text).extensions.length !== extensions.length) throw malformed('text')
  return text
}

/**
 * Reads the text of a checkpoint: that of a note, with its last newline.
 * @throws Failure Malformed; TooLarge for a size over 2^53 - 1
 */
export const parseCheckpoint = (text: string): Checkpoint & { readonly extensions: readonly string[] } => {
  const [origin, digits = '', encoded = '', ...extensions] = text.split('\n')
  if (extensions.pop() !== '' || !text.isWellFormed() || hasControls(text)) throw malformed('text')
  if (!origin) throw malformed('origin')
  if (extensions.includes('')) throw malformed('extensions')
  const size = sizeOf(digits)
  const root = fromBase64(encoded)
  // Of no entries there is one root, as of any.
  if (root?.length !== HASH_BYTES || (size === 0 && !sameBytes(root, emptyRoot()))) throw malformed('root')
  return { origin, size, root, extensions }
}

const sizeOf = (digits: string): number => {
  if (!/^(0|[1-9][0-9]*)$/.test(digits)) throw malformed('size')
  const size = Number(digits)
  if (!Number.isSafeInteger(size)) {
    throw new Failure('TooLarge', 'A checkpoint has more entries than can be counted here.', {
      field: 'size',
      limit: Number.MAX_SAFE_INTEGER,
    })
  }
  return size
}

const malformed = (field: string): Failure => new Failure('Malformed', `A checkpoint has no proper ${field}.`, { field })
