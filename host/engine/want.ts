import { setTimeout } from 'node:timers/promises'
import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import { type Admit, brief, Failure } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import { orAbort } from './abort.ts'
import { type BlockKey, blockKey, type PutOptions } from './blocks.ts'
import { Errand } from './errand.ts'

export interface WantBounds {
  /** A fetch to which no block has come for so long fails, milliseconds. Default 60 000. */
  stallMs?: number
  /** After so long a block is asked for anew, and origins that went away are dialled again, milliseconds. Default 5 000. */
  retryMs?: number
  /** Longest dial of an origin, milliseconds. Default 10 000. */
  dialMs?: number
}

/** The part of a Helia node that gets blocks: over bitswap, stored in its blockstore, the options given on to the store's `put`. */
export interface BlockSource {
  blockstore: { get(cid: CID, options: PutOptions): AsyncIterable<Uint8Array> | Iterable<Uint8Array> }
  libp2p: Pick<Libp2p, 'dial' | 'getPeers' | 'getConnections'>
}

/** What several fetches have in common, so that a block that two of them lack is asked for once. */
export type Wanted = Map<BlockKey, Errand>

/** One fetch's side of the network: its origins, and the time when a block last came. */
export class Wants {
  readonly #source: BlockSource
  readonly #wanted: Wanted
  /** By peer id. */
  readonly #origins: Map<string, Multiaddr[]>
  readonly #bounds: Required<WantBounds>
  #lastBlock = performance.now()
  #dialling: Promise<void> | undefined

  constructor(source: BlockSource, wanted: Wanted, origins: readonly Multiaddr[], bounds: WantBounds = {}) {
    const { stallMs = 60_000, retryMs = 5_000, dialMs = 10_000 } = bounds
    this.#source = source
    this.#wanted = wanted
    this.#origins = Map.groupBy(origins, (address) => address.getComponents().at(-1)?.value ?? '')
    this.#bounds = { stallMs, retryMs, dialMs }
  }

  /**
   * A block that isn't here: asked of the origins and all connected peers until it comes, checked, admitted, and stored durably. Throws
   * `Unavailable` when no origin can be reached and nobody else is connected, or when nothing came for `stallMs`.
   */
  async want(cid: CID, { signal, admit }: { signal: AbortSignal; admit: Admit }): Promise<Uint8Array> {
    const key = blockKey(cid)
    await orAbort(this.#connect(signal, false), signal)
    for (;;) {
      const joined = this.#wanted.get(key)
      const errand = joined ?? this.#begin(key, cid)
      const outcome = await errand.join(admit, signal)
      signal.throwIfAborted()
      if ('refused' in outcome) throw outcome.refused
      if ('bytes' in outcome) {
        this.#lastBlock = performance.now()
        return outcome.bytes
      }
      // Another's failure is its own: this one then tries for itself.
      if (!joined) throw outcome.failed
    }
  }

  #begin(key: BlockKey, cid: CID): Errand {
    const errand = new Errand((signal, admit) =>
      this.#insist(cid, signal, admit).finally(() => {
        if (this.#wanted.get(key) === errand) this.#wanted.delete(key)
      }),
    )
    this.#wanted.set(key, errand)
    return errand
  }

  async #insist(cid: CID, signal: AbortSignal, admit: Admit): Promise<Uint8Array> {
    const since = performance.now()
    for (;;) {
      signal.throwIfAborted()
      const left = Math.max(this.#lastBlock, since) + this.#bounds.stallMs - performance.now()
      if (left <= 0) throw this.#stalled(cid)
      const bytes = await this.#ask(cid, signal, admit, Math.min(left, this.#bounds.retryMs))
      if (bytes !== undefined) return bytes
      await orAbort(this.#connect(signal, true), signal)
    }
  }

  /** One try; undefined when nobody answered in time, or Helia failed in a way that another try may mend. */
  async #ask(cid: CID, signal: AbortSignal, admit: Admit, ms: number): Promise<Uint8Array | undefined> {
    const patience = new AbortController()
    const timer = globalThis.setTimeout(() => patience.abort(), ms)
    let admitted = false
    const options = {
      signal: AbortSignal.any([signal, patience.signal]),
      admit: async (size: number): Promise<void> => {
        await admit(size)
        admitted = true
      },
    }
    try {
      const bytes = await orAbort(only(this.#source.blockstore.get(cid, options)), options.signal)
      // It had come by another way in the meantime, so that no put admitted it.
      if (!admitted) await admit(bytes.length)
      return bytes
    } catch (reason) {
      signal.throwIfAborted()
      if (patience.signal.aborted) return undefined
      if (!isHelias(reason)) throw reason
      await setTimeout(Math.min(ms, 250), undefined, { signal })
      return undefined
    } finally {
      clearTimeout(timer)
    }
  }

  /** Dials the origins, once for all who ask meanwhile, and is content with one. While one is connected, only a retry (`again`) dials others. */
  async #connect(signal: AbortSignal, again: boolean): Promise<void> {
    const { libp2p } = this.#source
    const away = [...this.#origins].filter(([id]) => libp2p.getConnections(peerIdFromString(id)).length === 0)
    if (away.length === 0 || (away.length < this.#origins.size && !again)) return
    this.#dialling ??= this.#dial(away, signal).finally(() => {
      this.#dialling = undefined
    })
    return await this.#dialling
  }

  async #dial(away: Array<[string, Multiaddr[]]>, signal: AbortSignal): Promise<void> {
    const { libp2p } = this.#source
    try {
      await Promise.any(
        away.map(([, addresses]) =>
          libp2p.dial(addresses, { signal: AbortSignal.any([signal, AbortSignal.timeout(this.#bounds.dialMs)]) }),
        ),
      )
    } catch (cause) {
      signal.throwIfAborted()
      if (libp2p.getPeers().length > 0) return
      const names = [...this.#origins.values()].flat().map(String).join(', ')
      const hint = 'Check that the peer is up and its address right, or push the content instead.'
      throw new Failure('Unavailable', `None of the origins can be reached: ${names}.`, { hint }, { cause })
    }
  }

  #stalled(cid: CID): Failure {
    const peers = this.#source.libp2p.getPeers().length
    const asked = peers === 0 ? 'no peer is connected' : `${peers} connected ${peers === 1 ? 'peer was' : 'peers were'} asked`
    return new Failure('Unavailable', `Nobody sent the block ${brief(cid)} within ${this.#bounds.stallMs / 1000} s: ${asked}.`, {
      link: cid.toString(),
      hint: 'Name a peer that has the content as an origin, or push the content instead.',
    })
  }
}

const only = async (parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array> => {
  const list: Uint8Array[] = []
  for await (const part of parts) list.push(part)
  return list.length === 1 && list[0] ? list[0] : Buffer.concat(list)
}

/** Helia's own failures to get a block, as opposed to a refusal, by the quota say, or the disk's. */
const isHelias = (reason: unknown): boolean =>
  reason instanceof Error && /^(LoadBlockFailed|NotFound|AggregateError|BlockNotFound)/.test(reason.name)
