import {
  CompactRange,
  decodeEntries,
  encodeEntries,
  encodeTile,
  HASH_BYTES,
  type HashReader,
  leafHash,
  TILE_WIDTH,
  tileReader,
  tileWidth,
} from '@symbiosis/protocol/revocation'
import type { Store, StoreReader, StoreTransaction } from '../store/store.ts'

/**
 * A log as records of the store: its entries in bundles, hashes in tiles of every eighth level but the lowest, which the bundles give, and its head. One
 * transaction changes them together, so that a crash leaves the log of before or of after. `log` tells logs apart: the DID of whose it is.
 */
export const BUNDLE = 'log/bundle'
export const TILE = 'log/tile'
export const HEAD = 'log/head'
export const KEY = 'log/key'

/** What a log is at its end. */
export interface Head {
  /** Of all its entries. */
  readonly range: CompactRange
  /** The signed note over them. */
  readonly checkpoint: string
}

export const readHead = async (reader: StoreReader, log: string): Promise<Head | undefined> => {
  const head = (await reader.get(HEAD, log, '')) as { range: Uint8Array; checkpoint: string } | undefined
  return head && { range: CompactRange.decode(head.range), checkpoint: head.checkpoint }
}

export const writeHead = (tx: StoreTransaction, log: string, { range, checkpoint }: Head): Promise<void> =>
  tx.put(HEAD, log, '', { range: range.encode(), checkpoint })

/** The delegation to the key of a followed log, archived, as its host gave it. */
export const readKey = async (reader: StoreReader, log: string): Promise<Uint8Array | undefined> =>
  (await reader.get(KEY, log, '')) as Uint8Array | undefined

export const writeKey = (tx: StoreTransaction, log: string, key: Uint8Array): Promise<void> => tx.put(KEY, log, '', key)

/** Writes entries behind those that `range` is of, which grows by them. */
export const appendEntries = async (
  tx: StoreTransaction,
  log: string,
  range: CompactRange,
  entries: readonly Uint8Array[],
): Promise<void> => {
  const nodes = new Map<string, Uint8Array[]>()
  const first = range.end
  for (const entry of entries) {
    range.append(leafHash(entry), (level, index, hash) => {
      if (level === 0 || level % TILE_LEVELS !== 0) return
      const name = keyOf(Math.floor(index / TILE_WIDTH), level / TILE_LEVELS)
      nodes.set(name, [...(nodes.get(name) ?? []), hash])
    })
  }
  for (const [name, hashes] of nodes) await extend(tx, TILE, log, name, encodeTile(hashes))
  for (let at = 0; at < entries.length; ) {
    const index = Math.floor((first + at) / TILE_WIDTH)
    const end = Math.min(entries.length, (index + 1) * TILE_WIDTH - first)
    await extend(tx, BUNDLE, log, keyOf(index), encodeEntries(entries.slice(at, end)))
    at = end
  }
}

/** Puts bytes behind those that a record has. */
const extend = async (tx: StoreTransaction, kind: string, log: string, key: string, more: Uint8Array): Promise<void> => {
  const before = (await tx.get(kind, log, key)) as Uint8Array | undefined
  await tx.put(kind, log, key, before ? new Uint8Array(Buffer.concat([before, more])) : more)
}

/** How the nodes of a log of `size` entries are read, each record once. Good for some proofs: it remembers all that it has read. */
export const hashReader = (reader: StoreReader, log: string, size: number): HashReader => {
  const tiles = new Map<string, Promise<Uint8Array>>()
  return tileReader(size, ({ level, index }) => {
    const name = `${level} ${index}`
    let tile = tiles.get(name)
    if (!tile) {
      tile = readTile(reader, log, level, index, size)
      tiles.set(name, tile)
    }
    return tile
  })
}

/** The bytes of a tile as a log of `size` entries has it. */
export const readTile = async (reader: StoreReader, log: string, level: number, index: number, size: number): Promise<Uint8Array> => {
  const width = tileWidth(level, index, size)
  if (level === 0) return encodeTile((await readBundle(reader, log, index, size)).map(leafHash))
  const bytes = ((await reader.get(TILE, log, keyOf(index, level))) ?? new Uint8Array()) as Uint8Array
  return bytes.subarray(0, width * HASH_BYTES)
}

/** The entries of a bundle as a log of `size` entries has it. */
export const readBundle = async (reader: StoreReader, log: string, index: number, size: number): Promise<Uint8Array[]> => {
  const bytes = ((await reader.get(BUNDLE, log, keyOf(index))) ?? new Uint8Array()) as Uint8Array
  const width = tileWidth('entries', index, size)
  // More may have come since the log had that size.
  let end = 0
  for (let count = 0; count < width; count++) end += 2 + (((bytes[end] ?? 0) << 8) | (bytes[end + 1] ?? 0))
  return decodeEntries(bytes.subarray(0, end), width)
}

/** The entries from an index up to, and without, another. */
export async function* readEntries(reader: StoreReader, log: string, from: number, to: number): AsyncGenerator<Uint8Array> {
  for (let at = from; at < to; ) {
    const index = Math.floor(at / TILE_WIDTH)
    const bundle = await readBundle(reader, log, index, to)
    for (const entry of bundle.slice(at - index * TILE_WIDTH)) yield entry
    at = (index + 1) * TILE_WIDTH
  }
}

const TILE_LEVELS = 8

/** In the order of the indices. */
export const keyOf = (index: number, level?: number): string =>
  `${level === undefined ? '' : `${level}/`}${index.toString(16).padStart(12, '0')}`

/** Records that are dropped in one transaction: others wait for it. */
const DROPPED_AT_ONCE = 256

/** Forgets a log. Whoever begins that has to end it, after a crash too, before anything is appended to it. */
export const dropLog = async (store: Store, log: string): Promise<void> => {
  await store.write((tx) => tx.delete(HEAD, log, ''))
  for (const kind of [BUNDLE, TILE]) await dropRecords(store, kind, log)
}

/** Forgets all records of a kind that a log has. */
export const dropRecords = async (store: Store, kind: string, log: string): Promise<void> => {
  for (;;) {
    const records = await store.list(kind, log, { limit: DROPPED_AT_ONCE })
    if (records.length === 0) return
    await store.write(async (tx) => {
      for (const { key } of records) await tx.delete(kind, log, key)
    })
  }
}
