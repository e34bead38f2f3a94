import { setImmediate as turn } from 'node:timers/promises'
import { sameBytes } from '@symbiosis/protocol'
import { type CompactRange, decodeEntry, type HashReader, type RevocationEntry, TILE_WIDTH } from '@symbiosis/protocol/revocation'
import type { Pace } from '../pace.ts'
import type { Store } from '../store/store.ts'
import { provedBundle, provedNode } from './proved.ts'
import { hashReader } from './records.ts'
import { damaged, orDamaged, type RevocationLog } from './revocation-log.ts'
import { SUMMARY_ENTRIES, SUMMARY_LEVEL, Summary } from './summary.ts'
import { tellings } from './told.ts'

export const SUMMARY = 'log/summary'

/** Whether all entries that a summary with a number could tell of are in a log of some size. */
export const isWhole = (number: number, size: number): boolean => (number + 1) * SUMMARY_ENTRIES <= size

/**
 * Summaries of the log's entries. They say nothing that the entries don't, and can be made of them at any time; who starts with them has to read a sixteenth. Each is
 * bound to its entries by the hash of the node over them.
 */
export class Summaries {
  readonly #store: Store
  readonly #log: RevocationLog

  constructor(store: Store, log: RevocationLog) {
    this.#store = store
    this.#log = log
  }

  /**
   * The one that was kept; undefined where none was.
   * @throws Failure Unavailable where it isn't whole, or of other entries
   */
  async read(number: number, range: CompactRange): Promise<Summary | undefined> {
    const record = (await this.#store.get(SUMMARY, this.#log.host, keyOf(number))) as { body: Uint8Array; sum: Uint8Array } | undefined
    if (!record) return undefined
    // Some milliseconds each, and calls come between.
    await turn()
    const read = Summary.decode(number * SUMMARY_ENTRIES, record)
    if (!read) throw damaged(`the summary ${number} of its entries is not whole`)
    await turn()
    const root = await orDamaged(() => provedNode(SUMMARY_LEVEL, number, this.#nodes(range)))
    if (!sameBytes(root, read.root)) throw damaged(`the summary ${number} is of other entries`)
    return read.summary
  }

  async write(number: number, summary: Summary, range: CompactRange): Promise<void> {
    const { host } = this.#log
    const root = await this.#nodes(range)(SUMMARY_LEVEL, number)
    await this.#store.write((tx) => tx.put(SUMMARY, host, keyOf(number), summary.encode(root)))
  }

  /**
   * Makes one of the entries themselves, up to the log's end, and of what stands beside them.
   * @throws Failure Unavailable where they are not the log's
   */
  async make(number: number, range: CompactRange, pace?: Pace): Promise<Summary> {
    const first = number * SUMMARY_ENTRIES
    const summary = new Summary(first)
    const telling = tellings(this.#store, this.#log.host, first)
    for await (const { place, entry } of this.#entries(number, range, pace)) {
      summary.set(place - first, entry, (await telling(place))?.charged)
    }
    return summary
  }

  /**
   * Holds a summary against the entries, and these against the log.
   * @throws Failure Unavailable where they differ
   */
  async verify(number: number, summary: Summary, range: CompactRange, pace?: Pace): Promise<void> {
    const first = number * SUMMARY_ENTRIES
    const made = new Summary(first)
    for await (const { place, entry } of this.#entries(number, range, pace)) made.set(place - first, entry, undefined)
    if (!made.agrees(summary)) throw damaged(`the summary ${number} says other things than the entries from ${first} on`)
  }

  /** The revocations among the entries, each being what the log has at its place. */
  async *#entries(number: number, range: CompactRange, pace?: Pace): AsyncGenerator<{ place: number; entry: RevocationEntry }> {
    const nodes = this.#nodes(range)
    if (isWhole(number, range.end)) await orDamaged(() => provedNode(SUMMARY_LEVEL, number, nodes))
    const end = Math.min(range.end, (number + 1) * SUMMARY_ENTRIES)
    for (let first = number * SUMMARY_ENTRIES; first < end; first += TILE_WIDTH) {
      const bundle = await provedBundle(this.#store, this.#log.host, first / TILE_WIDTH, range, nodes)
      for (const [at, bytes] of bundle.entries()) {
        const entry = decodeEntry(bytes)
        if (entry.kind === 'revocation') yield { place: first + at, entry }
      }
      if (pace?.isOver) await pace.rest()
    }
  }

  /** Each tile is read once. */
  #nodes(range: CompactRange): HashReader {
    return hashReader(this.#store, this.#log.host, range.end)
  }
}

/** In the order of the numbers. */
const keyOf = (number: number): string => number.toString(16).padStart(8, '0')
