import type { CID } from 'multiformats/cid'
import { Failure, type Refusal } from './failure.ts'
import { textOf } from './link.ts'
import { decodeReceipts } from './message.ts'
import type { DID } from './principal.ts'
import { readReceipt } from './receipt.ts'
import { streamTelling } from './stream.ts'

/**
 * What the stream behind an answer breaks off with where the host says why: a message with a second receipt of the same call, a refusal. The first one
 * said how the call began, and can't be taken back. Signed like every receipt: or whoever is in between could end a stream in the host's name.
 */
export class BrokenOff extends Error {
  /** As it came: what it says counts once `endVerified` has read it. */
  readonly receipts: Uint8Array

  constructor(receipts: Uint8Array) {
    super('The host has ended the stream before its time.')
    this.receipts = receipts
  }
}

/** A stream whose reader gets the host's refusal as a Failure, or why there is none to believe: Malformed, WrongAudience, BadSignature. */
export const endVerified = (body: ReadableStream<Uint8Array>, ran: CID, host: DID): ReadableStream<Uint8Array> =>
  streamTelling(body, (thrown) => (thrown instanceof BrokenOff ? verified(thrown, ran, host) : thrown))

const verified = ({ receipts }: BrokenOff, ran: CID, host: DID): unknown => {
  try {
    const block = decodeReceipts(receipts).get(textOf(ran))
    const refusal: Refusal | undefined = block && readReceipt(block, ran, host).out.error
    // That it went well is not said twice: it would be the first receipt, shown again.
    return refusal
      ? Failure.fromRefusal(refusal)
      : new Failure('Malformed', 'The host ended the stream before its time, and did not say why.')
  } catch (unbelievable) {
    return unbelievable
  }
}
