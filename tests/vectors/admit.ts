import * as dagCbor from '@ipld/dag-cbor'
import { Refusal } from './refusal.ts'
import { checkCid, isLink, type ReadUcan, readCar, readCbor, readUcan } from './strict.ts'

/** A message in which nothing is bent. */
export interface Message {
  readonly invocations: readonly CarriedUcan[]
  /** By CID. Blocks that are no UCANs are left out. */
  readonly ucans: ReadonlyMap<string, CarriedUcan>
}

export interface CarriedUcan extends ReadUcan {
  readonly cid: string
}

const MESSAGE = 'ucanto/message@7.0.0'

/** Bounds, CAR, hashes and forms, in this order; who asks for what is nobody's question yet. */
export const admitPlainly = async (bytes: Uint8Array, bounds: { readonly [bound: string]: number }): Promise<Message> => {
  const most = (bound: string, actual: number) => {
    if (actual > (bounds[bound] as number)) throw new Refusal('TooLarge', bound)
  }
  most('messageBytes', bytes.length)
  const { roots, blocks } = await readCar(bytes, { maxBlocks: bounds.blocks as number, maxBlockBytes: bounds.blockBytes as number })
  const root = blocks.find(({ cid }) => String(cid) === String(roots[0]))
  if (!root || roots.length > 1) throw new Refusal('Malformed')
  for (const block of blocks) await checkCid(block)

  const content = readCbor(root.bytes) as { [MESSAGE]?: { execute?: unknown } } | null
  const execute = content?.[MESSAGE]?.execute
  if (!Array.isArray(execute) || execute.length === 0 || !execute.every(isLink)) throw new Refusal('Malformed')
  most('invocations', execute.length)

  const ucans = new Map<string, CarriedUcan>()
  for (const block of blocks.filter((each) => each !== root)) {
    const ucan = ucanOrNothing(block.bytes)
    if (!ucan) continue
    most('proofs', ucan.proofs.length)
    for (const { nb } of ucan.capabilities) if (nb) most('nbBytes', dagCbor.encode(nb).length)
    ucans.set(String(block.cid), { ...ucan, cid: String(block.cid) })
  }
  const named = [...new Set(execute.map(String))]
  const invocations = named.map((cid) => ucans.get(cid))
  if (invocations.includes(undefined)) throw new Refusal('Malformed')
  const message = { invocations: invocations as CarriedUcan[], ucans }
  for (const invocation of message.invocations) most('depth', longestChain(invocation, ucans))
  return message
}

/** A second form of a UCAN voids the message; what isn't a UCAN at all counts for nothing. */
const ucanOrNothing = (bytes: Uint8Array): ReadUcan | undefined => {
  try {
    return readUcan(bytes)
  } catch (thrown) {
    if (thrown instanceof Refusal && thrown.code !== 'NotCanonical') return undefined
    throw thrown
  }
}

const longestChain = (ucan: CarriedUcan, ucans: ReadonlyMap<string, CarriedUcan>): number =>
  1 + Math.max(0, ...proofsOf(ucan, ucans).map((proof) => longestChain(proof, ucans)))

export const proofsOf = (ucan: CarriedUcan, ucans: ReadonlyMap<string, CarriedUcan>): CarriedUcan[] =>
  [...new Set(ucan.proofs.map(String))].flatMap((cid) => ucans.get(cid) ?? [])
