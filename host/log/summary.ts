import { decode, encode, sameBytes, sha256 } from '@symbiosis/protocol'
import type { RevocationEntry } from '@symbiosis/protocol/revocation'
import { DIGEST_BYTES } from '../revocation-index.ts'

/** Entries of one summary: those below a node of that level, whose hash stands in a tile. */
export const SUMMARY_LEVEL = 16
export const SUMMARY_ENTRIES = 2 ** SUMMARY_LEVEL

/** Seconds of an end that doesn't come, or not while 32 bits hold them. What stands there is forgotten too late, and never too early. */
const NEVER = 0xffff_ffff
const WORD = 4
const COLUMNS = DIGEST_BYTES + 2 * WORD

/**
 * What of a stretch of entries is asked for again and again: of each revocation the beginning of its UCAN's digest, when that ends, and whom it counts against.
 * A sixteenth of what a start would have to read and take apart otherwise.
 */
export class Summary {
  readonly first: number
  /** Eight bytes for each entry. */
  digests = new Uint8Array()
  /** Unix seconds, or 0 for an entry that is no revocation. */
  #ends = new Uint32Array()
  /** One more than the number of a principal, or 0 for nobody. */
  #charges = new Uint32Array()
  readonly #principals: string[] = []
  readonly #numbers = new Map<string, number>()
  #count = 0

  constructor(first: number) {
    this.first = first
  }

  /** How many entries it tells of; those behind are of other kinds, or not there. */
  get count(): number {
    return this.#count
  }

  /** When the UCAN of an entry ends: Unix seconds, infinity for never, and 0 where the entry is no revocation. Entries are counted from the first. */
  endOf(at: number): number {
    const end = this.#ends[at] as number
    return end === NEVER ? Number.POSITIVE_INFINITY : end
  }

  chargedOf(at: number): string | undefined {
    return this.#principals[(this.#charges[at] as number) - 1]
  }

  set(at: number, { ucan, expiration }: Pick<RevocationEntry, 'ucan' | 'expiration'>, charged: string | undefined): void {
    if (at >= this.#ends.length) this.#grow(at + 1)
    this.#count = Math.max(this.#count, at + 1)
    this.digests.set(ucan.multihash.digest.subarray(0, DIGEST_BYTES), at * DIGEST_BYTES)
    // An end at second 0 is long over, and so is one at second 1.
    this.#ends[at] = expiration === null ? NEVER : Math.min(NEVER, Math.max(1, expiration))
    this.#charges[at] = charged === undefined ? 0 : this.#numberOf(charged) + 1
  }

  /** Whether it says of each entry what another one says, but for whom it counts against. */
  agrees(other: Summary): boolean {
    const length = Math.max(this.#count, other.#count)
    for (const each of [this, other]) if (each.#ends.length < length) each.#grow(length)
    return (
      sameBytes(this.digests.subarray(0, length * DIGEST_BYTES), other.digests.subarray(0, length * DIGEST_BYTES)) &&
      this.#ends.subarray(0, length).every((end, at) => end === other.#ends[at])
    )
  }

  /** As a record, with the hash of the node that it is below, and a sum over everything. */
  encode(root: Uint8Array): { body: Uint8Array; sum: Uint8Array } {
    const columns = new DataView(new ArrayBuffer(this.#count * COLUMNS))
    new Uint8Array(columns.buffer).set(this.digests.subarray(0, this.#count * DIGEST_BYTES))
    for (let at = 0; at < this.#count; at++) {
      const words = this.#count * DIGEST_BYTES + 2 * WORD * at
      columns.setUint32(words, this.#ends[at] as number)
      columns.setUint32(words + WORD, this.#charges[at] as number)
    }
    const body = encode({ root, principals: this.#principals, columns: new Uint8Array(columns.buffer) })
    return { body, sum: sha256(body) }
  }

  /** What `encode` made, and the hash of its node; undefined where it isn't whole. */
  static decode(first: number, { body, sum }: { body: Uint8Array; sum: Uint8Array }): { summary: Summary; root: Uint8Array } | undefined {
    if (!sameBytes(sha256(body), sum)) return undefined
    const { root, principals, columns } = decode(body) as unknown as { root: Uint8Array; principals: string[]; columns: Uint8Array }
    const summary = new Summary(first)
    const count = columns.length / COLUMNS
    summary.#grow(count, count)
    summary.#count = count
    summary.digests.set(columns.subarray(0, count * DIGEST_BYTES))
    const words = new DataView(columns.buffer, columns.byteOffset + count * DIGEST_BYTES)
    for (let at = 0; at < count; at++) {
      summary.#ends[at] = words.getUint32(2 * WORD * at)
      summary.#charges[at] = words.getUint32(2 * WORD * at + WORD)
    }
    for (const principal of principals) summary.#numberOf(principal)
    return { summary, root }
  }

  #numberOf(principal: string): number {
    const known = this.#numbers.get(principal)
    if (known !== undefined) return known
    this.#numbers.set(principal, this.#principals.length)
    return this.#principals.push(principal) - 1
  }

  #grow(least: number, most = Math.min(SUMMARY_ENTRIES, Math.max(2 * least, 256))): void {
    const [digests, ends, charges] = [this.digests, this.#ends, this.#charges]
    this.digests = new Uint8Array(most * DIGEST_BYTES)
    this.#ends = new Uint32Array(most)
    this.#charges = new Uint32Array(most)
    this.digests.set(digests)
    this.#ends.set(ends)
    this.#charges.set(charges)
  }
}
