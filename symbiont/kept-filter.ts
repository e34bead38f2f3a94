import { bytes, check, decode, encode, int, list, optional, struct } from '@symbiosis/protocol'
import { log, MAX_SHARD_BYTES } from '@symbiosis/protocol/revocation'
import type { KeptFilter } from './filter-store.ts'

const kept = struct({
  asked: int(),
  filter: optional(log.abilities.filter.ok),
  shards: list(struct({ index: int(), bytes: bytes({ maxLength: MAX_SHARD_BYTES }), proof: list(bytes(), { maxItems: 64 }) }), {
    maxItems: 65_536,
  }),
})

/** A filter as DAG-CBOR, for stores that keep bytes. */
export const encodeKept = ({ asked, filter, shards }: KeptFilter): Uint8Array =>
  encode({ asked, ...(filter && { filter: { ...filter } }), shards: shards.map((shard) => ({ ...shard })) })

/** Undefined for anything else than what `encodeKept` wrote. */
export const decodeKept = (bytes: Uint8Array): KeptFilter | undefined => {
  try {
    const value = decode(bytes)
    return check(kept, value) ? undefined : (value as unknown as KeptFilter)
  } catch {
    return undefined
  }
}
