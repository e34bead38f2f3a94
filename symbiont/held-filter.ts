import { type DID, Failure } from '@symbiosis/protocol'
import { decodeShard, mayBeRevoked, type ProvenFilter, shardOf, verifyLoggedFilter, verifyShard } from '@symbiosis/protocol/revocation'
import type { CID } from 'multiformats/cid'
import type { KeptFilter, KeptShard } from './filter-store.ts'

/** A filter at hand, verified as if it had just come. */
export class HeldFilter {
  readonly proven: ProvenFilter
  readonly #shards: ReadonlyMap<number, KeptShard>
  readonly #read = new Map<number, Uint32Array | undefined>()

  private constructor(proven: ProvenFilter, shards: readonly KeptShard[]) {
    this.proven = proven
    this.#shards = new Map(shards.map((shard) => [shard.index, shard]))
  }

  /** Undefined where there is none, or it isn't the host's. */
  static of(host: DID, kept: KeptFilter | undefined): HeldFilter | undefined {
    if (!kept?.filter) return undefined
    try {
      return new HeldFilter(verifyLoggedFilter(kept.filter, host), kept.shards)
    } catch (thrown) {
      if (thrown instanceof Failure) return undefined
      throw thrown
    }
  }

  /** How many entries of the log it is of. */
  get size(): number {
    return this.proven.entry.size
  }

  /** As of when, Unix seconds. */
  get time(): number {
    return this.proven.entry.now
  }

  /** Whether a UCAN may be revoked; false is certain. Undefined where the shard that would tell isn't at hand. */
  mayHave({ multihash: { digest } }: CID): boolean | undefined {
    const { entry, head } = this.proven
    const shard = this.#shard(shardOf(head, entry.bits, digest))
    return shard && mayBeRevoked(head, shard, digest)
  }

  #shard(index: number): Uint32Array | undefined {
    if (!this.#read.has(index)) this.#read.set(index, readShard(this.proven, this.#shards.get(index)))
    return this.#read.get(index)
  }
}

const readShard = (proven: ProvenFilter, shard: KeptShard | undefined): Uint32Array | undefined => {
  try {
    return shard && checkShard(proven, shard)
  } catch (thrown) {
    if (thrown instanceof Failure) return undefined
    throw thrown
  }
}

/**
 * The keys of a shard that is the filter's.
 * @throws Failure BadSignature where it is another one's; Malformed, TooLarge, NotCanonical
 */
export const checkShard = ({ entry, head }: ProvenFilter, { index, bytes, proof }: KeptShard): Uint32Array => {
  if (!verifyShard({ head, bits: entry.bits, index, shard: bytes, proof })) {
    throw new Failure('BadSignature', `A shard is not the one that the filter has as number ${index}.`, { field: 'shard' })
  }
  return decodeShard(bytes)
}
