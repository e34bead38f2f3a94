import * as dagPb from '@ipld/dag-pb'
import { type Block, brief, Failure } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import type { BlockFolder } from './blocks.ts'
import { IDENTITY } from './hashes.ts'
import { canLink, linksOf } from './links.ts'

/**
 * The CIDs that a walk still has to visit, depth first, each once. It bounds memory: CIDs are kept as short strings, blocks never, and
 * a DAG that names more than `maxBlocks` links at a time is refused as `TooLarge`.
 *
 * What was seen is told by codec and hash, not by hash alone: the same bytes read as raw have no links, and as dag-pb have some.
 */
export class Frontier {
  readonly #stack: string[] = []
  readonly #seen = new Set<string>()
  readonly #maxBlocks: number
  readonly #strict: boolean

  /**
   * `strict` visits a block where the depth-first order first comes to it, and so keeps a link as often as it stands in visited blocks.
   * Otherwise links count as seen when they are pushed, and `pending` is exact.
   */
  constructor(maxBlocks: number, { strict = false } = {}) {
    this.#maxBlocks = maxBlocks
    this.#strict = strict
  }

  /** How many are known and not visited yet. */
  get pending(): number {
    return this.#stack.length
  }

  /** Adds links so that the first of them comes next. */
  push(links: readonly CID[]): void {
    for (let at = links.length - 1; at >= 0; at--) {
      const text = latin(links[at] as CID)
      const id = identify(text)
      if (this.#seen.has(id)) continue
      if (!this.#strict) this.#seen.add(id)
      this.#stack.push(text)
    }
    if ((this.#strict ? this.#stack.length : 0) + this.#seen.size > this.#maxBlocks) {
      throw new Failure('TooLarge', `The DAG has more than the ${this.#maxBlocks} links that this host follows.`, {
        field: 'maxBlocks',
        limit: this.#maxBlocks,
        hint: 'Split the DAG into smaller ones.',
      })
    }
  }

  /** The next one, which then counts as visited; undefined when there are no more. */
  pop(): CID | undefined {
    for (let text = this.#stack.pop(); text !== undefined; text = this.#stack.pop()) {
      const id = identify(text)
      if (this.#strict && this.#seen.has(id)) continue
      this.#seen.add(id)
      return CID.decode(Buffer.from(text, 'latin1'))
    }
    return undefined
  }

  /** Lets a later push bring a visited one again. */
  forget(cid: CID): void {
    this.#seen.delete(identify(latin(cid)))
  }
}

const latin = (cid: CID): string => Buffer.from(cid.bytes.buffer, cid.bytes.byteOffset, cid.bytes.length).toString('latin1')
/** Version 0 is another spelling of version 1 with dag-pb. */
const identify = (text: string): string => (text.startsWith('\x12\x20') ? `\x01${String.fromCharCode(dagPb.code)}${text}` : text)

/**
 * Walks the DAG below `root` in a folder, depth first in the order of the links, each block once, and yields checked bytes. Identity
 * CIDs are walked through and not yielded: their bytes stand in the blocks that name them.
 */
export async function* walk(
  folder: BlockFolder,
  root: CID,
  { signal, maxBlocks }: { signal?: AbortSignal | undefined; maxBlocks: number },
): AsyncGenerator<Block> {
  const frontier = new Frontier(maxBlocks, { strict: true })
  frontier.push([root])
  for (let cid = frontier.pop(); cid !== undefined; cid = frontier.pop()) {
    signal?.throwIfAborted()
    const bytes = await folder.read(cid)
    if (bytes === undefined) {
      const hint = 'Fetch the DAG, or import the block, then try again.'
      throw new Failure('NotFound', `The block ${brief(cid)} of the DAG ${brief(root)} is not here.`, { link: cid.toString(), hint })
    }
    if (canLink(cid)) frontier.push(linksOf(cid, bytes))
    if (cid.multihash.code !== IDENTITY) yield { cid, bytes }
  }
}
