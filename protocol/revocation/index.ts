export { bearing, type Revocation } from './bearing.ts'
export { rootBefore } from './began.ts'
export { type Checkpoint, formatCheckpoint, originOf, parseCheckpoint } from './checkpoint.ts'
export { type Consistency, consistencyProof, verifyConsistency } from './consistency.ts'
export { cosignatureTime, cosigner } from './cosignature.ts'
export { decodeEntry, type Entry, encodeEntry, type FilterEntry, type ManifestEntry, type RevocationEntry } from './entry.ts'
export { isProved } from './evidence.ts'
export {
  decodeFilterHead,
  encodeFilterHead,
  type FilterHead,
  filterRoot,
  mayBeRevoked,
  type ShardClaim,
  shardOf,
  verifyShard,
} from './filter.ts'
export { buildFilter, type Filter, FilterBuilder, type FilterOptions, isFilterOf, shardProofs } from './filter-building.ts'
export { decodeFork, encodeFork, type Fork, verifyFork } from './fork.ts'
export { emptyRoot, HASH_BYTES, leafHash, nodeHash } from './hashing.ts'
export { type Inclusion, inclusionProof, rootFromInclusion, verifyInclusion } from './inclusion.ts'
export { COSIGNATURE, decodeVerifierKey, ED25519, encodeVerifierKey, type SignatureType, type VerifierKey, verifierKey } from './key.ts'
export { frame, type LogFrame, log, MAX_FOUND, MAX_WITNESSES } from './log-service.ts'
export { type Logged, logged } from './logged.ts'
export type { LoggedFilter } from './logged-filter.ts'
export {
  formatNote,
  NOTE_BOUNDS,
  type Note,
  type NoteBounds,
  type NoteSignature,
  type NoteSigner,
  noteSigner,
  parseNote,
  signNote,
  type VerifiedNote,
  verifyNote,
} from './note.ts'
export { LOG_SIGN, LOG_WITNESS, logKeyOf, type Proven, verifyLogged, witnessKeyOf, witnessOf } from './proven.ts'
export { type ProvenFilter, verifyLoggedFilter } from './proven-filter.ts'
export { CompactRange, type Visit } from './range.ts'
export { type HashReader, rootAt } from './reading.ts'
export { revocation } from './service.ts'
export { decodeShard, encodeShard, MAX_SHARD_BYTES, SHARD_KEYS } from './shard.ts'
export { type CheckpointTrust, type SignedCheckpoint, signCheckpoint, verifyCheckpoint } from './signed-checkpoint.ts'
export { newTiles, parseTilePath, TILE_WIDTH, type Tile, tilePath, tileWidth } from './tile-path.ts'
export { decodeEntries, decodeTile, encodeEntries, encodeTile, tileReader } from './tiles.ts'
