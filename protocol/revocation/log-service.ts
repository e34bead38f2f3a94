import { ability, service } from '../contract.ts'
import { bytes, type Infer, int, list, optional, struct, text } from '../schema.ts'

/** A note's bounds are wider; what a log signs has one signature and one line for each of its witnesses. */
const checkpoint = () => text({ maxLength: 16 * 1024, description: 'The signed checkpoint, a C2SP note' })
const hashes = () => list(bytes({ maxLength: 32 }), { maxItems: 64 })

/** Entries of one log, as they are pulled and pushed alike: those from an index on, and a checkpoint that has them all. */
export const frame = struct({
  from: int({ description: 'Index of the first entry' }),
  entries: list(
    struct({
      leaf: bytes({ description: 'The bytes that the tree has hashed' }),
      evidence: optional(bytes({ description: 'The message with the call that revoked, until what it revoked has ended by itself' })),
    }),
  ),
  checkpoint: checkpoint(),
})

export type LogFrame = Infer<typeof frame>

/** That a revocation stands in the log of a host. Whoever holds it needs nobody to prove it. */
export const logged = struct({
  index: int(),
  entry: bytes({ description: 'The leaf, see `decodeEntry`' }),
  proof: hashes(),
  checkpoint: checkpoint(),
  key: bytes({ description: "The host's delegation of log/sign to the key that signed the checkpoint, archived" }),
})

export type Logged = Infer<typeof logged>

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
      ok: struct({ checkpoint: checkpoint(), key: bytes() }),
    }),
    entries: ability({
      about: 'Reads entries',
      authority: 'open',
      effect: 'read',
      nb: struct({ from: int(), limit: optional(int({ min: 1, max: 1000 })) }),
      ok: frame,
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
