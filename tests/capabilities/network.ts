import { setTimeout } from 'node:timers/promises'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import { type KadDHT, kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { ipnsSelector } from 'ipns/selector'
import { ipnsValidator } from 'ipns/validator'
import { createLibp2p } from 'libp2p'
import type { CID } from 'multiformats/cid'

export const PROTOCOL = '/symbiosis-test/kad/1.0.0'

export type Node = Awaited<ReturnType<typeof createNode>>

/** How many peers keep a record in mind: fewer than there are, so that who looks for one has to go from peer to peer. */
const REPLICAS = 2

/** A node that no code of ours is in. */
const createNode = (protocol: string, port: number) =>
  createLibp2p({
    addresses: { listen: [`/ip4/127.0.0.1/tcp/${port}`] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // All are of one address here, of which a node takes five connections a second, and resets the others.
    connectionManager: { inboundConnectionThreshold: Number.POSITIVE_INFINITY },
    services: {
      identify: identify(),
      ping: ping(),
      dht: kadDHT({
        protocol,
        clientMode: false,
        kBucketSize: REPLICAS,
        peerInfoMapper: passthroughMapper,
        allowQueryWithZeroPeers: true,
        validators: { ipns: ipnsValidator },
        selectors: { ipns: ipnsSelector },
      }),
    },
  })

export const addressOf = (node: Node): string => String(node.getMultiaddrs()[0])

/** A private network on loopback, in which each node at first knew one other only. */
export class Network {
  readonly nodes: Node[] = []
  readonly #protocol: string

  private constructor(protocol: string) {
    this.#protocol = protocol
  }

  static async open(size: number, protocol = PROTOCOL): Promise<Network> {
    const network = new Network(protocol)
    for (let count = 0; count < size; count++) await network.add()
    // Each has to have heard of enough others that everybody is found from everywhere.
    await until(async () => {
      const found = await Promise.all(network.nodes.map((node) => network.#reaches(node)))
      return found.every(Boolean)
    })
    return network
  }

  async add(port = 0): Promise<Node> {
    const node = await createNode(this.#protocol, port)
    const last = this.nodes.at(-1)
    if (last) await node.dial(last.getMultiaddrs())
    this.nodes.push(node)
    return node
  }

  /** Who keeps in mind that somebody has the content. */
  async keepers(cid: CID): Promise<Node[]> {
    const kept = await Promise.all(this.nodes.map(async (node) => (await providersAt(node, cid)).length > 0))
    return this.nodes.filter((_, at) => kept[at])
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()))
  }

  async #reaches(from: Node): Promise<boolean> {
    for (const to of this.nodes) if (to !== from && !(await finds(from.services.dht, to))) return false
    return true
  }
}

/** The peers that a node itself keeps in mind for the content. */
const providersAt = async ({ services: { dht } }: Node, cid: CID): Promise<string[]> => {
  const { providers } = dht as unknown as { providers: { getProviders(cid: CID): Promise<{ toString(): string }[]> } }
  return (await providers.getProviders(cid)).map(String)
}

export const provideBy = async ({ services: { dht } }: Node, cid: CID): Promise<void> => {
  for await (const _ of dht.provide(cid, { signal: AbortSignal.timeout(10_000) }));
}

const finds = async (dht: KadDHT, node: Node): Promise<boolean> => {
  try {
    for await (const event of dht.findPeer(node.peerId, { signal: AbortSignal.timeout(5000) })) if (event.name === 'FINAL_PEER') return true
  } catch (reason) {
    if ((reason as Error).name !== 'NotFoundError') throw reason
  }
  return false
}

/** Waits for what comes about by itself. */
export const until = async (ready: () => Promise<boolean> | boolean, ms = 20_000): Promise<void> => {
  const end = performance.now() + ms
  while (!(await ready())) {
    if (performance.now() > end) throw new Error(`It did not come about within ${ms} ms: ${ready}`)
    await setTimeout(50)
  }
}
