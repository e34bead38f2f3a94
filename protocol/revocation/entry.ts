import type { CID } from 'multiformats/cid'
import { DAG_CBOR } from '../block.ts'
import { decode, encode, type Value } from '../cbor.ts'
import { Failure } from '../failure.ts'
import { asLink } from '../link.ts'
import { bytesFromDid, type DID, didFromBytes } from '../principal.ts'

/** A leaf of a host's log: what the host knew, and has to stand by. The leaf's hash is over the bytes of `encodeEntry`. */
export type Entry = RevocationEntry | ManifestEntry | FilterEntry

/** `{ r: [ucan, by, exp, cause] }`: a UCAN was taken back. About 125 bytes. */
export interface RevocationEntry {
  readonly kind: 'revocation'
  /** The revoked UCAN. */
  readonly ucan: CID
  /** Who took it back. Written as the 34 bytes that UCANs name principals by. */
  readonly by: DID
  /** When the revoked UCAN ends by itself, Unix seconds, or null for never. */
  readonly expiration: number | null
  /** The `ucan/revoke` invocation that says it, signed by `by`. */
  readonly cause: CID
}

/** `{ m: [seq, root] }`: a manifest was published. */
export interface ManifestEntry {
  readonly kind: 'manifest'
  readonly seq: number
  readonly root: CID
}

/** `{ f: [size, now, bits, root] }`: a compact filter was made of the log's first `size` entries. */
export interface FilterEntry {
  readonly kind: 'filter'
  readonly size: number
  /** When, Unix seconds: what had ended by itself then is not in it. */
  readonly now: number
  /** By how many leading bits of a key's place its shards are told apart, 0 to 32. */
  readonly bits: number
  /** Its head: see `FilterHead`. */
  readonly root: CID
}

/** As many as a key's place has. */
export const MAX_SHARD_BITS = 32

/**
 * The bytes of an entry, DAG-CBOR.
 * @throws Failure Malformed for what no reader would admit
 */
export const encodeEntry = (entry: Entry): Uint8Array => {
  const bytes = encode(fieldsOf(entry))
  decodeEntry(bytes)
  return bytes
}

const fieldsOf = (entry: Entry): unknown => {
  switch (entry.kind) {
    case 'revocation':
      return { r: [entry.ucan, bytesFromDid(entry.by), entry.expiration, entry.cause] }
    case 'manifest':
      return { m: [entry.seq, entry.root] }
    case 'filter':
      return { f: [entry.size, entry.now, entry.bits, entry.root] }
  }
}

/**
 * Reads an entry, which has one form.
 * @throws Failure Malformed; NotCanonical for a second form, such as a link under another hash function; Unsupported for an entry of a kind that is not known
 * here: whoever follows a log can still append it
 */
export const decodeEntry = (bytes: Uint8Array): Entry => {
  const value = decode(bytes)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || Array.isArray(value) || asLink(value)) throw malformed()
  const [[kind, fields] = [], ...more] = Object.entries(value as { [key: string]: Value })
  if (kind === undefined || more.length > 0 || !Array.isArray(fields)) throw malformed()
  switch (kind) {
    case 'r':
      return revocationOf(fields)
    case 'm':
      return manifestOf(fields)
    case 'f':
      return filterOf(fields)
    default:
      throw new Failure('Unsupported', `An entry is of the kind "${kind.slice(0, 20)}", which is not known here.`, { field: 'kind' })
  }
}

const revocationOf = (fields: readonly Value[]): RevocationEntry => {
  const [ucan, by, expiration, cause] = exactly(4, fields)
  return {
    kind: 'revocation',
    ucan: linkOf(ucan, 'ucan'),
    by: principalOf(by),
    expiration: expiration === null ? null : countOf(expiration, 'exp'),
    cause: linkOf(cause, 'cause'),
  }
}

const manifestOf = (fields: readonly Value[]): ManifestEntry => {
  const [seq, root] = exactly(2, fields)
  return { kind: 'manifest', seq: countOf(seq, 'seq'), root: linkOf(root, 'root') }
}

const filterOf = (fields: readonly Value[]): FilterEntry => {
  const [size, now, bits, root] = exactly(4, fields)
  return {
    kind: 'filter',
    size: countOf(size, 'size'),
    now: countOf(now, 'now'),
    bits: countOf(bits, 'bits', MAX_SHARD_BITS),
    root: linkOf(root, 'root'),
  }
}

const malformed = (field?: string): Failure => new Failure('Malformed', `A block is not an entry${field ? `: "${field}"` : ''}.`, { field })

const exactly = (count: number, fields: readonly Value[]): readonly Value[] => {
  if (fields.length !== count) throw malformed()
  return fields
}

const countOf = (value: Value | undefined, field: string, most = Number.MAX_SAFE_INTEGER): number => {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > most) throw malformed(field)
  return value
}

const principalOf = (value: Value | undefined): DID => {
  const did = value instanceof Uint8Array ? didFromBytes(value) : undefined
  if (!did) throw malformed('by')
  return did
}

/** One block, one CID: a revocation of a second name of a UCAN would revoke nothing. */
const linkOf = (value: Value | undefined, field: string): CID => {
  const cid = asLink(value)
  if (!cid) throw malformed(field)
  // Version 0 is dag-pb always.
  if (cid.code !== DAG_CBOR || cid.multihash.code !== 0x12 || cid.multihash.size !== 32) {
    throw new Failure('NotCanonical', `The link "${field}" of an entry is not CIDv1, dag-cbor and sha2-256.`, { field })
  }
  return cid
}
