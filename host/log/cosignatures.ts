import { type DID, Failure } from '@symbiosis/protocol'
import {
  formatNote,
  MAX_WITNESSES,
  type NoteSignature,
  originOf,
  parseNote,
  type VerifierKey,
  verifyCheckpoint,
  verifyNote,
  witnessKeyOf,
} from '@symbiosis/protocol/revocation'
import type { Store, StoreReader } from '../store/store.ts'

const KIND = 'log/cosigned'

/** The last checkpoint that a witness cosigned. */
interface Cosigned {
  readonly size: number
  readonly text: string
  readonly signature: NoteSignature
  readonly key: Uint8Array
}

/**
 * Keeps what a witness cosigned, if that is a checkpoint of this host's log and the witness's own cosignature.
 * @throws Failure BadSignature, Malformed
 */
export const keepCosignature = async (
  store: Store,
  host: DID,
  own: VerifierKey,
  witness: DID,
  note: string,
  key: Uint8Array,
): Promise<void> => {
  const cosigning = witnessKeyOf(witness, key)
  const { size } = verifyCheckpoint(note, { origin: originOf(host), keys: [own], witnesses: [cosigning], quorum: 1 })
  const { text, signatures } = verifyNote(note, [cosigning])
  const cosigned = { size, text, signature: signatures[0] as NoteSignature, key }
  await store.write(async (tx) => {
    const known = (await tx.get(KIND, host, witness)) as unknown as Cosigned | undefined
    if (!known || known.size <= size) await tx.put(KIND, host, witness, cosigned as never)
  })
}

/** A checkpoint's note with the cosignatures that were kept of it, and whose they are. */
export const withCosignatures = async (
  reader: StoreReader,
  host: DID,
  note: string,
): Promise<{ checkpoint: string; witnesses: { host: DID; key: Uint8Array }[] }> => {
  const { text, signatures } = parseNote(note)
  const kept = (await reader.list(KIND, host, { limit: MAX_WITNESSES })).map(({ key, value }) => ({
    witness: key as DID,
    cosigned: value as unknown as Cosigned,
  }))
  const fitting = kept.filter(({ cosigned }) => cosigned.text === text)
  return {
    checkpoint: formatNote({ text, signatures: [...signatures, ...fitting.map(({ cosigned }) => cosigned.signature)] }),
    witnesses: fitting.map(({ witness, cosigned: { key } }) => ({ host: witness, key })),
  }
}

/** @throws Failure InvalidInput where there are more witnesses than a note carries */
export const checkWitnesses = (witnesses: readonly DID[] | undefined): void => {
  if ((witnesses?.length ?? 0) <= MAX_WITNESSES) return
  throw new Failure('InvalidInput', `More than ${MAX_WITNESSES} witnesses are named.`, { field: 'witnesses', limit: MAX_WITNESSES })
}
