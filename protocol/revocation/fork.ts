import { decode, encode } from '../cbor.ts'
import { Failure } from '../failure.ts'
import { sameBytes } from '../link.ts'
import { type DID, isDid } from '../principal.ts'
import { bytes, check, int, list, optional, struct, text } from '../schema.ts'
import { originOf } from './checkpoint.ts'
import { verifyConsistency } from './consistency.ts'
import { logKeyOf } from './proven.ts'
import { type SignedCheckpoint, verifyCheckpoint } from './signed-checkpoint.ts'

/**
 * Two checkpoints that one log signed and of which the newer doesn't continue the older: whoever has this can show anybody that the host rewrote its log, or shows
 * different ones to different people. It needs no more than the host's DID to be believed.
 */
export interface Fork {
  readonly host: DID
  /** The host's delegation to the key of its log, archived. */
  readonly key: Uint8Array
  /** Signed notes. The newer one is no smaller. */
  readonly older: string
  readonly newer: string
  /** What the newer tree began with, at the older's size; absent where the two are of one size. */
  readonly began?: { readonly root: Uint8Array; readonly proof: readonly Uint8Array[] }
}

const VERSION = 1
const hash = () => bytes({ maxLength: 32 })
const note = () => text({ maxLength: 256 * 1024 })
const shape = struct({
  v: int({ min: VERSION, max: VERSION }),
  host: text(),
  key: bytes(),
  older: note(),
  newer: note(),
  began: optional(struct({ root: hash(), proof: list(hash(), { maxItems: 64 }) })),
})

/** A fork as a file: DAG-CBOR. */
export const encodeFork = (fork: Fork): Uint8Array => encode({ v: VERSION, ...fork })

/**
 * Reads a fork's file; `verifyFork` says whether it is one.
 * @throws Failure Malformed, NotCanonical
 */
export const decodeFork = (file: Uint8Array): Fork => {
  const { v: _, ...fork } = decode(file) as unknown as Fork & { v: number }
  const mismatch = check(shape, { v: _, ...fork })
  if (mismatch || !isDid(fork.host))
    throw new Failure('Malformed', `A file shows no fork: ${mismatch?.path ?? 'host'} ${mismatch?.message ?? ''}`)
  return fork
}

/**
 * What two checkpoints the host can't both stand by.
 * @throws Failure BadSignature where they aren't both signed by the host's log, or where the newer may well continue the older; Malformed
 */
export const verifyFork = ({ host, key, older, newer, began }: Fork): { older: SignedCheckpoint; newer: SignedCheckpoint } => {
  const trust = { origin: originOf(host), keys: [logKeyOf(host, key)] }
  const [a, b] = [verifyCheckpoint(older, trust), verifyCheckpoint(newer, trust)]
  if (a.size > b.size) throw new Failure('Malformed', 'The newer checkpoint is smaller than the older one.', { field: 'newer' })
  const before = a.size === b.size ? b.root : began?.root
  // The newer tree did begin with that root, and not with the one that was signed.
  const isShown =
    a.size === b.size ||
    (a.size > 0 &&
      began !== undefined &&
      verifyConsistency({ from: a.size, to: b.size, proof: began.proof, fromRoot: began.root, toRoot: b.root }))
  if (!isShown || before === undefined || sameBytes(before, a.root)) {
    throw new Failure('BadSignature', 'The newer checkpoint may continue the older one: this proves nothing against the host.', {
      field: 'began',
    })
  }
  return { older: a, newer: b }
}
