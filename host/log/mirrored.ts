import { Failure, type Output } from '@symbiosis/protocol'
import { decodeEntry, type LogFrame, type log, type RevocationEntry } from '@symbiosis/protocol/revocation'
import type { StoreReader, StoreTransaction } from '../store/store.ts'
import { readEntries, readHead, readKey } from './records.ts'
import { FRAME_BYTES, FRAME_ENTRIES } from './revocation-log.ts'
import { expiryOf } from './told.ts'

export type Mirrored = Output<(typeof log)['abilities']['mirrored']>

/** What came with the entries of a followed log. Many in a record: one for each would lie all over the disk. */
export const MIRRORED = 'log/mirrored'
const WIDTH = 32

interface Kept {
  /** One place for each entry. */
  readonly evidence: (Uint8Array | null)[]
  /** When the last of what they revoke ends by itself, or null for never. */
  readonly ends: number | null
}

/**
 * Keeps the evidence of entries from an index on, in the transaction that mirrors them. It isn't needed here: it is for the host whose log that is, so that those
 * who follow it believe the log that it has had back.
 */
export const keepEvidence = async (tx: StoreTransaction, log: string, first: number, entries: LogFrame['entries']): Promise<void> => {
  for (let at = 0; at < entries.length; ) {
    const block = Math.floor((first + at) / WIDTH)
    const end = Math.min(entries.length, (block + 1) * WIDTH - first)
    const before = (await tx.get(MIRRORED, log, keyOf(block))) as unknown as Kept | undefined
    const evidence = [...(before?.evidence ?? [])]
    let ends: number | null = before ? before.ends : 0
    for (; at < end; at++) {
      const { leaf, evidence: some } = entries[at] as LogFrame['entries'][number]
      const entry = some && revocationIn(leaf)
      if (!entry) continue
      const place = (first + at) % WIDTH
      while (evidence.length < place) evidence.push(null)
      evidence[place] = some
      ends = ends === null || entry.expiration === null ? null : Math.max(ends, entry.expiration)
    }
    if (evidence.length > 0) await tx.put(MIRRORED, log, keyOf(block), { evidence, ends }, expiryOf(ends))
  }
}

/**
 * Entries of the log of another host, and its checkpoint: with the last of them they are all that it is over, unless the log is being followed just now.
 * @throws Failure NotFound where that log isn't followed here, or has no such entries
 */
export const mirrored = async (reader: StoreReader, of: string, from: number, limit = FRAME_ENTRIES): Promise<Mirrored> => {
  const [head, key] = await Promise.all([readHead(reader, of), readKey(reader, of)])
  // This host's own log has no key beside it, and is read as what it is.
  if (!head || !key) throw new Failure('NotFound', `This host follows no log of ${of}.`, { field: 'of' })
  const size = head.range.end
  if (from > size) throw new Failure('NotFound', `There is no entry ${from} of that log here.`, { field: 'from', asked: from, limit: size })
  const to = Math.min(size, from + Math.min(limit, FRAME_ENTRIES))
  const evidence = await readEvidence(reader, of, from, to)
  const entries: LogFrame['entries'] = []
  let bytes = 0
  for await (const leaf of readEntries(reader, of, from, to)) {
    const known = evidence.get(from + entries.length)
    bytes += leaf.length + (known?.length ?? 0)
    if (entries.length > 0 && bytes > FRAME_BYTES) break
    entries.push({ leaf, ...(known && { evidence: known }) })
  }
  return { from, entries, checkpoint: head.checkpoint, key }
}

const readEvidence = async (reader: StoreReader, of: string, from: number, to: number): Promise<Map<number, Uint8Array>> => {
  const evidence = new Map<number, Uint8Array>()
  const first = Math.floor(from / WIDTH)
  const limit = Math.ceil(to / WIDTH) - first
  if (limit <= 0) return evidence
  for (const { key, value } of await reader.list(MIRRORED, of, { ...(first > 0 && { after: keyOf(first - 1) }), limit })) {
    const begin = Number.parseInt(key, 16) * WIDTH
    for (const [at, some] of (value as unknown as Kept).evidence.entries()) if (some) evidence.set(begin + at, some)
  }
  return evidence
}

const keyOf = (block: number): string => block.toString(16).padStart(12, '0')

/** The revocation that an entry says, if it is one. */
export const revocationIn = (leaf: Uint8Array): RevocationEntry | undefined => {
  try {
    const entry = decodeEntry(leaf)
    return entry.kind === 'revocation' ? entry : undefined
  } catch (thrown) {
    // Of a later version, or nonsense: it is its host's to answer for.
    if (thrown instanceof Failure) return undefined
    throw thrown
  }
}
