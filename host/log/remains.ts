import { type DID, Failure, type Value } from '@symbiosis/protocol'
import {
  decodeEntries,
  encodeEntry,
  originOf,
  type SignedCheckpoint,
  TILE_WIDTH,
  type VerifierKey,
  verifyCheckpoint,
} from '@symbiosis/protocol/revocation'
import { endOf, entryOf, type Kept, KIND, TAKEN } from '../revocations.ts'
import type { Salvage } from '../store/salvage.ts'
import { BUNDLE, HEAD, keyOf } from './records.ts'

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
    for (const { kind, value } of salvage.records()) {
      if (kind === KIND && isKept(value)) {
        this.revocations.set(value.index, value)
        least = Math.max(least, value.index + 1)
      }
      if (kind === TAKEN && Number.isSafeInteger(endOf(value))) least = Math.max(least, endOf(value))
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

/** What is bent may be of another shape, and then it says nothing. */
const isKept = (value: Value): value is Value & Kept => {
  try {
    const kept = value as unknown as Kept
    encodeEntry(entryOf(kept))
    return Number.isSafeInteger(kept.index) && kept.index >= 0
  } catch {
    return false
  }
}
