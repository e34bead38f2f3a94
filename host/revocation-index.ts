import { getRandomValues } from 'node:crypto'
import { Failure } from '@symbiosis/protocol'
import { MAX_PLACES, placesOf, put, remade, slotsOf, take } from './fingerprint-table.ts'

/** What of a digest decides: its first eight bytes. Whoever keeps digests for the index needs no more of them. */
export const DIGEST_BYTES = 8

/** Which of 1024 tables, ten bits of an entry's hash say. Each grows by itself: nothing ever doubles at once, and no pause is longer than one table's. */
const TABLE_BITS = 10
/**
 * How full a table may be, and how full it is made anew when it is fuller or emptier. So an entry takes 8 / SPARSE = 16 bytes at most when many were
 * deleted, and 8 / FIT = 11.4 while there come more. Above FULL, a miss would look at 22 slots and more.
 */
const FULL = 0.85
const FIT = 0.7
const SPARSE = 0.5
/** No table is smaller once there is one. */
const MIN_SLOTS = 16

/**
 * Where in the log the revocations of a UCAN stand, for the question that every call asks of every link: in memory, for ten million entries, where a `Map` of texts takes
 * hundreds of bytes for each. It holds fingerprints of 42 bits, ten of which say in which table: one in 420,000 strangers finds an entry that is another's among ten
 * million. So what is found has to be confirmed by the entry itself; that nothing is found is certain.
 *
 * Fingerprints are made by simple tabulation over secret words, new in every process: with it probes are few for any set of keys (Pătraşcu and Thorup, The Power of Simple
 * Tabulation Hashing, 2011). Digests alone would do for honest keys, but whoever mines some thousand of them to begin alike would fill one table, and slow down whoever
 * is looked for in it. With eight bytes of digest, two UCANs of one fingerprint cost 2^32 hashes, and then they cost a reader one more entry.
 */
export class RevocationIndex {
  /** A random word for each value of each byte: what fingerprints are made of, and in which table they stand. */
  readonly #words = getRandomValues(new Uint32Array(DIGEST_BYTES * 256))
  readonly #spread = getRandomValues(new Uint16Array(DIGEST_BYTES * 256))
  readonly #tables: Uint32Array[] = Array.from({ length: 2 ** TABLE_BITS }, () => new Uint32Array(0))
  readonly #counts: number[] = this.#tables.map(() => 0)
  #size = 0
  #bytes = this.#words.byteLength + this.#spread.byteLength

  /** @param expected how many entries are about to be added, if that is known: tables of their size needn't grow */
  constructor(expected = 0) {
    if (expected > 0) for (let at = 0; at < this.#tables.length; at++) this.#resize(at, expected / this.#tables.length)
  }

  /** How many entries there are. */
  get size(): number {
    return this.#size
  }

  /** Of all typed arrays. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Adds the entry at a place of the log, by the digest of its UCAN's CID, which begins at an offset.
   * @throws Failure TooLarge for a place that a slot can't hold
   */
  add(digest: Uint8Array, place: number, offset = 0): void {
    if (!(place < MAX_PLACES))
      throw new Failure('TooLarge', `The index holds places below ${MAX_PLACES}.`, { field: 'place', limit: MAX_PLACES })
    const at = this.#tableOf(digest, offset)
    const count = (this.#counts[at] as number) + 1
    this.#counts[at] = count
    if (count > slotsOf(this.#tables[at] as Uint32Array) * FULL) this.#resize(at)
    put(this.#tables[at] as Uint32Array, this.#fingerprintOf(digest, offset), place)
    this.#size++
  }

  /** Where the revocations of a UCAN may stand. That there are none is certain. */
  find(digest: Uint8Array): readonly number[] {
    return placesOf(this.#tables[this.#tableOf(digest, 0)] as Uint32Array, this.#fingerprintOf(digest, 0))
  }

  /** Deletes the entry at a place; false where there is none. */
  delete(digest: Uint8Array, place: number, offset = 0): boolean {
    const at = this.#tableOf(digest, offset)
    const table = this.#tables[at] as Uint32Array
    if (!take(table, this.#fingerprintOf(digest, offset), place)) return false
    this.#size--
    const count = (this.#counts[at] as number) - 1
    this.#counts[at] = count
    if (count < slotsOf(table) * SPARSE) this.#resize(at)
    return true
  }

  // Both are written out: as a loop they take twice the time.

  #tableOf(digest: Uint8Array, at: number): number {
    const spread = this.#spread
    return (
      ((spread[digest[at] as number] as number) ^
        (spread[0x100 | (digest[at + 1] as number)] as number) ^
        (spread[0x200 | (digest[at + 2] as number)] as number) ^
        (spread[0x300 | (digest[at + 3] as number)] as number) ^
        (spread[0x400 | (digest[at + 4] as number)] as number) ^
        (spread[0x500 | (digest[at + 5] as number)] as number) ^
        (spread[0x600 | (digest[at + 6] as number)] as number) ^
        (spread[0x700 | (digest[at + 7] as number)] as number)) >>>
      (16 - TABLE_BITS)
    )
  }

  #fingerprintOf(digest: Uint8Array, at: number): number {
    const words = this.#words
    return (
      ((words[digest[at] as number] as number) ^
        (words[0x100 | (digest[at + 1] as number)] as number) ^
        (words[0x200 | (digest[at + 2] as number)] as number) ^
        (words[0x300 | (digest[at + 3] as number)] as number) ^
        (words[0x400 | (digest[at + 4] as number)] as number) ^
        (words[0x500 | (digest[at + 5] as number)] as number) ^
        (words[0x600 | (digest[at + 6] as number)] as number) ^
        (words[0x700 | (digest[at + 7] as number)] as number)) >>>
      0
    )
  }

  /** Makes a table anew for the entries that it has, or is about to have. */
  #resize(at: number, count = this.#counts[at] as number): void {
    const old = this.#tables[at] as Uint32Array
    const slots = Math.max(MIN_SLOTS, Math.ceil(count / FIT))
    if (slots === slotsOf(old)) return
    const table = remade(old, slots)
    this.#tables[at] = table
    this.#bytes += table.byteLength - old.byteLength
  }
}
