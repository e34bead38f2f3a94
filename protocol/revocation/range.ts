import { decode, encode } from '../cbor.ts'
import { Failure } from '../failure.ts'
import { copyAt } from '../link.ts'
import { checkHash, emptyRoot, HASH_BYTES, nodeHash } from './hashing.ts'
import { bagged } from './reading.ts'
import { checkCount, half, type NodePosition, nodesOf } from './shape.ts'

/** Is told each node that comes to be, leaves included, before the next one does. */
export type Visit = (level: number, index: number, hash: Uint8Array) => void

interface Node extends NodePosition {
  readonly hash: Uint8Array
}

/**
 * What has to be remembered of a stretch of entries to go on appending: the hashes of the fewest nodes that cover it, at most 53 for one that begins
 * at 0 and 27 of a hundred million entries. Two that meet can be merged. Source: https://github.com/transparency-dev/merkle/blob/main/docs/compact_ranges.md
 */
export class CompactRange {
  readonly begin: number
  #end: number
  readonly #nodes: Node[] = []

  /**
   * Of no entries, to grow from the one at `begin`.
   * @throws Failure Malformed where that is no index
   */
  constructor(begin = 0) {
    checkCount(begin, 'begin')
    this.begin = begin
    this.#end = begin
  }

  /** The index behind the last entry: of a range that begins at 0, the size of the tree. */
  get end(): number {
    return this.#end
  }

  /** Of the nodes that cover it, from left to right. */
  get hashes(): Uint8Array[] {
    return this.#nodes.map(({ hash }) => hash)
  }

  /**
   * Adds the next leaf, by the hash that `leafHash` makes.
   * @throws Failure Malformed for what isn't 32 bytes, or beyond 2^53 - 1 entries
   */
  append(leaf: Uint8Array, visit?: Visit): void {
    checkHash(leaf, 'leaf')
    checkCount(this.#end + 1, 'end')
    this.#push({ level: 0, index: this.#end, hash: leaf }, visit)
    this.#end++
  }

  /**
   * Adds all of a range that begins where this one ends. `visit` is told the nodes over both.
   * @throws Failure Malformed where it begins elsewhere
   */
  merge(next: CompactRange, visit?: Visit): void {
    if (next.begin !== this.#end)
      throw new Failure('Malformed', 'A range does not begin where the other ends.', { field: 'begin', limit: this.#end })
    for (const node of next.#nodes) this.#push(node, visit, false)
    this.#end = next.#end
  }

  /** A node whose sibling is there gives way to their parent. So no two siblings ever stand side by side, and the nodes are the fewest. */
  #push(node: Node, visit?: Visit, isNew = true): void {
    if (isNew) visit?.(node.level, node.index, node.hash)
    let top = node
    for (;;) {
      const left = this.#nodes.at(-1)
      if (!left || left.level !== top.level || top.index % 2 === 0) break
      this.#nodes.pop()
      top = { level: top.level + 1, index: half(top.index), hash: nodeHash(left.hash, top.hash) }
      visit?.(top.level, top.index, top.hash)
    }
    this.#nodes.push(top)
  }

  /**
   * The root of the tree that has these entries and no other. RFC 6962, section 2.1.
   * @throws Failure Malformed where the range doesn't begin at 0
   */
  root(): Uint8Array {
    if (this.begin !== 0) throw new Failure('Malformed', 'Only a range that begins at 0 has a root.', { field: 'begin' })
    return this.#nodes.length === 0 ? emptyRoot() : bagged(this.hashes)
  }

  /** DAG-CBOR: `[begin, end, hashes]`, the hashes from left to right as bytes one behind the other. */
  encode(): Uint8Array {
    const hashes = new Uint8Array(this.#nodes.length * HASH_BYTES)
    for (const [at, { hash }] of this.#nodes.entries()) hashes.set(hash, at * HASH_BYTES)
    return encode([this.begin, this.#end, hashes])
  }

  /**
   * The range that `encode` wrote.
   * @throws Failure Malformed where begin and end ask for other hashes, NotCanonical for a second form
   */
  static decode(bytes: Uint8Array): CompactRange {
    const value = decode(bytes)
    const [begin, end, hashes, ...more] = Array.isArray(value) ? value : []
    if (!(hashes instanceof Uint8Array) || more.length > 0) throw new Failure('Malformed', 'A block is not a compact range.')
    const range = new CompactRange(begin)
    checkCount(end, 'end', range.begin)
    const nodes = nodesOf(range.begin, end)
    if (hashes.length !== nodes.length * HASH_BYTES) {
      throw new Failure('Malformed', `A compact range has not the ${nodes.length} hashes that its ends ask for.`, {
        field: 'hashes',
        limit: nodes.length,
      })
    }
    for (const [at, node] of nodes.entries()) {
      range.#nodes.push({ ...node, hash: copyAt(hashes, at * HASH_BYTES, (at + 1) * HASH_BYTES) })
    }
    range.#end = end
    return range
  }
}
