import type { CID } from 'multiformats/cid'
import { type Block, DAG_CBOR, verifyBlock } from './block.ts'
import { decodeCar } from './car.ts'
import { decode, encode } from './cbor.ts'
import { Checks, finish, type Steps } from './checks.ts'
import { Failure } from './failure.ts'
import { asLink, sameBytes, textOf } from './link.ts'
import { MESSAGE } from './message.ts'
import { decodeUcan, isSigned, type Ucan } from './ucan.ts'

/**
 * What a message may ask of a host before anybody is known to have signed anything. Each refusal is TooLarge, `field` naming the bound.
 */
export interface Bounds {
  messageBytes: number
  blocks: number
  blockBytes: number
  invocations: number
  /** Proofs that one UCAN may name. */
  proofs: number
  /** Links in a chain, the invocation included. */
  depth: number
  /** The `nb` of one capability, encoded. */
  nbBytes: number
  /** Steps that the search for a chain may take. */
  paths: number
  /** Signatures that are checked for one message; what is remembered from earlier messages isn't counted. */
  signatures: number
}

/** The bounds that hold unless told. */
export const BOUNDS: Bounds = {
  messageBytes: 1024 * 1024,
  blocks: 512,
  blockBytes: 64 * 1024,
  invocations: 64,
  proofs: 32,
  depth: 32,
  nbBytes: 16 * 1024,
  paths: 1024,
  signatures: 256,
}

/** What a UCAN of ordinary size takes is a tenth of what a stranger could put into one: both are bounded, the number and the bytes. */
const BYTES_PER_UCAN = 1024

/**
 * UCANs that were admitted before, by CID, with what their signature check said. Time and revocation aren't remembered: they are asked anew on
 * every use. The bounds keep strangers from filling memory: what was used since the last half of the bound stays.
 */
export class UcanMemory {
  #young = new Map<string, Remembered>()
  #old = new Map<string, Remembered>()
  #youngBytes = 0
  #oldBytes = 0
  readonly #half: number

  constructor(max = 20_000) {
    this.#half = Math.max(1, Math.floor(max / 2))
  }

  /** Bytes of the blocks that are remembered. */
  get bytes(): number {
    return this.#youngBytes + this.#oldBytes
  }

  /** The UCAN that these very bytes were admitted as under this CID before: then their hash and form were checked. */
  recall({ cid, bytes }: Block): Ucan | undefined {
    const known = this.#find(textOf(cid))
    return known && sameBytes(known.ucan.bytes, bytes) ? known.ucan : undefined
  }

  /** The UCAN of a block whose hash was checked. */
  decode({ cid, bytes }: Block): Ucan {
    const known = this.#find(textOf(cid))
    if (known) return known.ucan
    // A copy, so that what's remembered doesn't keep whole messages in memory.
    const ucan = decodeUcan(cid, new Uint8Array(bytes))
    this.#keep(textOf(cid), { ucan })
    return ucan
  }

  isSigned(ucan: Ucan): boolean {
    const known = this.#find(textOf(ucan.cid))
    if (known?.signed !== undefined) return known.signed
    const signed = isSigned(ucan)
    if (known) known.signed = signed
    return signed
  }

  /** What `isSigned` said of it before, as far as it is remembered. */
  verdictOn(ucan: Ucan): boolean | undefined {
    return this.#find(textOf(ucan.cid))?.signed
  }

  #find(name: string): Remembered | undefined {
    const young = this.#young.get(name)
    if (young) return young
    const old = this.#old.get(name)
    if (!old) return undefined
    this.#oldBytes -= old.ucan.bytes.length
    this.#keep(name, old)
    return old
  }

  #keep(name: string, entry: Remembered): void {
    const { length } = entry.ucan.bytes
    if (this.#young.size >= this.#half || this.#youngBytes + length > this.#half * BYTES_PER_UCAN) {
      this.#old = this.#young
      this.#oldBytes = this.#youngBytes
      this.#young = new Map()
      this.#youngBytes = 0
    }
    this.#young.set(name, entry)
    this.#youngBytes += length
  }
}

interface Remembered {
  readonly ucan: Ucan
  signed?: boolean
}

/** A message in which every block is its CID's own and every UCAN has its one form. Nothing of it is authorized yet. */
export interface Admitted {
  readonly invocations: readonly Ucan[]
  /** The UCANs that came along, by the text of their CIDs. Blocks that are no UCANs are absent: as proofs they void only themselves. */
  readonly ucans: ReadonlyMap<string, Ucan>
  /** Says of all of them whether they are signed. */
  readonly checks: Checks
}

/**
 * The first steps, before any signature: bounds, decode, hashes, canonical form.
 * @throws Failure Malformed, TooLarge, Unsupported, BadHash, NotCanonical: no receipt can be signed for what didn't get in
 */
export const admit = (message: Uint8Array, bounds: Bounds, memory: UcanMemory): Admitted => finish(admitting(message, bounds, memory))

/** The same in steps of one block each, so that the largest message of a stranger need not hold up everybody else. */
export function* admitting(message: Uint8Array, bounds: Bounds, memory: UcanMemory): Steps<Admitted> {
  const { root, blocks } = decodeMessage(message, bounds)
  const recalled = yield* checkHashes(blocks, root, memory)
  const execute = readExecute(root, bounds)
  const ucans = yield* canonicalForm(blocks, recalled, root, execute, bounds, memory)
  const invocations: Ucan[] = []
  for (const link of execute) {
    const invocation = ucans.get(link)
    if (!invocation) throw new Failure('Malformed', 'The message names an invocation that it does not carry.', { link })
    invocations.push(invocation)
  }
  checkDepth(invocations, ucans, bounds)
  return { invocations, ucans, checks: new Checks(memory, bounds.signatures) }
}

const decodeMessage = (message: Uint8Array, bounds: Bounds): { root: Block; blocks: Block[] } => {
  if (message.length > bounds.messageBytes) throw tooLarge('messageBytes', message.length, bounds.messageBytes, 'The message')
  const { roots, blocks } = decodeCar(message, { maxBlocks: bounds.blocks, maxBlockBytes: bounds.blockBytes })
  const [named, another] = roots
  // Which of two roots is the message, readers could disagree on.
  if (another) throw new Failure('Malformed', 'The message has more roots than one.')
  const root = named && blocks.find(({ cid }) => sameBytes(cid.bytes, named.bytes))
  if (!root) throw new Failure('Malformed', 'The message does not carry its own root.')
  return { root, blocks }
}

/** What is remembered of the blocks, in their order. Only what is not, has to be looked at; the root is no UCAN. */
function* checkHashes(blocks: readonly Block[], root: Block, memory: UcanMemory): Steps<(Ucan | undefined)[]> {
  const recalled: (Ucan | undefined)[] = []
  for (const block of blocks) {
    const ucan = block === root ? undefined : memory.recall(block)
    recalled.push(ucan)
    if (ucan) continue
    checkHash(block)
    yield
  }
  return recalled
}

/** One UCAN, one CID: a second codec or hash function would give it a second one, which no revocation names. */
const checkHash = (block: Block): void => {
  const { cid } = block
  if (cid.code !== DAG_CBOR || cid.multihash.code !== 0x12 || cid.multihash.size !== 32) {
    throw new Failure('NotCanonical', 'A block of the message is not named by CIDv1, dag-cbor and sha2-256.', { link: textOf(cid) })
  }
  verifyBlock(block)
}

/** Decodes what are UCANs. A second form voids the message; what is no UCAN at all is left out, since alternatives must stay possible. */
function* canonicalForm(
  blocks: readonly Block[],
  recalled: readonly (Ucan | undefined)[],
  root: Block,
  execute: readonly string[],
  bounds: Bounds,
  memory: UcanMemory,
): Steps<Map<string, Ucan>> {
  const ucans = new Map<string, Ucan>()
  for (let index = 0; index < blocks.length; index++) {
    const block = blocks[index] as Block
    if (block === root) continue
    const link = textOf(block.cid)
    let ucan = recalled[index]
    if (!ucan) {
      yield
      // Invocations come but once: remembering them would only push the proofs out.
      ucan = decodeIfUcan(block, execute.includes(link) ? undefined : memory)
    }
    if (!ucan) continue
    if (ucan.proofs.length > bounds.proofs) throw tooLarge('proofs', ucan.proofs.length, bounds.proofs, 'The proofs of a UCAN', link)
    for (const { nb } of ucan.capabilities) {
      // What came in a block of that size can't encode to more.
      if (nb === undefined || ucan.bytes.length <= bounds.nbBytes) continue
      const size = encode(nb).length
      if (size > bounds.nbBytes) throw tooLarge('nbBytes', size, bounds.nbBytes, 'The nb of a capability', link)
    }
    ucans.set(link, ucan)
  }
  return ucans
}

const decodeIfUcan = (block: Block, memory: UcanMemory | undefined): Ucan | undefined => {
  try {
    return memory ? memory.decode(block) : decodeUcan(block.cid, block.bytes)
  } catch (error) {
    if (error instanceof Failure && error.name !== 'NotCanonical') return undefined
    throw error
  }
}

/** The names of the invocations. Named twice, it is still one invocation, and it gets one receipt. */
const readExecute = (root: Block, bounds: Bounds): string[] => {
  const execute = (decode(root.bytes) as { [MESSAGE]?: { execute?: unknown } } | null)?.[MESSAGE]?.execute
  if (!Array.isArray(execute) || execute.length === 0 || !execute.every(asLink)) {
    throw new Failure('Malformed', `The root of the message is no ${MESSAGE} with invocations to execute.`)
  }
  if (execute.length > bounds.invocations) throw tooLarge('invocations', execute.length, bounds.invocations, 'The invocations of a message')
  return [...new Set((execute as CID[]).map(textOf))]
}

/** The longest chain below each block, each block looked at once: diamonds cost no more than chains. */
const checkDepth = (invocations: readonly Ucan[], ucans: ReadonlyMap<string, Ucan>, bounds: Bounds): void => {
  // No chain has more links than there are UCANs.
  if (ucans.size <= bounds.depth) return
  const depths = new Map<Ucan, number>()
  const depthOf = (ucan: Ucan, level: number): number => {
    const known = depths.get(ucan)
    const reached = level + (known ?? 1) - 1
    if (reached > bounds.depth) throw tooLarge('depth', reached, bounds.depth, 'A chain of proofs', textOf(ucan.cid))
    if (known !== undefined) return known
    let depth = 1
    for (const proof of ucan.proofs) {
      const above = ucans.get(textOf(proof))
      if (above) depth = Math.max(depth, 1 + depthOf(above, level + 1))
    }
    depths.set(ucan, depth)
    return depth
  }
  for (const invocation of invocations) depthOf(invocation, 1)
}

const tooLarge = (field: keyof Bounds, asked: number, limit: number, what: string, link?: string) =>
  new Failure('TooLarge', `${what}: ${asked}, where ${limit} is the most.`, { field, asked, limit, ...(link && { link }) })
