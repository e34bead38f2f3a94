import type { CID } from 'multiformats/cid'
import { type Block, cidOf, verifyBlock } from './block.ts'
import { decodeCar, encodeCar } from './car.ts'
import { decode, encode } from './cbor.ts'
import { Failure } from './failure.ts'
import { asLink, textOf } from './link.ts'
import type { Ucan } from './ucan.ts'

/** What crosses a channel: a CAR whose root is a `ucanto/message@7.0.0`, with invocations one way and receipts the other. */
export const MESSAGE = 'ucanto/message@7.0.0'
/** Content type of a message. */
export const CAR_TYPE = 'application/vnd.ipld.car'

/** Bounds for what a host answers; its answers are larger than the calls, since they carry leases and lists. */
const ANSWER_BOUNDS = { maxBlocks: 1024, maxBlockBytes: 8 * 1024 * 1024 }

/** A message that asks for the invocations to run; `proofs` are the UCANs that they and their proofs name. */
export const encodeInvocations = (invocations: readonly Ucan[], proofs: Iterable<Block>): Uint8Array => {
  const blocks = new Map<string, Block>()
  for (const block of [...proofs, ...invocations]) blocks.set(textOf(block.cid), block)
  return withRoot({ execute: invocations.map(({ cid }) => cid) }, [...blocks.values()])
}

/** A message that answers: receipts by the CID of what ran. */
export const encodeReceipts = (receipts: readonly { ran: CID; block: Block }[]): Uint8Array =>
  withRoot(
    { report: new Map(receipts.map(({ ran, block }) => [textOf(ran), block.cid])) },
    receipts.map(({ block }) => block),
  )

const withRoot = (content: object, blocks: Block[]): Uint8Array => {
  const bytes = encode({ [MESSAGE]: content })
  const root = { cid: cidOf(bytes), bytes }
  return encodeCar({ roots: [root.cid], blocks: [...blocks, root] })
}

/**
 * The receipt blocks of an answer, by the text of the CID of what ran; hashes checked, signatures not yet.
 * @throws Failure Malformed, BadHash, TooLarge
 */
export const decodeReceipts = (message: Uint8Array): Map<string, Block> => {
  const { roots, blocks } = decodeCar(message, ANSWER_BOUNDS)
  const byCid = new Map(blocks.map((block) => [textOf(block.cid), block]))
  for (const block of blocks) verifyBlock(block)
  const root = roots[0] && byCid.get(textOf(roots[0]))
  const report = root && (decode(root.bytes) as { [MESSAGE]?: { report?: { [ran: string]: unknown } } } | null)?.[MESSAGE]?.report
  if (!report) throw new Failure('Malformed', 'The answer holds no receipts.')
  const receipts = new Map<string, Block>()
  for (const [ran, link] of Object.entries(report)) {
    const cid = asLink(link)
    const block = cid && byCid.get(textOf(cid))
    if (block) receipts.set(ran, block)
  }
  return receipts
}
