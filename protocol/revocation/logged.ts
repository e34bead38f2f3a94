import { bytes, type Infer, int, list, struct, text } from '../schema.ts'

/** A note's bounds are wider; what a log signs has one signature and one line for each of its witnesses. */
export const checkpoint = () => text({ maxLength: 16 * 1024, description: 'The signed checkpoint, a C2SP note' })
export const hashes = () => list(bytes({ maxLength: 32 }), { maxItems: 64 })

export const loggedFields = {
  index: int(),
  entry: bytes({ description: 'The leaf, see `decodeEntry`' }),
  proof: hashes(),
  checkpoint: checkpoint(),
  key: bytes({ description: "The host's delegation of log/sign to the key that signed the checkpoint, archived" }),
}

/** That an entry stands in the log of a host. Whoever holds it needs nobody to prove it. */
export const logged = struct(loggedFields)

/** Where an entry stands in a log, and what proves it. */
export type Logged = Infer<typeof logged>
