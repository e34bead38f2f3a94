import { Failure } from '../failure.ts'
import { checkCount } from './shape.ts'

/**
 * The log as files that never change: tiles of up to 256 hashes of every eighth level, and bundles of up to 256 entries. Source: https://c2sp.org/tlog-tiles
 */
export interface Tile {
  /** Which hashes: those at level 8 * `level` of the tree, or the entries themselves. */
  readonly level: number | 'entries'
  readonly index: number
  /** How many are in it, 1 to 256. */
  readonly width: number
}

/** Hashes, or entries, of a whole tile (C2SP tlog-tiles). */
export const TILE_WIDTH = 256
const MAX_LEVEL = 63

/**
 * Where a tile is, below the log's prefix: `tile/0/x001/234`, `tile/entries/000.p/17`.
 * @throws Failure Malformed for a level over 63, an index that is none, a width other than 1 to 256
 */
export const tilePath = ({ level, index, width }: Tile): string => {
  if (level !== 'entries') checkCount(level, 'level')
  checkCount(index, 'index')
  checkWidth(width)
  if (level !== 'entries' && level > MAX_LEVEL) throw malformed('level')
  const groups = String(index)
    .padStart(Math.ceil(String(index).length / 3) * 3, '0')
    .match(/.{3}/g) as string[]
  const path = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/')
  return `tile/${level}/${path}${width < TILE_WIDTH ? `.p/${width}` : ''}`
}

/**
 * Reads what `tilePath` wrote, and nothing else: a tile has one path.
 * @throws Failure Malformed
 */
export const parseTilePath = (path: string): Tile => {
  const [, level, groups = '', width] = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path) ?? []
  if (level === undefined) throw malformed('path')
  const tile: Tile = {
    level: level === 'entries' ? level : Number(level),
    index: Number(groups.replaceAll(/\D/g, '')),
    width: width === undefined ? TILE_WIDTH : Number(width),
  }
  if (tilePath(tile) !== path) throw malformed('path')
  return tile
}

/** How many hashes the tile of a level and index has in a log of `size` entries: 0 to 256, and 0 where there is none. Entries are cut as level 0 is. */
export const tileWidth = (level: number | 'entries', index: number, size: number): number => {
  const nodes = Math.floor(size / TILE_WIDTH ** (level === 'entries' ? 0 : level))
  return Math.min(Math.max(nodes - index * TILE_WIDTH, 0), TILE_WIDTH)
}

/**
 * Every tile that a log of `size` entries has which one of `from` entries has not, lower levels first, entries last: what is to be written when it has grown.
 * @throws Failure Malformed where `from` is over `size`
 */
export const newTiles = (from: number, size: number): Tile[] => {
  checkCount(size, 'size')
  checkCount(from, 'from')
  if (from > size) throw malformed('size')
  const tiles: Tile[] = []
  const add = (level: Tile['level'], before: number, after: number) => {
    if (before === after) return
    for (let index = Math.floor(before / TILE_WIDTH); index * TILE_WIDTH < after; index++) {
      tiles.push({ level, index, width: tileWidth('entries', index, after) })
    }
  }
  for (let [level, span] = [0, 1]; span <= size; level++, span *= TILE_WIDTH) add(level, Math.floor(from / span), Math.floor(size / span))
  add('entries', from, size)
  return tiles
}

/** @throws Failure Malformed for a width other than 1 to 256 */
export const checkWidth = (width: number): void => {
  checkCount(width, 'width', 1)
  if (width > TILE_WIDTH) throw malformed('width')
}

const malformed = (field: string): Failure => new Failure('Malformed', `A tile has no proper ${field}.`, { field })
