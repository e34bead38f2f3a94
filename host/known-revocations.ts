import { setImmediate as turn } from 'node:timers/promises'
import { CLOCK_SKEW, type Failure, textOf, Undecided } from '@symbiosis/protocol'
import { type CompactRange, decodeEntry, TILE_WIDTH } from '@symbiosis/protocol/revocation'
import type { CID } from 'multiformats/cid'
import { provedBundle } from './log/proved.ts'
import { damaged, isDamage, type RevocationLog } from './log/revocation-log.ts'
import { isWhole, Summaries } from './log/summaries.ts'
import { SUMMARY_ENTRIES, Summary } from './log/summary.ts'
import { type Kept, tellingOf } from './log/told.ts'
import type { Pace } from './pace.ts'
import { DIGEST_BYTES, RevocationIndex } from './revocation-index.ts'
import type { Store, StoreReader } from './store/store.ts'

export interface KnownOptions {
  /** UCANs that were found in the index, and whose revocations are kept in memory when they have been read. */
  revocationsCached: number
  /** Entries up to which the whole log is held against its checkpoint before the host starts; of a longer one, in the background. */
  verifiedAtStart: number
}

export const KNOWN_OPTIONS: KnownOptions = { revocationsCached: 10_000, verifiedAtStart: 200_000 }

/** Revocations that come at once, up to which they are remembered. */
const FEW = 64
/** Entries that are forgotten between two turns of the event loop: less than a millisecond. */
const AT_ONCE = 1024
const NONE: readonly Kept[] = []

interface Parts {
  readonly store: Store
  readonly log: RevocationLog
  readonly options: KnownOptions
  /** Unix seconds: what had ended by itself then is left out. */
  readonly now: number
  progress(text: string, fields: object): void
}

/**
 * Which revocations there are, for ten million of them: an index in memory says where in the log those of a UCAN may stand, and the entries there say the rest. What was read
 * is remembered for a while. When they end, and whom they count against, stands in summaries: on disk for whole ones, in memory for the last.
 */
export class KnownRevocations {
  readonly #parts: Parts
  readonly #summaries: Summaries
  readonly #index: RevocationIndex
  /** What was read, and where that stands: it is good as long as the index finds the same places. The oldest goes first. */
  readonly #cache = new Map<string, { places: readonly number[]; revocations: readonly Kept[] }>()
  /** Summaries that are not on disk, and the numbers of those that are. */
  readonly #open = new Map<number, Summary>()
  readonly #whole = new Set<number>()
  /** When the next revocation of a summary ends. */
  readonly #ends = new Map<number, number>()
  readonly #counts = new Map<string, number>()
  #damage: Failure | undefined
  /** Numbers of summaries that were taken at their word at the start. */
  readonly #unverified = new Set<number>()

  private constructor(parts: Parts, expected: number) {
    this.#parts = parts
    this.#summaries = new Summaries(parts.store, parts.log)
    this.#index = new RevocationIndex(expected)
  }

  /**
   * Takes up what the log says. Where there are no summaries yet, of a store that was written before there were any, they are made.
   * @throws Failure Unavailable where anything of it is damaged: whoever can't prove what is revoked answers nobody
   */
  static async open(parts: Parts): Promise<KnownRevocations> {
    const { log, options, progress } = parts
    const range = await log.inOrder()
    const known = new KnownRevocations(parts, range.end)
    for (let number = 0; number * SUMMARY_ENTRIES < range.end; number++) {
      const kept = isWhole(number, range.end) ? await known.#summaries.read(number, range) : undefined
      if (kept && range.end > options.verifiedAtStart) known.#unverified.add(number)
      else if (kept) await known.#summaries.verify(number, kept, range)
      known.#takeUp(number, kept ?? (await known.#summaries.make(number, range)), !kept)
      if (!kept && isWhole(number, range.end)) {
        await known.#keep(number, known.#open.get(number) as Summary, range)
        progress('a part of the revocation log was summed up', { entries: (number + 1) * SUMMARY_ENTRIES, of: range.end })
      }
      await turn()
    }
    return known
  }

  get size(): number {
    return this.#index.size
  }

  /** Of the index. */
  get bytes(): number {
    return this.#index.bytes
  }

  /** Entries that were there at the start, and are still to be held against the checkpoint. */
  get unverified(): number {
    return this.#unverified.size * SUMMARY_ENTRIES
  }

  /** Why nothing can be said any more, if that is so. */
  get damage(): Failure | undefined {
    return this.#damage
  }

  /** How many count against a principal. */
  countOf(charged: string): number {
    return this.#counts.get(charged) ?? 0
  }

  /** Whether there may be any. False is certain. */
  mayHave(ucan: CID): boolean {
    return this.#index.find(ucan.multihash.digest).length > 0
  }

  /**
   * Who revoked a UCAN. O(1).
   * @throws Undecided where that has to be read, Failure Unavailable where the log is damaged
   */
  of(ucan: CID): readonly Kept[] {
    if (this.#damage) throw this.#damage
    const places = this.#index.find(ucan.multihash.digest)
    if (places.length === 0) return NONE
    const found = this.#cached(textOf(ucan), places)
    if (found) return found
    throw new Undecided({ name: 'Unavailable', message: 'What the log says of a UCAN has to be read.', retryAfter: 1 }, async () => {
      await this.read(ucan)
    })
  }

  /**
   * The same, read where it has to be.
   * @throws Failure Unavailable where the log is damaged
   */
  async read(ucan: CID, reader: StoreReader = this.#parts.store): Promise<readonly Kept[]> {
    const places = this.#index.find(ucan.multihash.digest)
    if (places.length === 0) return NONE
    const name = textOf(ucan)
    const found = this.#cached(name, places)
    if (found) return found
    const revocations = await this.#noting(() => this.#readAt(ucan, places, reader))
    this.#remember(name, places, revocations)
    return revocations
  }

  async #readAt(ucan: CID, places: readonly number[], reader: StoreReader): Promise<readonly Kept[]> {
    const { log } = this.#parts
    const name = textOf(ucan)
    const range = await log.range(reader)
    const revocations: Kept[] = []
    let bundle: readonly Uint8Array[] = []
    let held = -1
    // Whoever may be believed in little can have revoked it often: that is no reason to read a bundle for each.
    for (const place of [...places].sort((a, b) => a - b)) {
      const number = Math.floor(place / TILE_WIDTH)
      if (number !== held) bundle = await provedBundle(reader, log.host, number, range)
      held = number
      const entry = decodeEntry(bundle[place % TILE_WIDTH] as Uint8Array)
      // Another UCAN's fingerprint may be the same.
      if (entry.kind !== 'revocation' || textOf(entry.ucan) !== name) continue
      const { by, expiration } = entry
      // Its record may have been dropped while a clock was wrong: what the log says counts all the same.
      const { at, charged } = (await tellingOf(reader, log.host, place)) ?? { at: this.#parts.now }
      revocations.push({
        ucan: name,
        link: entry.ucan,
        by,
        expiration,
        cause: textOf(entry.cause),
        at,
        index: place,
        ...(charged && { charged }),
      })
    }
    return revocations
  }

  /** From here on, what was kept is known. Many at once are not remembered as if they had been read: hardly any is asked for soon. */
  add(fresh: readonly Kept[]): void {
    for (const kept of fresh) {
      if (fresh.length <= FEW) this.#addRead(kept)
      else this.#index.add(kept.link.multihash.digest, kept.index)
      this.#note(kept)
    }
  }

  #addRead(kept: Kept): void {
    const { digest } = kept.link.multihash
    const before = this.#index.find(digest)
    const found = before.length === 0 ? NONE : this.#cached(kept.ucan, before)
    this.#index.add(digest, kept.index)
    if (found) this.#remember(kept.ucan, this.#index.find(digest), [...found, kept])
  }

  #note({ link: ucan, index: place, expiration, charged }: Kept): void {
    const number = Math.floor(place / SUMMARY_ENTRIES)
    this.#openAt(number)?.set(place % SUMMARY_ENTRIES, { ucan, expiration }, charged)
    this.#ends.set(number, Math.min(this.#ends.get(number) ?? Number.POSITIVE_INFINITY, expiration ?? Number.POSITIVE_INFINITY))
    this.#count(charged, 1)
  }

  /** Forgets what ended by itself, a little at a time. */
  async expire(now: number): Promise<void> {
    const over = now - CLOCK_SKEW
    for (const [number, end] of this.#ends) {
      if (end >= over) continue
      const summary = this.#open.get(number) ?? (await this.#summaries.read(number, await this.#parts.log.range()))
      if (!summary) throw damaged(`the summary ${number} of its entries is gone`)
      // What comes meanwhile may end before all that is seen here.
      this.#ends.delete(number)
      let next = Number.POSITIVE_INFINITY
      for (let at = 0, forgotten = 0; at < summary.count; at++) {
        const ends = summary.endOf(at)
        if (ends >= over) next = Math.min(next, ends)
        else if (ends > 0 && this.#index.delete(summary.digests, summary.first + at, at * DIGEST_BYTES)) {
          this.#count(summary.chargedOf(at), -1)
          if (++forgotten % AT_ONCE === 0) await turn()
        }
      }
      this.#ends.set(number, Math.min(next, this.#ends.get(number) ?? next))
      await turn()
    }
  }

  /** Writes summaries of what has become whole, made of the entries on disk: what is in memory may not have all of them yet. */
  async keepUp(pace: Pace): Promise<void> {
    const range = await this.#parts.log.range()
    for (const number of [...this.#open.keys()].sort((a, b) => a - b)) {
      if (!isWhole(number, range.end)) continue
      await this.#keep(number, await this.#summaries.make(number, range, pace), range)
    }
  }

  /** Holds the entries against the checkpoint where that was not done at the start. From the first that doesn't fit on, nothing is answered. */
  async verify(pace: Pace): Promise<void> {
    const { log, progress } = this.#parts
    const range = await log.range()
    for (const number of this.#unverified) {
      await this.#noting(async () => {
        const kept = await this.#summaries.read(number, range)
        if (!kept) throw damaged(`the summary ${number} of its entries is gone`)
        await this.#summaries.verify(number, kept, range, pace)
      })
      this.#unverified.delete(number)
      progress('a part of the revocation log was verified', { left: this.unverified, of: range.end })
    }
  }

  /** Where the log turns out to be damaged, nothing is answered any more: nobody knows what else it doesn't say. */
  async #noting<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read()
    } catch (thrown) {
      if (isDamage(thrown)) this.#damage = thrown
      throw thrown
    }
  }

  /** Nothing where it is on disk already, and so has whatever can be added to it. */
  #openAt(number: number): Summary | undefined {
    if (this.#whole.has(number)) return undefined
    const known = this.#open.get(number) ?? new Summary(number * SUMMARY_ENTRIES)
    this.#open.set(number, known)
    return known
  }

  #takeUp(number: number, summary: Summary, isMade: boolean): void {
    const over = this.#parts.now - CLOCK_SKEW
    let next = Number.POSITIVE_INFINITY
    for (let at = 0; at < summary.count; at++) {
      const end = summary.endOf(at)
      if (end < over) continue
      next = Math.min(next, end)
      this.#index.add(summary.digests, summary.first + at, at * DIGEST_BYTES)
      this.#count(summary.chargedOf(at), 1)
    }
    this.#ends.set(number, next)
    if (isMade) this.#open.set(number, summary)
    else this.#whole.add(number)
  }

  async #keep(number: number, summary: Summary, range: CompactRange): Promise<void> {
    await this.#summaries.write(number, summary, range)
    this.#whole.add(number)
    this.#open.delete(number)
  }

  #cached(name: string, places: readonly number[]): readonly Kept[] | undefined {
    const found = this.#cache.get(name)
    return found && found.places.length === places.length && found.places.every((place, at) => place === places[at])
      ? found.revocations
      : undefined
  }

  #remember(name: string, places: readonly number[], revocations: readonly Kept[]): void {
    this.#cache.delete(name)
    this.#cache.set(name, { places, revocations })
    const [oldest] = this.#cache.keys()
    if (this.#cache.size > this.#parts.options.revocationsCached && oldest !== undefined) this.#cache.delete(oldest)
  }

  #count(charged: string | undefined, change: 1 | -1): void {
    if (charged === undefined) return
    const count = (this.#counts.get(charged) ?? 0) + change
    if (count > 0) this.#counts.set(charged, count)
    else this.#counts.delete(charged)
  }
}
