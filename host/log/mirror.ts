import { type DID, Failure, sameBytes } from '@symbiosis/protocol'
import {
  CompactRange,
  consistencyProof,
  type LogFrame,
  leafHash,
  logKeyOf,
  originOf,
  rootAt,
  type SignedCheckpoint,
  verifyCheckpoint,
  verifyConsistency,
} from '@symbiosis/protocol/revocation'
import type { Store, StoreReader, StoreTransaction } from '../store/store.ts'
import { keepEvidence, MIRRORED } from './mirrored.ts'
import { appendEntries, dropLog, dropRecords, hashReader, KEY, readHead, readKey, writeHead, writeKey } from './records.ts'

/** A checkpoint of the followed log, as its host gave it. */
export interface Signed extends SignedCheckpoint {
  readonly note: string
  /** The host's delegation to the key that signed it, archived. */
  readonly key: Uint8Array
}

/**
 * Another host's log as far as it was followed. Its entries are always the first of those that its checkpoint is over: they are held against it
 * before anything is written, so that there is no state in which nobody knows whether they are.
 */
export class Mirror {
  readonly did: DID
  readonly #store: Store
  #range: CompactRange
  #checkpoint: Signed | undefined

  private constructor(did: DID, store: Store, range: CompactRange) {
    this.did = did
    this.#store = store
    this.#range = range
  }

  static async open(did: DID, store: Store): Promise<Mirror> {
    const head = await readHead(store, did)
    const mirror = new Mirror(did, store, head?.range ?? new CompactRange())
    const key = await readKey(store, did)
    if (head && key) mirror.#checkpoint = mirror.verify(head.checkpoint, key)
    return mirror
  }

  /** Entries that are here. */
  get size(): number {
    return this.#range.end
  }

  /** The last one that was taken up. It may have more entries than are here. */
  get checkpoint(): Signed | undefined {
    return this.#checkpoint
  }

  /**
   * A log has one key for ever: under a second one, a host could sign another past that no proof against the first would name.
   * @throws Failure BadSignature, Malformed, TooLarge where it is no checkpoint of this log
   */
  verify(note: string, key: Uint8Array): Signed {
    const trusted = logKeyOf(this.did, key)
    const known = this.#checkpoint && logKeyOf(this.did, this.#checkpoint.key)
    if (known && !sameBytes(known.publicKey, trusted.publicKey))
      throw new Failure('BadSignature', `The log of ${this.did} is signed by another key than before.`, { field: 'key' })
    return { ...verifyCheckpoint(note, { origin: originOf(this.did), keys: [trusted] }), note, key }
  }

  /**
   * Holds the next entries against a checkpoint. Where that has more of them, `prove` has to show that it begins with these. Resolves with what writes them, in one
   * transaction with something else.
   * @throws Failure BadSignature, field `root`, where they aren't the checkpoint's
   */
  async hold(
    entries: LogFrame['entries'],
    checkpoint: Signed,
    prove: (size: number) => Promise<readonly Uint8Array[]>,
  ): Promise<<T>(also: (tx: StoreTransaction) => Promise<T>) => Promise<T>> {
    const leaves = entries.map(({ leaf }) => leaf)
    const grown = this.#copy()
    for (const leaf of leaves) grown.append(leafHash(leaf))
    if (!(await this.#begins(checkpoint, grown, prove))) throw unlike(this.did, grown.end, checkpoint.size)
    return async (also) => {
      const done = await this.#store.write(async (tx) => {
        const head = await readHead(tx, this.did)
        if ((head?.range.end ?? 0) !== this.size) throw overtaken(this.did)
        const range = this.#copy()
        await keepEvidence(tx, this.did, range.end, entries)
        await appendEntries(tx, this.did, range, leaves)
        await writeHead(tx, this.did, { range, checkpoint: checkpoint.note })
        await writeKey(tx, this.did, checkpoint.key)
        return also(tx)
      })
      this.#range = grown
      this.#checkpoint = checkpoint
      return done
    }
  }

  async #begins({ size, root }: Signed, grown: CompactRange, prove: (size: number) => Promise<readonly Uint8Array[]>): Promise<boolean> {
    if (grown.end > size) return false
    if (grown.end === size) return sameBytes(grown.root(), root)
    return verifyConsistency({ from: grown.end, to: size, proof: await prove(grown.end), fromRoot: grown.root(), toRoot: root })
  }

  /** The root of the first `size` entries, from those that are here. */
  root(size: number): Promise<Uint8Array> {
    return rootAt(size, hashReader(this.#store, this.did, this.size))
  }

  /** That all that is here begins with its first `size` entries. */
  proof(size: number): Promise<Uint8Array[]> {
    return consistencyProof(size, this.size, hashReader(this.#store, this.did, this.size))
  }

  #copy(): CompactRange {
    return CompactRange.decode(this.#range.encode())
  }
}

/** Forgets a log with what was known of its key, and what came with its entries. */
export const dropMirror = async (store: Store, did: DID): Promise<void> => {
  await dropLog(store, did)
  await dropRecords(store, MIRRORED, did)
  await store.write((tx) => tx.delete(KEY, did, ''))
}

/** What is known of the hosts at addresses: who answered there first. */
const PINNED = 'log/pinned'

export const pinned = async (reader: StoreReader, url: string): Promise<DID | undefined> =>
  (await reader.get(PINNED, '', url)) as DID | undefined

export const pin = (store: Store, url: string, did: DID): Promise<void> => store.write((tx) => tx.put(PINNED, '', url, did))

/** Two ways to one host lead to one mirror on disk: what the other one wrote meanwhile must not be written again behind it. */
const overtaken = (did: DID): Failure =>
  new Failure('Unavailable', `The log of ${did} was taken up another way meanwhile.`, { field: 'mirror', retryAfter: 1 })

const unlike = (did: DID, size: number, of: number): Failure =>
  new Failure('BadSignature', `What ${did} gave as the first ${size} entries of its log does not belong to its checkpoint of ${of}.`, {
    field: 'root',
  })
