import { setImmediate as turn } from 'node:timers/promises'
import { archive, type DID, Failure, issueUcan, type Output, sameBytes } from '@symbiosis/protocol'
import {
  CompactRange,
  consistencyProof,
  encodeEntries,
  encodeEntry,
  type FilterEntry,
  formatCheckpoint,
  HASH_BYTES,
  inclusionProof,
  LOG_SIGN,
  type LogFrame,
  type Logged,
  type log,
  MAX_FOUND,
  type ManifestEntry,
  type NoteSigner,
  noteSigner,
  originOf,
  type RevocationEntry,
  rootAt,
  signNote,
  type Tile,
  tileWidth,
  verifyCheckpoint,
} from '@symbiosis/protocol/revocation'

import type { Identity } from '../identity.ts'
import type { Store, StoreReader, StoreTransaction } from '../store/store.ts'
import { keepCosignature, withCosignatures } from './cosignatures.ts'
import { appendEntries, type Head, hashReader, readBundle, readEntries, readHead, readTile, writeHead } from './records.ts'
import { expiryOf, isToldBeyond } from './told.ts'

/** What becomes an entry of the log: a revocation with the message that revoked, a manifest, or a filter. */
export type Addition = { readonly entry: RevocationEntry; readonly evidence: Uint8Array } | { readonly entry: ManifestEntry | FilterEntry }

export const EVIDENCE = 'log/evidence'
/** Entries that one frame has at the most, and bytes after which it ends: whoever follows a log has to hold a frame in memory. */
export const FRAME_ENTRIES = 1000
export const FRAME_BYTES = 1024 * 1024

type Found = Output<(typeof log)['abilities']['find']>

/**
 * The host's own log: what it knew to be revoked, in an order that it can't change any more. It is appended to in the transaction of what is acknowledged,
 * so that no acknowledgement stands without its entry, nor an entry without its checkpoint.
 */
export class RevocationLog {
  readonly #host: DID
  readonly #store: Store
  readonly #signer: NoteSigner
  readonly #key: Uint8Array
  #grown = Promise.withResolvers<void>()

  private constructor(host: DID, store: Store, signer: NoteSigner, key: Uint8Array) {
    this.#host = host
    this.#store = store
    this.#signer = signer
    this.#key = key
  }

  static async open({ signer, logSigner }: Identity, store: Store): Promise<RevocationLog> {
    // Without end, since what a log has signed has to convince for ever; and without a nonce: it is always the same.
    const capabilities = [{ can: LOG_SIGN, with: signer.did }]
    const delegation = await issueUcan(signer, { audience: logSigner.did, capabilities, expiration: null })
    return new RevocationLog(signer.did, store, noteSigner(originOf(signer.did), logSigner), archive({ ucan: delegation, proofs: [] }))
  }

  /** Whose log it is. */
  get host(): DID {
    return this.#host
  }

  /** The host's delegation of `log/sign` to the key of the log, archived. */
  get key(): Uint8Array {
    return this.#key
  }

  /**
   * Appends, and signs what the log is then. Gives the index of the first of the entries.
   * @throws Failure Unavailable where the log as it is kept is damaged
   */
  async append(tx: StoreTransaction, additions: readonly Addition[]): Promise<number> {
    const { range } = await this.#head(tx)
    const first = range.end
    await appendEntries(
      tx,
      this.#host,
      range,
      additions.map(({ entry }) => encodeEntry(entry)),
    )
    await writeHead(tx, this.#host, { range, checkpoint: await this.#sign(range) })
    for (const [at, addition] of additions.entries()) {
      if (!('evidence' in addition)) continue
      await tx.put(EVIDENCE, this.#host, evidenceKey(first + at), addition.evidence, expiryOf(addition.entry.expiration))
    }
    return first
  }

  /** Lets those go on who watch: call it when what was appended is on disk. */
  tell(): void {
    this.#grown.resolve()
    this.#grown = Promise.withResolvers()
  }

  /** The note with what witnesses cosigned of it. */
  async checkpoint(): Promise<string> {
    return (await this.witnessed()).checkpoint
  }

  /** The same, and who the witnesses are. */
  async witnessed(): Promise<Awaited<ReturnType<typeof withCosignatures>>> {
    return withCosignatures(this.#store, this.#host, (await this.#head(this.#store)).checkpoint)
  }

  /** @throws Failure BadSignature, Malformed where it is not this log's, or not cosigned by the witness */
  keep(witness: DID, cosigned: string, key: Uint8Array): Promise<void> {
    return keepCosignature(this.#store, this.#host, this.#signer.key, witness, cosigned, key)
  }

  async size(): Promise<number> {
    return (await this.#head(this.#store)).range.end
  }

  /** Entries of the log, and a checkpoint that has them. */
  async frame(from: number, limit = FRAME_ENTRIES): Promise<LogFrame> {
    const { range, checkpoint } = await this.#head(this.#store)
    if (from > range.end) throw beyond('from', from, range.end)
    const to = Math.min(range.end, from + Math.min(limit, FRAME_ENTRIES))
    const evidence = new Map<string, Uint8Array>()
    for (const { key, value } of await this.#store.list(EVIDENCE, this.#host, {
      ...(from > 0 && { after: evidenceKey(from - 1) }),
      limit: to - from,
    })) {
      evidence.set(key, value as Uint8Array)
    }
    const entries: LogFrame['entries'] = []
    let size = 0
    for await (const leaf of readEntries(this.#store, this.#host, from, to)) {
      const known = evidence.get(evidenceKey(from + entries.length))
      size += leaf.length + (known?.length ?? 0)
      if (entries.length > 0 && size > FRAME_BYTES) break
      entries.push({ leaf, ...(known && { evidence: known }) })
    }
    return { from, entries, checkpoint }
  }

  /** Frames from an index on: what there is at once, and what comes as it comes. */
  async *watch(from: number, signal: AbortSignal): AsyncGenerator<LogFrame> {
    const left = Promise.withResolvers<void>()
    signal.addEventListener('abort', () => left.resolve(), { once: true })
    for (let next = from; !signal.aborted; ) {
      // Taken before reading: what comes meanwhile is told then.
      const grown = this.#grown.promise
      const frame = await this.frame(next)
      if (frame.entries.length === 0) {
        await Promise.race([grown, left.promise])
        continue
      }
      yield frame
      next += frame.entries.length
    }
  }

  /** That the entry at an index stands in the log of a size, now unless told. */
  async inclusion(index: number, size?: number): Promise<{ size: number; proof: Uint8Array[] }> {
    const whole = await this.#sizeOf(size)
    if (index >= whole) throw beyond('index', index, whole - 1)
    return { size: whole, proof: await inclusionProof(index, whole, hashReader(this.#store, this.#host, whole)) }
  }

  /** That the log of a size, now unless told, begins with the one of `from` entries. */
  async consistency(from: number, size?: number): Promise<{ size: number; proof: Uint8Array[] }> {
    const whole = await this.#sizeOf(size)
    if (from > whole) throw beyond('from', from, whole)
    return { size: whole, proof: await consistencyProof(from, whole, hashReader(this.#store, this.#host, whole)) }
  }

  /**
   * Holds what the log is at its end against the checkpoint, the tiles against the root, and what stands beside entries against their number. The entries themselves
   * are held against what this resolves with: see `Summaries`.
   * @throws Failure Unavailable where it is damaged
   */
  async inOrder(): Promise<CompactRange> {
    const { range, checkpoint } = await this.#head(this.#store)
    const { size, root } = verifyCheckpoint(checkpoint, { origin: originOf(this.#host), keys: [this.#signer.key] })
    if (range.end !== size || !sameBytes(range.root(), root)) throw damaged('it is not at its end what its checkpoint says')
    // What proofs are made of stands in tiles, which are kept beside the entries.
    if (size > 0 && !sameBytes(await rootAt(size, hashReader(this.#store, this.#host, size)), root))
      throw damaged('its tiles are not over its entries')
    const beyond = await this.#store.list(EVIDENCE, this.#host, { ...(size > 0 && { after: evidenceKey(size - 1) }), limit: 1 })
    if (beyond.length > 0) throw damaged('it ends before what was acknowledged')
    if (await isToldBeyond(this.#store, this.#host, size)) throw damaged('it ends before what was told')
    return range
  }

  /** What the log is at its end. */
  async range(reader: StoreReader = this.#store): Promise<CompactRange> {
    return (await this.#head(reader)).range
  }

  /** The bytes of a tile, as wide as it is asked for; undefined where the log has no such tile yet. */
  async tile({ level, index, width }: Tile): Promise<Uint8Array | undefined> {
    const { range } = await this.#head(this.#store)
    if (tileWidth(level, index, range.end) < width) return undefined
    if (level === 'entries') return encodeEntries((await readBundle(this.#store, this.#host, index, range.end)).slice(0, width))
    return (await readTile(this.#store, this.#host, level, index, range.end)).subarray(0, width * HASH_BYTES)
  }

  /** What an entry is proved by, as of now. */
  async logged(index: number): Promise<Logged> {
    const { range, checkpoint } = await this.#head(this.#store)
    const proof = await inclusionProof(index, range.end, hashReader(this.#store, this.#host, range.end))
    const { checkpoint: cosigned } = await withCosignatures(this.#store, this.#host, checkpoint)
    for await (const entry of readEntries(this.#store, this.#host, index, index + 1)) {
      return { index, entry, proof, checkpoint: cosigned, key: this.#key }
    }
    throw damaged(`it has no entry ${index}`)
  }

  /** What those entries are proved by that `find` gives the indices of, as of now: under one checkpoint, which also speaks for there being no others. */
  async found(find: () => Promise<readonly number[]>): Promise<Found> {
    const { range, checkpoint } = await this.#head(this.#store)
    // What is on disk is found a turn later. Who looks before would sign that it isn't there.
    await turn()
    const indices = (await find()).filter((index) => index < range.end)
    const hashAt = hashReader(this.#store, this.#host, range.end)
    const entries: Found['entries'] = []
    for (const index of indices.slice(0, MAX_FOUND)) {
      for await (const entry of readEntries(this.#store, this.#host, index, index + 1))
        entries.push({ index, entry, proof: await inclusionProof(index, range.end, hashAt) })
    }
    return { entries, checkpoint, key: this.#key }
  }

  async #sizeOf(size: number | undefined): Promise<number> {
    const whole = await this.size()
    if (size !== undefined && size > whole) throw beyond('size', size, whole)
    return size ?? whole
  }

  async #head(reader: StoreReader): Promise<Head> {
    const head = await readHead(reader, this.#host)
    if (head) return head
    const range = new CompactRange()
    return { range, checkpoint: await this.#sign(range) }
  }

  #sign(range: CompactRange): Promise<string> {
    return signNote({ text: formatCheckpoint({ origin: originOf(this.#host), size: range.end, root: range.root() }) }, this.#signer)
  }
}

export const evidenceKey = (index: number): string => index.toString(16).padStart(12, '0')

const beyond = (field: string, asked: number, most: number): Failure =>
  new Failure('NotFound', `The log has no ${field} ${asked}.`, { field, asked, limit: most })

export const damaged = (how: string): Failure =>
  new Failure('Unavailable', `The revocation log of this host is damaged: ${how}.`, {
    field: 'log',
    hint: 'Have it back from a host that follows this one: symbiosis host recover --from URL. An older backup would contradict what was signed since.',
  })

export const isDamage = (thrown: unknown): thrown is Failure =>
  thrown instanceof Failure && thrown.name === 'Unavailable' && thrown.details.field === 'log'

/** Runs what reads the log: what doesn't even decode is damaged, too. */
export const orDamaged = async <T>(read: () => Promise<T>): Promise<T> => {
  try {
    return await read()
  } catch (thrown) {
    throw thrown instanceof Failure && thrown.name !== 'Unavailable' ? damaged(thrown.message) : thrown
  }
}
