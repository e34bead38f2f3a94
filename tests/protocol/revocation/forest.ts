import { CompactRange, type HashReader, leafHash } from '@symbiosis/protocol/revocation'

export const entry = (index: number): Uint8Array => new TextEncoder().encode(`entry ${index}`)
export const entries = (size: number): Uint8Array[] => Array.from({ length: size }, (_, index) => entry(index))

/** All nodes of a tree, as a host keeps them: each as it comes to be when an entry is appended. */
export class Nodes {
  readonly range = new CompactRange()
  readonly levels: Uint8Array[][] = []
  reads = 0

  constructor(size: number) {
    for (const each of entries(size)) this.append(each)
  }

  append(bytes: Uint8Array): void {
    this.range.append(leafHash(bytes), (level, index, hash) => {
      this.levels[level] ??= []
      ;(this.levels[level] as Uint8Array[])[index] = hash
    })
  }

  readonly hashAt: HashReader = (level, index) => {
    this.reads++
    const hash = this.levels[level]?.[index]
    if (!hash) throw new Error(`There is no node ${index} at level ${level}.`)
    return hash
  }
}

/** Bytes with one bit turned. */
export const flipped = (bytes: Uint8Array, bit: number): Uint8Array =>
  bytes.map((byte, at) => (at === Math.floor(bit / 8) ? byte ^ (1 << (bit % 8)) : byte))

/** Every way to bend a list of hashes a little: a hash changed, left out, put twice, moved, or added. */
export const bentProofs = (proof: readonly Uint8Array[], bit: number): Uint8Array[][] => {
  const stray = new Uint8Array(32).fill(9)
  const bent: Uint8Array[][] = [
    [stray, ...proof],
    [...proof, stray],
  ]
  for (const [at, hash] of proof.entries()) {
    bent.push(
      proof.with(at, flipped(hash, bit)),
      proof.with(at, hash.subarray(0, 31)),
      proof.with(at, new Uint8Array([...hash, 0])),
      proof.toSpliced(at, 1),
      proof.toSpliced(at, 0, hash),
    )
    const next = proof[at + 1]
    if (next) bent.push(proof.with(at, next).with(at + 1, hash))
  }
  return bent
}
