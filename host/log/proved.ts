import { sameBytes } from '@symbiosis/protocol'
import { CompactRange, type HashReader, leafHash, TILE_WIDTH } from '@symbiosis/protocol/revocation'
import type { StoreReader } from '../store/store.ts'
import { hashReader, readBundle } from './records.ts'
import { damaged, orDamaged } from './revocation-log.ts'

/**
 * Refuses a stretch of entries that is not the log's. It is one that fills a node whose hash stands in a tile, or that reaches the log's end: then its nodes are the last
 * of those that the log's range is made of.
 * @param range of the whole log, held against its checkpoint
 * @throws Failure Unavailable
 */
export const mustStand = async (read: CompactRange, range: CompactRange, nodes: HashReader): Promise<void> => {
  const { begin, end, hashes } = read
  const known =
    end === range.end ? range.hashes.slice(range.hashes.length - hashes.length) : [await nodes(levelOf(end - begin), begin / (end - begin))]
  const same = hashes.length === known.length && hashes.every((hash, at) => sameBytes(hash, known[at] as Uint8Array))
  if (!same) throw damaged(`its entries from ${begin} on are not those of its checkpoint`)
}

const levelOf = (width: number): number => Math.log2(width)

/**
 * The entries of a bundle, each being what the log has at its place: whoever looks up what was revoked must not be told by a bit that has flipped that it was not.
 * @throws Failure Unavailable where it is damaged
 */
export const provedBundle = async (reader: StoreReader, log: string, index: number, range: CompactRange): Promise<Uint8Array[]> => {
  const entries = await orDamaged(() => readBundle(reader, log, index, range.end))
  const read = new CompactRange(index * TILE_WIDTH)
  for (const entry of entries) read.append(leafHash(entry))
  await mustStand(read, range, hashReader(reader, log, range.end))
  return entries
}
