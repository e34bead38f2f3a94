import {
  type Block,
  type Charge,
  type Context,
  Failure,
  readCarStream,
  type Transaction,
  toRefusal,
  verifyBlock,
} from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import type { DagBlocks, DagSettings } from './host.ts'
import { batchKey, eraseStaged, readBatch, readStaged, writeStaged } from './record.ts'

/** What an import needs of its call. */
export type Call = Omit<Context, 'fail'>

/** Multihash code of CIDs that hold their bytes themselves. */
const IDENTITY = 0x00

/**
 * Takes in one CAR: each block is checked, and batches are first reserved, then stored, then recorded, so that a batch that was recorded survives a
 * crash and one that wasn't costs nothing. Memory holds one batch, and the hash of each block.
 */
export class Importing {
  readonly #blocks: DagBlocks
  readonly #settings: DagSettings
  readonly #context: Call
  readonly #root: CID
  readonly #now: () => number
  readonly #seen = new Set<string>()
  #batch: Block[] = []
  #batchBytes = 0

  constructor(blocks: DagBlocks, settings: DagSettings, context: Call, root: CID, now: () => number) {
    this.#blocks = blocks
    this.#settings = settings
    this.#context = context
    this.#root = root
    this.#now = now
  }

  /** Reads the body to its end. Rejects when the signal aborts; what was recorded stays. */
  async run(signal: AbortSignal): Promise<void> {
    const { maxBlocks, maxBlockBytes, batchBytes, batchBlocks } = this.#settings
    await this.#recall()
    for await (const block of readCarStream(until(this.#context.body, signal), { maxBlocks, maxBlockBytes })) {
      verifyBlock(block)
      const name = nameOf(block.cid)
      if (this.#seen.has(name) || block.cid.multihash.code === IDENTITY) continue
      if (this.#seen.size === maxBlocks) throw tooMany(maxBlocks)
      this.#seen.add(name)
      this.#batch.push(block)
      this.#batchBytes += block.bytes.length
      if (this.#batchBytes >= batchBytes || this.#batch.length >= batchBlocks) await this.#flush()
    }
    signal.throwIfAborted()
    await this.#flush()
  }

  /**
   * Whether all below the root was pushed here by this space. What others have brought doesn't count: or knowing a CID would be enough to
   * have its content.
   * @throws Failure Unsupported, Malformed, TooLarge for a DAG that can't be walked
   */
  async isComplete(signal: AbortSignal): Promise<boolean> {
    if (!this.#has(this.#root)) return false
    try {
      for await (const { cid } of this.#blocks.walk(this.#root, { signal })) if (!this.#has(cid)) return false
      return true
    } catch (reason) {
      if (reason instanceof Failure && reason.name === 'NotFound') return false
      throw reason
    }
  }

  #has(cid: CID): boolean {
    return cid.multihash.code === IDENTITY || this.#seen.has(nameOf(cid))
  }

  async #recall(): Promise<void> {
    const staged = await readStaged(this.#context, this.#root)
    for (let batch = 0; batch < (staged?.batches ?? 0); batch++) {
      for (const cid of await readBatch(this.#context, this.#root, batch)) this.#seen.add(nameOf(cid))
    }
  }

  async #flush(): Promise<void> {
    if (this.#batch.length === 0) return
    const [batch, bytes] = [this.#batch, this.#batchBytes]
    this.#batch = []
    this.#batchBytes = 0
    await this.#reserve(bytes)
    try {
      await this.#blocks.store(batch, () => this.#record(batch, bytes))
    } catch (reason) {
      // Where even this fails, the next batch or the expiry sets it right.
      await this.#giveBack().catch(() => {})
      throw reason
    }
  }

  #reserve(bytes: number): Promise<void> {
    return this.#context.commit(async (tx) => {
      const staged = await readStaged(tx, this.#root)
      const total = (staged?.bytes ?? 0) + bytes
      const touched = this.#now()
      if (staged) return writeStaged(tx, { ...staged, charge: await this.#raise(tx, staged.charge, total), touched })
      const charge = await tx.reserve({ bytes: total })
      await writeStaged(tx, { root: this.#root, blocks: 0, bytes: 0, batches: 0, complete: false, touched, charge })
    })
  }

  /** On another of the caller's leases where the first has no room. A batch that a crash left unrecorded is given back by the way. */
  async #raise(tx: Transaction, charge: Charge, bytes: number): Promise<Charge> {
    try {
      return await tx.adjust(charge, { bytes })
    } catch (reason) {
      if (!(reason instanceof Failure) || reason.name !== 'LimitExceeded' || this.#context.account.length < 2) throw reason
      await tx.adjust(charge, { bytes: 0 })
      return await tx.reserve({ bytes })
    }
  }

  #record(batch: readonly Block[], bytes: number): Promise<void> {
    return this.#context.commit(async (tx) => {
      const staged = await readStaged(tx, this.#root)
      if (!staged) throw new Error(`The record of an import under way is gone: ${this.#root}.`)
      await tx.put(
        batchKey(this.#root, staged.batches),
        batch.map(({ cid }) => cid),
      )
      await writeStaged(tx, { ...staged, blocks: staged.blocks + batch.length, bytes: staged.bytes + bytes, batches: staged.batches + 1 })
    })
  }

  #giveBack(): Promise<void> {
    return this.#context.commit(async (tx) => {
      const staged = await readStaged(tx, this.#root)
      if (!staged) return
      if (staged.batches === 0) await eraseStaged(tx, staged)
      else await writeStaged(tx, { ...staged, charge: await tx.adjust(staged.charge, { bytes: staged.bytes }) })
    })
  }
}

/** Codecs don't matter: the same bytes are the same block on the disk. */
const nameOf = (cid: CID): string => String.fromCharCode(...cid.multihash.bytes)

/** A stream that breaks off when the signal aborts, while waiting for the next chunk too. */
async function* until(stream: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted()
  const reader = stream.getReader()
  const abort = () => void reader.cancel(signal.reason).catch(() => {})
  signal.addEventListener('abort', abort, { once: true })
  let done = false
  try {
    for (;;) {
      const next = await reader.read()
      signal.throwIfAborted()
      done = next.done
      if (next.done) return
      yield next.value
    }
  } catch (reason) {
    signal.throwIfAborted()
    const { name } = toRefusal(reason)
    throw name === 'Internal' ? new Failure('Cancelled', 'The stream broke off; what came before is kept.', {}, { cause: reason }) : reason
  } finally {
    signal.removeEventListener('abort', abort)
    if (!done) await reader.cancel().catch(() => {})
  }
}

const tooMany = (limit: number) =>
  new Failure('TooLarge', `The import has more than ${limit} blocks.`, {
    field: 'blocks',
    limit,
    hint: 'Split the DAG into smaller ones, or use larger blocks.',
  })
