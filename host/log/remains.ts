import { type DID, Failure } from '@symbiosis/protocol'
import {
  decodeEntries,
  encodeEntry,
  originOf,
  type SignedCheckpoint,
  TILE_WIDTH,
  type VerifierKey,
  verifyCheckpoint,
} from '@symbiosis/protocol/revocation'
import { entryOf } from '../revocations.ts'
import type { Salvage, SalvagedRecord } from '../store/salvage.ts'
import { BUNDLE, HEAD, keyOf } from './records.ts'
import { SUMMARY } from './summaries.ts'
import { SUMMARY_ENTRIES } from './summary.ts'
import { endOfTold, type Kept, SAID, TAKEN_BEFORE, TOLD } from './told.ts'

/** A checkpoint of this host's own log, and its note. */
export type OwnCheckpoint = SignedCheckpoint & { readonly note: string }

/** What is left of a host's own log in a store that is damaged. */
export class Remains {
  /** What was signed last, as far as that can be read. */
  readonly checkpoint: OwnCheckpoint | undefined
  /** Revocations that were told to this host itself, by where they stand in its log. */
  readonly revocations = new Map<number, Kept>()
  /** Entries that there were at least. */
  readonly least: number
  readonly #host: DID
  readonly #salvage: Salvage

  constructor(host: DID, key: VerifierKey, salvage: Salvage) {
    this.#host = host
    this.#salvage = salvage
    this.checkpoint = readCheckpoint(host, key, salvage)
    let least = this.checkpoint?.size ?? 0
    for (const record of salvage.records()) {
      const kept = keptIn(record)
      if (kept) this.revocations.set(kept.index, kept)
      least = Math.max(least, endOf(record, host) ?? 0)
    }
    this.least = least
  }

  /**
   * The entries from an index up to the last one that was signed, as far as they go. Whether they are the true ones, their root tells.
   * @param records whether what was told counts before what the log has, where both can be read
   */
  tail(from: number, records: boolean): Uint8Array[] {
    const entries: Uint8Array[] = []
    let bundle: { readonly index: number; readonly entries: readonly Uint8Array[] } | undefined
    for (let at = from; at < (this.checkpoint?.size ?? 0); at++) {
      const index = Math.floor(at / TILE_WIDTH)
      if (bundle?.index !== index) bundle = { index, entries: this.#bundle(index) }
      const kept = this.revocations.get(at)
      const [told, logged] = [kept && encodeEntry(entryOf(kept)), bundle.entries[at % TILE_WIDTH]]
      const entry = records ? (told ?? logged) : (logged ?? told)
      if (!entry) break
      entries.push(entry)
    }
    return entries
  }

  #bundle(index: number): readonly Uint8Array[] {
    const bytes = this.#salvage.get(BUNDLE, this.#host, keyOf(index))
    if (!(bytes instanceof Uint8Array)) return []
    let [width, end] = [0, 0]
    for (; end < bytes.length; width++) end += 2 + (((bytes[end] ?? 0) << 8) | (bytes[end + 1] ?? 0))
    try {
      return decodeEntries(bytes, width)
    } catch (thrown) {
      if (thrown instanceof Failure) return []
      throw thrown
    }
  }
}

const readCheckpoint = (host: DID, key: VerifierKey, salvage: Salvage): OwnCheckpoint | undefined => {
  const { checkpoint: note } = (salvage.get(HEAD, host, '') ?? {}) as { checkpoint?: unknown }
  if (typeof note !== 'string') return undefined
  try {
    return { ...verifyCheckpoint(note, { origin: originOf(host), keys: [key] }), note }
  } catch (thrown) {
    // It was bent, too.
    if (thrown instanceof Failure) return undefined
    throw thrown
  }
}

/** What was told, as a record has it; undefined for other records, and for what is bent: it may be of another shape, and then it says nothing. */
export const keptIn = ({ kind, space, key, value }: SalvagedRecord): Kept | undefined => {
  if (kind !== SAID) return undefined
  try {
    const said = value as unknown as Omit<Kept, 'link'>
    const link = entryOf(said).ucan
    encodeEntry(entryOf(said))
    const isWhole = said.by === space && said.ucan === key && [said.index, said.at].every((each) => Number.isSafeInteger(each) && each >= 0)
    return isWhole ? { ...said, link } : undefined
  } catch {
    return undefined
  }
}

/** How many entries the log had at least, as a record beside it has it. */
const endOf = (record: SalvagedRecord, host: DID): number | undefined => {
  const { kind, space, key, value } = record
  const kept = keptIn(record)
  if (kept) return kept.index + 1
  if (kind === TOLD || kind === TAKEN_BEFORE) return endOfTold(kind, key, value)
  // They are made of whole stretches alone.
  return kind === SUMMARY && space === host ? (Number.parseInt(key, 16) + 1) * SUMMARY_ENTRIES : undefined
}
