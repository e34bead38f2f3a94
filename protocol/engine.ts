import type { CID } from 'multiformats/cid'
import type { Block } from './block.ts'

/**
 * The blocks of a host, as its engine gives them to services. All refusals are `Failure`s.
 *
 * There is one store for all spaces, and it knows nobody: whatever is here is found by its CID, whoever brought it. So what a service reads for
 * a space it reads below roots of which `Records.holds` says `complete`, or of which its own records say that this space brought them. Else knowing
 * a CID would be enough to have another space's content, or to learn that it is kept here.
 *
 * Nothing stays by itself. Garbage collection leaves what lies below the roots that spaces hold (`Transaction.hold`) and what services keep
 * (`Hooks.keep`), and takes the rest. Below a root is what links in dag-pb and dag-cbor lead to; those in other codecs are not followed.
 */
export interface Blocks {
  /**
   * Checks the blocks, puts them durably, then awaits `record`, which has to make them stay: by a commit that holds their root, or that writes
   * records from which `Hooks.keep` lists them. A collection sees both or neither. Throws `BadHash`, `TooLarge` (over 2 MiB, unless the host takes
   * more), `Unsupported` (hashes but sha2-256 and sha2-512), and `Unavailable` on a full disk; `record` isn't called then, and what was put is
   * garbage, as it is where `record` throws. Reserve before, so that a caller whose lease is used up fills no disk.
   */
  store(blocks: readonly Block[], record: () => Promise<void>): Promise<void>
  /**
   * Walks the DAG below `root` depth first, each block once, without fetching, yielding checked bytes. Throws `NotFound` or
   * `BadHash` (`link`: the CID) where a block is missing or damaged, `Unsupported` or `Malformed` where links can't be read, and `TooLarge`.
   */
  walk(root: CID, options?: { signal?: AbortSignal }): AsyncIterable<Block>
  /**
   * Brings every block below `root` here, and yields each, once it is durable: local ones at once, missing ones over bitswap from `origins`
   * (multiaddrs ending in `/p2p/ID`, dialled when the first block is missing) and all connected peers. `admit` is awaited with each size in
   * bytes before the block counts, and before a fetched one is written; it may throw to stop everything. Its calls overlap.
   *
   * Blocks that other spaces brought are local ones, too: by a fetch a space has what anybody on the network has who knows the CID. A service that
   * fetches for spaces says so to its callers.
   *
   * While it runs, collections keep what it brought. Afterwards only what holds or keeps the root does: record it before fetching, or at the
   * latest when `pending` is 0. Throws `InvalidInput` for origins that aren't dialled, `Unavailable` when none is reached or nothing comes any
   * more (trying again may help), and what `walk` throws but `NotFound`.
   */
  fetch(root: CID, options: { signal: AbortSignal; origins?: string[]; admit: Admit }): AsyncIterable<Fetched>
}

/** Awaited with each block's bytes before it counts, and before a fetched one is written. May throw, to stop the fetch. Calls overlap. */
export type Admit = (size: number) => void | Promise<void>

/** A block that is here now; `pending` is how many links are known whose blocks have not been reported yet, 0 with the last one. */
export interface Fetched {
  cid: CID
  size: number
  pending: number
}

/** How a host finds its way on a network, and is found there. Everything may throw `Unavailable` at once where it knows nobody to ask. */
export interface Routing {
  /** Peers that say they have the content, as they are found; one may come more than once. */
  findProviders(cid: CID, options: { signal: AbortSignal }): AsyncIterable<FoundPeer>
  /**
   * Tells the network that this host has the content. Resolves to how many peers keep that in mind, for two days. It is told once and for all
   * spaces; tell it of what the space holds, and no more.
   */
  provide(cid: CID, options: { signal: AbortSignal }): Promise<number>
  /** Doesn't tell it again. What others keep in mind they forget by themselves. */
  withdraw(cid: CID): Promise<void>
  /** @returns undefined where nobody who was asked knows the peer */
  findPeer(peer: string, options: { signal: AbortSignal }): Promise<FoundPeer | undefined>
  /** Values that peers keep under a key, as they come, and not the newest only. Check each against its key. */
  getRecords(key: Uint8Array, options: { signal: AbortSignal }): AsyncIterable<Uint8Array>
  /** Gives peers a value to keep. Resolves to how many took it, beside this host. */
  putRecord(key: Uint8Array, value: Uint8Array, options: { signal: AbortSignal }): Promise<number>
  /** Keeps the value no longer itself. */
  dropRecord(key: Uint8Array): Promise<void>
}

/** Somebody on the network and where they say that they are. */
export interface FoundPeer {
  /** The peer id as text. */
  peer: string
  /** Multiaddrs. */
  addresses: string[]
}
