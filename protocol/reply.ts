import type { CID } from 'multiformats/cid'
import { NAME_BYTES, writeName } from './block.ts'
import { encodeCar, varintLength, writeVarint } from './car.ts'
import { encode, Writer } from './cbor.ts'
import type { Refusal, Result } from './failure.ts'
import { decodeCid, textOf } from './link.ts'
import { MESSAGE } from './message.ts'
import type { LocalSigner } from './principal.ts'
import { SIGNATURE_PREFIX } from './ucan.ts'

/**
 * Writes a host's answers. Their bytes are those of `encodeReceipts` over what `issueReceipt` gives (tested), which make every part by itself: the
 * outcome, the receipt, the root, the message. Here each is signed and named where it stands, and what all receipts of a host have in common is
 * written once.
 */
export class ReplyWriter {
  readonly #signer: LocalSigner
  readonly #writer = new Writer()
  readonly #written: { ran: string; at: number }[] = []
  readonly #opening: Uint8Array

  constructor(signer: LocalSigner) {
    this.#signer = signer
    this.#opening = opening(signer)
    this.clear()
  }

  /** Begins anew. From here to `finish` nothing may await: the next answer is written in the same place. */
  clear(): void {
    this.#writer.clear()
    this.#writer.append(HEADER)
    this.#written.length = 0
  }

  /**
   * Signs what came of an invocation.
   * @throws TypeError for what is no value of DAG-CBOR; then nothing was added
   */
  add(ran: CID, out: Result<unknown, Refusal>): void {
    const writer = this.#writer
    const start = writer.length
    try {
      writer.skip(BEFORE_BLOCK)
      writer.append(this.#opening)
      const outcome = start + BEFORE_BLOCK + BEFORE_OUTCOME.length
      writer.text(out.error ? 'error' : 'ok')
      writer.value(out.error ?? out.ok, 2)
      writer.append(BEFORE_RAN)
      writer.link(ran.bytes)
      writer.append(AFTER_RAN)
      const signature = this.#signer.sign(writer.bytes.subarray(outcome, writer.length))
      writer.append(BEFORE_SIGNATURE)
      writer.append(signature)
      this.#written.push({ ran: textOf(ran), at: this.#name(start) })
    } catch (thrown) {
      writer.length = start
      throw thrown
    }
  }

  /** The message that reports what was added. */
  finish(): Uint8Array {
    const writer = this.#writer
    const start = writer.length
    writer.skip(BEFORE_BLOCK)
    writer.append(BEFORE_REPORT)
    writer.head(5, this.#written.length)
    for (const { ran, at } of this.#inOrder()) {
      writer.text(ran)
      writer.link(writer.bytes.subarray(at, at + NAME_BYTES))
    }
    const root = this.#name(start)
    writer.bytes.copyWithin(HEADER_NAME, root, root + NAME_BYTES)
    return writer.bytes.slice(0, writer.length)
  }

  /** Puts the length and the CID before the block that ends here, and says where the CID stands. */
  #name(start: number): number {
    const writer = this.#writer
    const length = writer.length - start - LENGTH_BYTES
    const moved = varintLength(length) - LENGTH_BYTES
    if (moved !== 0) {
      // Two bytes are what nearly every length takes.
      const from = start + LENGTH_BYTES
      const to = writer.length
      if (moved > 0) writer.skip(moved)
      else writer.length += moved
      writer.bytes.copyWithin(from + moved, from, to)
    }
    const at = writeVarint(writer.bytes, start, length)
    writeName(writer.bytes, at, writer.bytes.subarray(at + NAME_BYTES, writer.length))
    return at
  }

  /** CIDs as text are all of one length, so they stand in the order of their letters. */
  #inOrder(): { ran: string; at: number }[] {
    return this.#written.length < 2 ? this.#written : this.#written.sort((a, b) => (a.ran < b.ran ? -1 : 1))
  }
}

const LENGTH_BYTES = 2
const BEFORE_BLOCK = LENGTH_BYTES + NAME_BYTES

/** A CAR with one root begins like this, the CID of the root apart: a version of ten bytes stands behind it. */
const HEADER = encodeCar({ roots: [decodeCid(Uint8Array.of(1, 0x71, 0x12, 32, ...new Uint8Array(32)))], blocks: [] })
const HEADER_NAME = HEADER.length - encode('version').length - 1 - NAME_BYTES

/** The parts of `{ ocm: { fx: { fork: [] }, iss, out: { ok | error }, prf: [], ran, meta: {} }, sig }`, keys and all. */
const map = (fields: number): number[] => [0xa0 + fields]
const joined = (...parts: (number[] | Uint8Array)[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))
const BEFORE_OUTCOME = joined(map(2), encode('ocm'))
const opening = ({ did }: LocalSigner): Uint8Array =>
  joined(BEFORE_OUTCOME, map(6), encode('fx'), encode({ fork: [] }), encode('iss'), encode(did), encode('out'), map(1))
const BEFORE_RAN = joined(encode('prf'), encode([]), encode('ran'))
const AFTER_RAN = joined(encode('meta'), encode({}))
const BEFORE_SIGNATURE = joined(encode('sig'), [0x58, SIGNATURE_PREFIX.length + 64], [...SIGNATURE_PREFIX])
const BEFORE_REPORT = joined(map(1), encode(MESSAGE), map(1), encode('report'))
