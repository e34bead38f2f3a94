import { type DID, sameBytes } from '@symbiosis/protocol'
import {
  CompactRange,
  consistencyProof,
  decodeEntry,
  type Fork,
  formatCheckpoint,
  type LogFrame,
  leafHash,
  type NoteSigner,
  originOf,
  rootAt,
  signNote,
} from '@symbiosis/protocol/revocation'
import type { Store, StoreTransaction } from '../store/store.ts'
import { proven } from './forks.ts'
import { revocationIn } from './mirrored.ts'
import { appendEntries, hashReader, writeHead } from './records.ts'
import type { OwnCheckpoint } from './remains.ts'
import { EVIDENCE, evidenceKey } from './revocation-log.ts'
import { expiryOf } from './told.ts'

type Entries = LogFrame['entries']

/** A host's own log as it comes to be again in an empty store. It has no head, and so is no log, until `sign`. */
export class RebuiltLog {
  readonly #host: DID
  readonly #store: Store
  readonly #range = new CompactRange()
  #last: OwnCheckpoint | undefined

  constructor(host: DID, store: Store) {
    this.#host = host
    this.#store = store
  }

  get size(): number {
    return this.#range.end
  }

  root(): Uint8Array {
    return this.#range.root()
  }

  /** What the root would be with some entries more. */
  rootWith(leaves: readonly Uint8Array[]): Uint8Array {
    const range = CompactRange.decode(this.#range.encode())
    for (const leaf of leaves) range.append(leafHash(leaf))
    return range.root()
  }

  /**
   * Puts entries behind those that are here, with what came with them.
   * @throws Failure Malformed, NotCanonical, Unsupported for what no entry of a log of this version is
   */
  async append(entries: Entries): Promise<void> {
    for (const { leaf } of entries) decodeEntry(leaf)
    await this.#store.write(async (tx) => {
      for (const [at, { leaf, evidence }] of entries.entries()) if (evidence) await keep(tx, this.#host, this.size + at, leaf, evidence)
      await appendEntries(
        tx,
        this.#host,
        this.#range,
        entries.map(({ leaf }) => leaf),
      )
    })
  }

  /** Says that what is here now is what this checkpoint is over: it was compared. */
  is(checkpoint: OwnCheckpoint): void {
    this.#last = checkpoint
  }

  /** Whether the log begins with what a checkpoint is over. */
  async begins({ size, root }: OwnCheckpoint): Promise<boolean> {
    return size === 0 || (size <= this.size && sameBytes(await rootAt(size, this.#hashAt()), root))
  }

  /** The proof that the host has signed something else, too, at a size that is here. */
  async fork(other: OwnCheckpoint, key: Uint8Array): Promise<Fork | undefined> {
    const last = this.#last
    if (!last || other.size === 0 || other.size > last.size) return undefined
    const claim = { host: this.#host, key, older: other.note, newer: last.note }
    if (other.size === last.size) return proven(claim)
    const [root, proof] = await Promise.all([rootAt(other.size, this.#hashAt()), consistencyProof(other.size, last.size, this.#hashAt())])
    return proven({ ...claim, began: { root, proof } })
  }

  /** Makes it the log, as of now. */
  sign(signer: NoteSigner): Promise<void> {
    const text = formatCheckpoint({ origin: originOf(this.#host), size: this.size, root: this.root() })
    return this.#store.write(async (tx) => writeHead(tx, this.#host, { range: this.#range, checkpoint: await signNote({ text }, signer) }))
  }

  #hashAt() {
    return hashReader(this.#store, this.#host, this.size)
  }
}

const keep = async (tx: StoreTransaction, host: DID, index: number, leaf: Uint8Array, evidence: Uint8Array): Promise<void> => {
  const entry = revocationIn(leaf)
  if (!entry) return
  await tx.put(EVIDENCE, host, evidenceKey(index), evidence, expiryOf(entry.expiration))
}
