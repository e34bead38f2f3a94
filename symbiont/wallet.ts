import { bool, type DID, generateSeed, int, list, optional, struct, text } from '@symbiosis/protocol'
import { base64url } from 'multiformats/bases/base64'

/**
 * What a device keeps: plain data, fit for JSON. Who reads it can act as the device. Binary is multibase base64url text ("u...");
 * an `archive` is a delegation or lease with its proofs, as `extract` of @symbiosis/protocol reads it; times are Unix seconds.
 */
export interface WalletState {
  /** The agent's 32-byte private key. */
  seed: string
  /** What the agent may act for, in the order it came by them. `own` are the ones that a phrase of this device's owner recovers. */
  spaces: { did: DID; own: boolean; delegations: KeptArchive[] }[]
  hosts: KeptHost[]
  leases: KeptArchive[]
  /** What the agent delegated, so that it can be revoked by its CID. */
  issued: KeptArchive[]
  revoked: KeptRevocation[]
}

/** A delegation or lease, as a wallet keeps it. */
export interface KeptArchive {
  archive: string
  /** When it came into the wallet. */
  since: number
}

/** A host that a wallet knows. */
export interface KeptHost {
  did: DID
  name: string
  /** Where it answers, the last one that worked for pairing first. */
  urls: string[]
  /**
   * The last manifest that was seen of it, by its number and the CID of its root: older ones are not believed any more. `log` is what the host's log was
   * then, how many entries and the hash over them: one that doesn't continue it isn't believed, either.
   */
  manifest?: { seq: number; root: string; log?: { size: number; root: string } }
}

/** A UCAN known to be revoked: learned from a refusal, or revoked from here. */
export interface KeptRevocation {
  /** CID of the revoked UCAN. */
  ucan: string
  by?: string
  at: number
  /** The UCAN, where it was revoked from here: hosts that it could be used at have to be told, now or when they can be reached. */
  archive?: string
  /** The hosts that acknowledged it, when, and what proves that it stands in their logs: a `Logged` in DAG-CBOR. */
  told: { host: string; at: number; log?: string }[]
}

const MANY = { maxItems: 100_000 }
const archives = () => list(struct({ archive: text({ maxLength: 2_000_000 }), since: int() }), MANY)

/** The shape that a stored wallet must have. */
export const walletSchema = struct({
  seed: text({ minLength: 44, maxLength: 44 }),
  spaces: list(struct({ did: text(), own: bool(), delegations: archives() }), MANY),
  hosts: list(
    struct({
      did: text(),
      name: text(),
      urls: list(text()),
      manifest: optional(struct({ seq: int(), root: text(), log: optional(struct({ size: int(), root: text() })) })),
    }),
    MANY,
  ),
  leases: archives(),
  issued: archives(),
  revoked: list(
    struct({
      ucan: text(),
      by: optional(text()),
      at: int(),
      archive: optional(text({ maxLength: 2_000_000 })),
      told: list(struct({ host: text(), at: int(), log: optional(text({ maxLength: 64 * 1024 })) }), MANY),
    }),
    MANY,
  ),
})

/** A change of the wallet: pure and synchronous, since it may run again. `undefined` comes in where nothing was kept yet. */
export type Change = (state: WalletState | undefined) => WalletState

/**
 * Where a wallet is kept. There is no `save` of a whole state on purpose: two processes, or two tabs, that share a wallet would lose each
 * other's changes.
 */
export interface Wallet {
  /**
   * The last state that was kept, or undefined where there is none.
   * @throws Failure Malformed for a wallet that can't be read; it's never taken for an empty one
   */
  load(): Promise<WalletState | undefined>
  /** Applies a change to the last state, whoever wrote it, and resolves with what is now kept for good. */
  update(change: Change): Promise<WalletState>
}

/** A wallet that ends with the process. */
export const memoryWallet = (initial?: WalletState): Wallet => {
  let state = structuredClone(initial)
  return {
    load: async () => structuredClone(state),
    update: async (change) => {
      state = structuredClone(change(structuredClone(state)))
      return structuredClone(state)
    },
  }
}

/** A wallet with a new agent key and nothing else. */
export const emptyWallet = (): WalletState => ({
  seed: base64url.encode(generateSeed()),
  spaces: [],
  hosts: [],
  leases: [],
  issued: [],
  revoked: [],
})
