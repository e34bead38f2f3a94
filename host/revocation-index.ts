import { getRandomValues } from 'node:crypto'
import { Failure } from '@symbiosis/protocol'
import { close, FINGERPRINT_BYTES, highAt, homeOf, isEmpty, lowAt, packed, put, slotOf, slotsOf } from './fingerprint-table.ts'

/** Which of 1024 tables, the first bits of an entry's hash say. Each grows by itself: nothing ever doubles at once, and no pause is longer than one table's. */
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
/** Fingerprints of a block that `dump` makes, unless it is told otherwise: 512 KiB. */
const BLOCK = 65_536

/**
 * Which UCANs are revoked, for the question that every call asks of every link: in memory, for ten million entries, where a `Set` of texts takes a
 * hundred bytes for each. It holds fingerprints. So a hit says *maybe*, and has to be confirmed by the entry itself; a miss is certain. Entries with equal fingerprints are
 * counted: when one is deleted, the other is still there.
 *
 * Open addressing, linear probing. Where an entry belongs is chosen by simple tabulation over secret words, new in every process: with it probes are few for any
 * set of keys (Pătraşcu and Thorup, The Power of Simple Tabulation Hashing, 2011), also for digests that somebody mined to have their first bytes in
 * common. What is loaded and dumped knows nothing of the secret.
 */
export class RevocationIndex {
  /** A random word for each value of each byte of a fingerprint. */
  readonly #secret = getRandomValues(new Uint32Array(FINGERPRINT_BYTES * 256))
  /** Slots of two words each, the first bytes of the digest in the first; 0, 0 is an empty slot. */
  readonly #tables: Uint32Array[] = Array.from({ length: 2 ** TABLE_BITS }, () => new Uint32Array(0))
  readonly #counts: number[] = this.#tables.map(() => 0)
  #size = 0
  #bytes = this.#secret.byteLength

  /** @param expected how many entries are about to be loaded, if that is known: tables of their size needn't grow */
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

  /** Adds an entry by the digest of its UCAN's CID. What is added twice is there until it is deleted twice, and stands in two slots: see to it that nobody adds one for ever. */
  add(digest: Uint8Array): void {
    const high = highAt(digest, 0)
    this.#add(high, lowAt(digest, 0, high))
  }

  /** Whether there may be such an entry. False is certain. */
  has(digest: Uint8Array): boolean {
    const high = highAt(digest, 0)
    const low = lowAt(digest, 0, high)
    const hash = this.#hash(high, low)
    const table = this.#tables[hash >>> (32 - TABLE_BITS)] as Uint32Array
    return slotOf(table, homeOf(hash, table), high, low) >= 0
  }

  /** Deletes one entry; false where there is none. */
  delete(digest: Uint8Array): boolean {
    const high = highAt(digest, 0)
    const low = lowAt(digest, 0, high)
    const hash = this.#hash(high, low)
    const at = hash >>> (32 - TABLE_BITS)
    const table = this.#tables[at] as Uint32Array
    const slot = slotOf(table, homeOf(hash, table), high, low)
    if (slot < 0) return false
    close(table, slot, (next) => this.#hash(table[next] as number, table[next + 1] as number))
    this.#size--
    const count = (this.#counts[at] as number) - 1
    this.#counts[at] = count
    if (count < slotsOf(table) * SPARSE) this.#resize(at)
    return true
  }

  /**
   * Adds every entry of a block of fingerprints, 8 bytes each.
   * @throws Failure Malformed for a block that ends within one
   */
  load(block: Uint8Array): void {
    if (block.length % FINGERPRINT_BYTES !== 0) {
      throw new Failure('Malformed', `A block of fingerprints has not ${FINGERPRINT_BYTES} bytes for each.`, { field: 'block' })
    }
    for (let at = 0; at < block.length; at += FINGERPRINT_BYTES) {
      const high = highAt(block, at)
      this.#add(high, lowAt(block, at, high))
    }
  }

  /**
   * All fingerprints in no particular order, as `load` reads them, in blocks of whole tables: of up to `perBlock`, or of one table. What is there from
   * first to last is in it once, whatever is added or deleted between two blocks; of what is, some may be.
   */
  *dump(perBlock = BLOCK): Generator<Uint8Array<ArrayBuffer>> {
    for (let from = 0, to = 0; from < this.#tables.length; from = to) {
      let count = 0
      do {
        count += this.#counts[to] as number
        to++
      } while (to < this.#tables.length && count + (this.#counts[to] as number) <= perBlock)
      if (count > 0) yield packed(this.#tables.slice(from, to), count)
    }
  }

  #add(high: number, low: number): void {
    const hash = this.#hash(high, low)
    const at = hash >>> (32 - TABLE_BITS)
    const count = (this.#counts[at] as number) + 1
    this.#counts[at] = count
    if (count > slotsOf(this.#tables[at] as Uint32Array) * FULL) this.#resize(at)
    const table = this.#tables[at] as Uint32Array
    put(table, homeOf(hash, table), high, low)
    this.#size++
  }

  #hash(high: number, low: number): number {
    const secret = this.#secret
    return (
      ((secret[high >>> 24] as number) ^
        (secret[0x100 | ((high >>> 16) & 0xff)] as number) ^
        (secret[0x200 | ((high >>> 8) & 0xff)] as number) ^
        (secret[0x300 | (high & 0xff)] as number) ^
        (secret[0x400 | (low >>> 24)] as number) ^
        (secret[0x500 | ((low >>> 16) & 0xff)] as number) ^
        (secret[0x600 | ((low >>> 8) & 0xff)] as number) ^
        (secret[0x700 | (low & 0xff)] as number)) >>>
      0
    )
  }

  /** Makes a table anew for the entries that it has, or is about to have. */
  #resize(at: number, count = this.#counts[at] as number): void {
    const old = this.#tables[at] as Uint32Array
    const table = new Uint32Array(2 * Math.max(MIN_SLOTS, Math.ceil(count / FIT)))
    if (table.length === old.length) return
    for (let word = 0; word < old.length; word += 2) {
      if (isEmpty(old, word)) continue
      const [high, low] = [old[word] as number, old[word + 1] as number]
      put(table, homeOf(this.#hash(high, low), table), high, low)
    }
    this.#tables[at] = table
    this.#bytes += table.byteLength - old.byteLength
  }
}
