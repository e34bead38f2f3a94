import { sameBytes } from '@symbiosis/protocol'
import { CompactRange, type HashReader, leafHash, nodeHash, TILE_WIDTH } from '@symbiosis/protocol/revocation'
import type { StoreReader } from '../store/store.ts'
import { hashReader, readBundle } from './records.ts'
import { damaged, orDamaged } from './revocation-log.ts'

/** Refuses entries that are not the log's. They fill a node whose hash stands in a tile, or reach the log's end: then their nodes are the last of its range's. */
const mustStand = async (read: CompactRange, range: CompactRange, nodes: HashReader): Promise<void> => {
  const { begin, end, hashes } = read
  const known =
    end === range.end ? range.hashes.slice(range.hashes.length - hashes.length) : [await nodes(levelOf(end - begin), begin / (end - begin))]
  const same = hashes.length === known.length && hashes.every((hash, at) => sameBytes(hash, known[at] as Uint8Array))
  if (!same) throw damaged(`its entries from ${begin} on are not those of its checkpoint`)
}

/** Of the node that a bundle fills. */
const BUNDLE_LEVEL = 8

const levelOf = (width: number): number => Math.log2(width)

/**
 * The hash of the node over so many bundles, made of those over each and held against what a tile says of it.
 * @throws Failure Unavailable where tiles contradict each other
 */
export const provedNode = async (level: number, index: number, nodes: HashReader): Promise<Uint8Array> => {
  const over = async (at: number, which: number): Promise<Uint8Array> =>
    at === BUNDLE_LEVEL ? nodes(at, which) : nodeHash(await over(at - 1, 2 * which), await over(at - 1, 2 * which + 1))
  const node = await over(level, index)
  if (!sameBytes(node, await nodes(level, index))) throw damaged('its tiles are not over each other')
  return node
}

/**
 * The entries of a bundle, each being what the log has at its place: whoever looks up what was revoked must not be told by a bit that has flipped that it was not.
 * @param range of the whole log, held against its checkpoint
 * @throws Failure Unavailable where it is damaged
 */
export const provedBundle = async (
  reader: StoreReader,
  log: string,
  index: number,
  range: CompactRange,
  nodes: HashReader = hashReader(reader, log, range.end),
): Promise<Uint8Array[]> => {
  const entries = await orDamaged(() => readBundle(reader, log, index, range.end))
  const read = new CompactRange(index * TILE_WIDTH)
  for (const entry of entries) read.append(leafHash(entry))
  await orDamaged(() => mustStand(read, range, nodes))
  return entries
}
