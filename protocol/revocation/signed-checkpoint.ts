import { Failure } from '../failure.ts'
import { type Checkpoint, formatCheckpoint, parseCheckpoint } from './checkpoint.ts'
import { cosignatureTime } from './cosignature.ts'
import { COSIGNATURE, type VerifierKey } from './key.ts'
import { type NoteBounds, type NoteSigner, signNote, verifyNote } from './note.ts'

/** By what a checkpoint is believed. */
export interface CheckpointTrust {
  /** Of which log it has to be. */
  readonly origin: string
  /** The log's own keys: one of them has to have signed. */
  readonly keys: readonly VerifierKey[]
  /** Witnesses that are asked for, by their cosignature keys. */
  readonly witnesses?: readonly VerifierKey[]
  /** How many of the witnesses have to have cosigned; none unless told. */
  readonly quorum?: number
  readonly bounds?: Partial<NoteBounds>
}

export interface SignedCheckpoint extends Checkpoint {
  readonly extensions: readonly string[]
  /** The known witnesses that cosigned, and when they say they did, Unix seconds. */
  readonly cosigned: readonly { readonly name: string; readonly time: number }[]
}

/**
 * The note of a checkpoint. A log signs none that doesn't continue all that it has signed: two that contradict each other convict it.
 * @throws Failure Malformed for a checkpoint that no reader would admit
 */
export const signCheckpoint = (checkpoint: Checkpoint, ...signers: NoteSigner[]): Promise<string> =>
  signNote({ text: formatCheckpoint(checkpoint) }, ...signers)

/**
 * Reads a checkpoint's note and verifies who signed it.
 * @throws Failure Malformed, TooLarge; BadSignature where it is of another log, the log didn't sign it, a signature of a known key doesn't cover it, or
 * fewer witnesses cosigned than have to
 */
export const verifyCheckpoint = (
  note: Uint8Array | string,
  { origin, keys, witnesses = [], quorum = 0, bounds }: CheckpointTrust,
): SignedCheckpoint => {
  if (witnesses.some(({ type }) => type !== COSIGNATURE)) {
    throw new Failure('Malformed', 'The key of a witness is not one for cosignatures.', { field: 'witnesses' })
  }
  const { text, signatures } = verifyNote(note, [...keys, ...witnesses], bounds)
  const checkpoint = parseCheckpoint(text)
  if (checkpoint.origin !== origin) throw new Failure('BadSignature', 'A checkpoint is of another log.', { field: 'origin' })
  const by = (key: VerifierKey) => signatures.find(({ name, id }) => name === key.name && id === key.id)
  if (!keys.some(by)) throw new Failure('BadSignature', 'A checkpoint is not signed by its log.', { field: 'keys' })
  const cosigned = witnesses.flatMap((key) => {
    const signature = by(key)
    return signature ? [{ name: key.name, time: cosignatureTime(signature.bytes) }] : []
  })
  if (cosigned.length < quorum) {
    throw new Failure('BadSignature', `Of the ${quorum} witnesses that a checkpoint needs, ${cosigned.length} cosigned it.`, {
      field: 'witnesses',
      limit: quorum,
    })
  }
  return { ...checkpoint, cosigned }
}
