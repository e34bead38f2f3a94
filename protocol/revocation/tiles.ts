import { Failure } from '../failure.ts'
import { copyAt } from '../link.ts'
import { HASH_BYTES, nodeHash } from './hashing.ts'
import type { HashReader } from './reading.ts'
import { checkWidth, TILE_WIDTH, type Tile, tileWidth } from './tile-path.ts'

const TILE_LEVELS = 8
const MAX_ENTRY_BYTES = 0xffff

/** A tile's bytes: its hashes, one behind the other. */
export const encodeTile = (hashes: readonly Uint8Array[]): Uint8Array => {
  const bytes = new Uint8Array(hashes.length * HASH_BYTES)
  for (const [at, hash] of hashes.entries()) bytes.set(hash, at * HASH_BYTES)
  return bytes
}

/**
 * The hashes of a tile that has `width` of them.
 * @throws Failure Malformed where it has others
 */
export const decodeTile = (bytes: Uint8Array, width: number): Uint8Array[] => {
  checkWidth(width)
  if (bytes.length !== width * HASH_BYTES) throw malformed('tile')
  return Array.from({ length: width }, (_, at) => copyAt(bytes, at * HASH_BYTES, (at + 1) * HASH_BYTES))
}

/**
 * A bundle's bytes: each entry behind its length in two bytes, the more significant first.
 * @throws Failure TooLarge for an entry over 65,535 bytes
 */
export const encodeEntries = (entries: readonly Uint8Array[]): Uint8Array => {
  const bytes = new Uint8Array(entries.reduce((sum, { length }) => sum + 2 + length, 0))
  let at = 0
  for (const entry of entries) {
    if (entry.length > MAX_ENTRY_BYTES) {
      throw new Failure('TooLarge', 'An entry is too long for a bundle.', { field: 'entry', limit: MAX_ENTRY_BYTES })
    }
    bytes[at] = entry.length >> 8
    bytes[at + 1] = entry.length & 0xff
    bytes.set(entry, at + 2)
    at += 2 + entry.length
  }
  return bytes
}

/**
 * The entries of a bundle that has `width` of them. Whether they are the log's, their hashes in the tile of level 0 tell.
 * @throws Failure Malformed where it has more or fewer, or ends within one
 */
export const decodeEntries = (bytes: Uint8Array, width: number): Uint8Array[] => {
  checkWidth(width)
  const entries: Uint8Array[] = []
  let at = 0
  while (at < bytes.length) {
    const end = at + 2 + (((bytes[at] as number) << 8) | (bytes[at + 1] ?? 0))
    if (end > bytes.length) throw malformed('bundle')
    entries.push(copyAt(bytes, at + 2, end))
    at = end
  }
  if (entries.length !== width) throw malformed('bundle')
  return entries
}

/** Reads nodes out of the tiles of a log of `size` entries, so that proofs can be made of nothing else. Each node costs one tile: keep them. */
export const tileReader =
  (size: number, readTile: (tile: Tile & { level: number }) => Uint8Array | Promise<Uint8Array>): HashReader =>
  async (level, index) => {
    const tileLevel = Math.floor(level / TILE_LEVELS)
    const count = 2 ** (level - tileLevel * TILE_LEVELS)
    const first = index * count
    const tile = { level: tileLevel, index: Math.floor(first / TILE_WIDTH), width: 0 }
    tile.width = tileWidth(tileLevel, tile.index, size)
    const hashes = decodeTile(await readTile(tile), tile.width).slice(first % TILE_WIDTH, (first % TILE_WIDTH) + count)
    if (hashes.length !== count) throw malformed('tile')
    return perfect(hashes)
  }

/** The node over a power of two of others. */
const perfect = (hashes: readonly Uint8Array[]): Uint8Array => {
  if (hashes.length === 1) return hashes[0] as Uint8Array
  const middle = hashes.length / 2
  return nodeHash(perfect(hashes.slice(0, middle)), perfect(hashes.slice(middle)))
}

const malformed = (field: string): Failure => new Failure('Malformed', `A tile has no proper ${field}.`, { field })
