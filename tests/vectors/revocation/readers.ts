import { isDeepStrictEqual } from 'node:util'
import { Failure } from '@symbiosis/protocol'
import {
  buildFilter,
  CompactRange,
  decodeEntries,
  decodeEntry,
  decodeShard,
  encodeFilterHead,
  leafHash,
  parseCheckpoint,
  parseTilePath,
  shardOf,
  verifyConsistency,
  verifyInclusion,
  verifyNote,
} from '@symbiosis/protocol/revocation'
import type { Base64 } from '../format.ts'
import { fromBase64, toBase64, toDagJson } from '../json.ts'
import type { LogFile } from './format.ts'

/** Answers the vectors of each kind, in the terms in which they say what is expected. */
export type Reader = {
  readonly [Kind in LogFile['kind']]: (vector: VectorOf<Kind>, file: Extract<LogFile, { kind: Kind }>) => unknown
}
type VectorOf<Kind> = Extract<LogFile, { kind: Kind }>['vectors'][number]

/** Where a reader answers otherwise than the file expects: one line for each vector. */
export const problemsOf = (file: LogFile, reader: Reader): string[] => {
  const answer = reader[file.kind] as (vector: LogFile['vectors'][number], file: LogFile) => unknown
  return file.vectors.flatMap((vector) => {
    const answered = refusedOr(() => answer(vector, file))
    if (isDeepStrictEqual(answered, vector.expect)) return []
    return [`${vector.name}: expected ${JSON.stringify(vector.expect)}, and it is ${JSON.stringify(answered)}`]
  })
}

/** A refusal of the protocol's has its code for a name, one of the second reading's has it in a field. */
const refusedOr = (read: () => unknown): unknown => {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof Failure) return { code: thrown.name }
    const { code } = thrown as { code?: string }
    if (code === undefined) throw thrown
    return { code }
  }
}

/** Where shards are, nothing is asked. */
const NONE = new Uint8Array(32)
const all = (list: readonly Base64[]): Uint8Array[] => list.map(fromBase64)

/** The implementation of this repository, by its public exports. */
export const ours: Reader = {
  root: ({ entries }) => {
    const range = new CompactRange()
    for (const entry of all(entries)) range.append(leafHash(entry))
    return { root: toBase64(range.root()) }
  },
  inclusion: ({ index, size, leaf, proof, root }) => ({
    valid: verifyInclusion({ index, size, leaf: fromBase64(leaf), proof: all(proof), root: fromBase64(root) }),
  }),
  consistency: ({ from, to, proof, fromRoot, toRoot }) => ({
    valid: verifyConsistency({ from, to, proof: all(proof), fromRoot: fromBase64(fromRoot), toRoot: fromBase64(toRoot) }),
  }),
  entry: ({ bytes }) => ({ entry: toDagJson(decodeEntry(fromBase64(bytes))) }),
  note: ({ note, keys }) => {
    const { text, signatures, unknown } = verifyNote(fromBase64(note), keys)
    return { text, signed: signatures.map(({ name }) => name), unknown: unknown.map(({ name }) => name) }
  },
  checkpoint: ({ text }) => {
    const { origin, size, root, extensions } = parseCheckpoint(text)
    return { origin, size, root: toBase64(root), extensions }
  },
  'tile-path': ({ path }) => parseTilePath(path),
  bundle: ({ bytes, width }) => ({ entries: decodeEntries(fromBase64(bytes), width).map(toBase64) }),
  shard: ({ bytes }) => ({ values: [...decodeShard(fromBase64(bytes))] }),
  'filter-place': ({ log, digest, bits }) => ({ shard: shardOf({ log: fromBase64(log), shards: NONE }, bits, fromBase64(digest)) }),
  filter: ({ entries, now }) => {
    const range = new CompactRange()
    for (const entry of all(entries)) range.append(leafHash(entry))
    const options = { size: entries.length, now, log: range.root() }
    const { bits, root, head, shards } = buildFilter(all(entries).map(decodeEntry), options)
    return { bits, root: String(root), head: toBase64(encodeFilterHead(head)), shards: shards.map(toBase64) }
  },
}
