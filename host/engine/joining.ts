import type { Libp2p } from '@libp2p/interface'
import type { KadDHT, SingleKadDHT } from '@libp2p/kad-dht'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { Failure } from '@symbiosis/protocol'
import type { DhtOptions } from './routing.ts'

/** Joins a network by the peers that the operator named, and again whenever nobody of it is known any more. */
export class Joining {
  readonly #addresses: readonly Multiaddr[]
  readonly #named: ReadonlySet<string>
  readonly #everyMs: number
  readonly #stopped = new AbortController()
  #timer: NodeJS.Timeout | undefined

  /** @throws Failure InvalidInput, field `bootstrap`, for what names no peer */
  constructor({ bootstrap = [], rejoinMs = 10_000 }: Partial<DhtOptions> = {}) {
    this.#addresses = bootstrap.map(parse)
    this.#named = new Set(this.#addresses.map((address) => String(address)))
    this.#everyMs = rejoinMs
  }

  /** Whether the operator named the address, which then may be dialled wherever it leads. */
  names(address: Multiaddr): boolean {
    return this.#named.has(String(address))
  }

  start(libp2p: Libp2p, dht: KadDHT): void {
    if (this.#addresses.length === 0) return
    const join = async (): Promise<void> => {
      if ((dht as SingleKadDHT).routingTable.size > 0) return
      const { signal } = this.#stopped
      // One that is away is tried again in the next round.
      await Promise.allSettled(this.#addresses.map((address) => libp2p.dial(address, { signal })))
    }
    void join()
    this.#timer = setInterval(join, this.#everyMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#stopped.abort()
  }
}

const parse = (text: string): Multiaddr => {
  try {
    const address = multiaddr(text)
    if (address.getComponents().at(-1)?.name === 'p2p') return address
  } catch {
    // Told below, as what it is to who wrote it.
  }
  throw new Failure('InvalidInput', `${text} names no peer to join a network by.`, {
    field: 'bootstrap',
    hint: 'Give its whole address, such as /ip4/203.0.113.7/tcp/4001/p2p/12D3Koo...',
  })
}
