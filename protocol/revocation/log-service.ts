import { ability, service } from '../contract.ts'
import { bytes, type Infer, int, link, list, optional, struct, text } from '../schema.ts'
import { checkpoint, hashes, loggedFields } from './logged.ts'
import { loggedFilter } from './logged-filter.ts'
import { MAX_SHARD_BYTES } from './shard.ts'

const frameFields = {
  from: int({ description: 'Index of the first entry' }),
  entries: list(
    struct({
      leaf: bytes({ description: 'The bytes that the tree has hashed' }),
      evidence: optional(bytes({ description: 'The message with the call that revoked, until what it revoked has ended by itself' })),
    }),
  ),
  checkpoint: checkpoint(),
}

/** Entries of one log, as they are pulled and pushed alike: those from an index on, and a checkpoint that has them all. */
export const frame = struct(frameFields)

/** Entries of a log from one index on, with the checkpoint that they are in. */
export type LogFrame = Infer<typeof frame>

/** Witnesses whose cosignatures a note carries. */
export const MAX_WITNESSES = 32

/** Revocations of one UCAN that one answer has at the most, and principals that it is asked of. */
export const MAX_FOUND = 32

/** Reading a host's log of revocations. Open to all: a log that not everybody may read convinces nobody. */
export const log = service('log', {
  rev: 1,
  about: 'Shows what the host knows to be revoked, in a log that it can not rewrite unnoticed',
  abilities: {
    checkpoint: ability({
      about: 'Tells how long the log is, signed',
      authority: 'open',
      effect: 'read',
      nb: struct({}),
      ok: struct({
        checkpoint: checkpoint(),
        key: bytes(),
        witnesses: list(struct({ host: text(), key: bytes({ description: 'Its delegation of log/witness to the key that cosigned' }) }), {
          maxItems: MAX_WITNESSES,
          description: 'Hosts that have cosigned this checkpoint',
        }),
      }),
    }),
    entries: ability({
      about: 'Reads entries',
      authority: 'open',
      effect: 'read',
      nb: struct({ from: int(), limit: optional(int({ min: 1, max: 1000 })) }),
      ok: frame,
    }),
    mirrored: ability({
      about: 'Reads entries of the log of a host that this one follows',
      authority: 'open',
      effect: 'read',
      nb: struct({
        of: text({ maxLength: 128, description: 'DID of the host whose log it is' }),
        from: int(),
        limit: optional(int({ min: 1, max: 1000 })),
      }),
      ok: struct({ ...frameFields, key: loggedFields.key }),
    }),
    find: ability({
      about: 'Tells whether the log has a UCAN as revoked',
      authority: 'open',
      effect: 'read',
      nb: struct({
        ucan: link(),
        by: optional(list(text({ maxLength: 128 }), { maxItems: MAX_FOUND, description: 'By whom; by anybody unless told' })),
      }),
      ok: struct({
        entries: list(struct({ index: loggedFields.index, entry: loggedFields.entry, proof: loggedFields.proof }), {
          maxItems: MAX_FOUND,
          description: 'Those that it has; none where it has none',
        }),
        checkpoint: checkpoint(),
        key: loggedFields.key,
      }),
    }),
    inclusion: ability({
      about: 'Proves that an entry stands in the log',
      authority: 'open',
      effect: 'read',
      nb: struct({ index: int(), size: optional(int({ min: 1, description: 'Of the log, as a checkpoint has it; now unless told' })) }),
      ok: struct({ size: int(), proof: hashes() }),
    }),
    consistency: ability({
      about: 'Proves that the log only grew',
      authority: 'open',
      effect: 'read',
      nb: struct({ from: int({ min: 1 }), size: optional(int({ min: 1 })) }),
      ok: struct({ size: int(), proof: hashes() }),
    }),
    cosign: ability({
      about: 'Hands a checkpoint back, cosigned by a host that follows the log',
      authority: 'open',
      effect: 'idempotent',
      nb: struct({
        checkpoint: checkpoint(),
        key: bytes({ description: "The witness's delegation of log/witness to the key that cosigned" }),
      }),
      ok: struct({}),
    }),
    filter: ability({
      about: 'Gives the latest compact filter of what is revoked, for those who go out of reach',
      authority: 'open',
      effect: 'read',
      nb: struct({}),
      ok: loggedFilter,
    }),
    shard: ability({
      about: 'Gives a part of a compact filter',
      authority: 'open',
      effect: 'read',
      nb: struct({ size: int({ description: 'Of the log that the filter is of, which tells filters apart' }), shard: int() }),
      ok: struct({ bytes: bytes({ maxLength: MAX_SHARD_BYTES }), proof: hashes() }),
    }),
    watch: ability({
      about: 'Follows the log as it grows',
      authority: 'open',
      effect: 'read',
      stream: 'out',
      nb: struct({ from: int() }),
      ok: struct({ checkpoint: checkpoint(), key: bytes() }),
    }),
  },
})
