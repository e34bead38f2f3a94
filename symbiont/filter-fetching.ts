import { type Caller, CLOCK_SKEW, Failure, type Input, invoke, type Output, unwrap } from '@symbiosis/protocol'
import {
  type Checkpoint,
  log,
  MAX_SHARD_BYTES,
  type ProvenFilter,
  shardOf,
  verifyConsistency,
  verifyLoggedFilter,
} from '@symbiosis/protocol/revocation'
import type { CID } from 'multiformats/cid'
import type { KeptFilter, KeptShard } from './filter-store.ts'
import { checkShard, type HeldFilter } from './held-filter.ts'

/** What a log was seen to be. */
export type SeenLog = Pick<Checkpoint, 'size' | 'root'>

export interface Fetching {
  /** What was kept of that host before. */
  readonly kept: KeptFilter | undefined
  readonly held: HeldFilter | undefined
  /** The whole filter is fetched where it can't be larger. */
  readonly maxBytes: number
  /** Else what it says of these. */
  readonly ucans: readonly CID[]
  readonly signal: AbortSignal
}

/**
 * The latest filter of a host, verified.
 * @throws Failure StaleLog where it is older than the one held; TooEarly where it is of a time to come; BadSignature, Malformed, NotCanonical and TooLarge
 * where it isn't the host's, of a log that doesn't continue the one before, or a shard isn't the filter's; and what the host answers
 */
export const fetchFilter = async (caller: Caller, { kept, held, maxBytes, ucans, signal }: Fetching): Promise<KeptFilter> => {
  const asked = caller.now()
  const filter = await ask(caller, 'filter', {}, signal)
  const proven = verifyLoggedFilter(filter, caller.host)
  mustFollow(proven, held)
  mustBeMade(proven, caller.now())
  if (held) await mustContinue(caller, proven.checkpoint, held.proven.checkpoint, signal)
  const known = held && held.size === proven.entry.size ? (kept?.shards ?? []) : []
  const shards: KeptShard[] = []
  for (const index of wanted(proven, maxBytes, ucans)) {
    const shard = known.find((each) => each.index === index) ?? (await fetchShard(caller, proven, index, signal))
    shards.push(shard)
  }
  return { asked, filter, shards }
}

const fetchShard = async (caller: Caller, proven: ProvenFilter, index: number, signal: AbortSignal): Promise<KeptShard> => {
  const shard = { index, ...(await ask(caller, 'shard', { size: proven.entry.size, shard: index }, signal)) }
  checkShard(proven, shard)
  return shard
}

/** Who could bring an older filter back could bring back what was revoked since. */
const mustFollow = ({ entry }: ProvenFilter, held: HeldFilter | undefined): void => {
  if (!held || entry.size > held.size) return
  const before = held.proven.entry
  if (entry.size === before.size && entry.now === before.now && entry.root.equals(before.root)) return
  throw new Failure('StaleLog', `The host gave a filter of ${entry.size} entries, where it gave one of ${before.size} before.`, {
    field: 'size',
    limit: before.size,
    hint: 'Somebody keeps the newer one from this device, or the host was set back: ask its owner.',
  })
}

/** A filter of a time to come would never grow old, and by its time all else would have ended. */
const mustBeMade = ({ entry }: ProvenFilter, now: number): void => {
  if (entry.now <= now + CLOCK_SKEW) return
  throw new Failure('TooEarly', `The filter is of a time that comes in ${entry.now - now} seconds.`, {
    at: entry.now,
    hint: 'Check the clock of this device, and that of the host.',
  })
}

/**
 * In a fork of its log a host could leave out what it has acknowledged in the other.
 * @throws Failure BadSignature where a checkpoint doesn't continue the one seen before
 */
export const mustContinue = async (caller: Caller, after: SeenLog, before: SeenLog, signal: AbortSignal | undefined): Promise<void> => {
  // The same one needs no proof, and for one that is shorter there is none.
  const sizes = { from: before.size, size: after.size }
  const { proof } = before.size < after.size ? await ask(caller, 'consistency', sizes, signal) : { proof: [] }
  const isContinued =
    before.size <= after.size && verifyConsistency({ from: before.size, to: after.size, proof, fromRoot: before.root, toRoot: after.root })
  if (isContinued) return
  throw new Failure('BadSignature', "The host's log does not continue the one that it showed before.", {
    field: 'checkpoint',
    hint: 'The host shows different things to different people, or was set back: ask its owner.',
  })
}

const wanted = ({ entry: { bits }, head }: ProvenFilter, maxBytes: number, ucans: readonly CID[]): Iterable<number> => {
  const count = 2 ** bits
  if (count * MAX_SHARD_BYTES <= maxBytes) return Array.from({ length: count }, (_, index) => index)
  return new Set(ucans.map(({ multihash }) => shardOf(head, bits, multihash.digest)))
}

const ask = async <N extends 'filter' | 'shard' | 'consistency'>(
  caller: Caller,
  name: N,
  input: Input<(typeof log)['abilities'][N]>,
  signal: AbortSignal | undefined,
): Promise<Output<(typeof log)['abilities'][N]>> => {
  const { result } = await invoke(caller, log, name, input, { ...(signal && { signal }) })
  return unwrap(result)
}
