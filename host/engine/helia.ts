import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { withBitswap } from '@helia/bitswap'
import { withLibp2pLight } from '@helia/libp2p'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { PrivateKey } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import type { Blocks, Kept, Routing } from '@symbiosis/protocol'
import { FsDatastore } from 'datastore-fs'
import { createHeliaLight } from 'helia'
import type { CID } from 'multiformats/cid'
import { sha512 } from 'multiformats/hashes/sha2'
import { BlockFolder, type BlockFolderOptions } from './blocks.ts'
import { type Collected, Collector } from './collect.ts'
import { writeDurably } from './durable.ts'
import { fetchDag } from './fetch.ts'
import { Joining } from './joining.ts'
import { isDialable, parseOrigins } from './origins.ts'
import { type DhtOptions, dhtRouting, dhtServices } from './routing.ts'
import { walk } from './walk.ts'
import { type WantBounds, type Wanted, Wants } from './want.ts'

export type { Collected, DhtOptions }

/** Where the embedded node keeps its blocks, and how it reaches others. */
export interface HeliaOptions extends BlockFolderOptions, WantBounds {
  /** Where the engine keeps everything: `blocks/`, libp2p's `datastore/`, and `peer.key`. One process owns it. */
  dir: string
  /** Multiaddrs to listen on, of TCP and WebSocket. Default: loopback, a free port for each of the two. */
  listen?: string[]
  /** Whether peers on this machine and its networks may be dialled: it lets callers knock at doors behind the firewall. Default false. */
  allowPrivateOrigins?: boolean
  /** Blocks that one fetch looks for at a time. Default 32. */
  fetchWidth?: number
  /** Most links that one walk or fetch follows. Default 10 million. */
  maxBlocks?: number
  /** The network in which content, peers and records are looked for. Default: none. */
  dht?: DhtOptions
}

/** Blocks on a disk and peers to share them with. All CIDs are of this process's multiformats. */
export interface HeliaEngine extends Blocks {
  /** The libp2p peer id; it stays the same as long as `dir` does. */
  readonly peerId: string
  /** Where other peers reach this one, each ending in `/p2p/<peerId>`. */
  readonly multiaddrs: string[]
  /**
   * Removes all blocks but those that `keep` lists, beside whatever else runs; a second call joins the first. `keep` is read once,
   * and has to list one consistent state (one transaction). Rejects with `BadHash`, removing nothing more, when a kept block is damaged.
   */
  collect(keep: () => AsyncIterable<Kept>, options?: { signal?: AbortSignal }): Promise<Collected>
  /** How this node finds its way on the network, where it has one: see `dht`. */
  readonly routing?: Routing
  /** What is on the disk now. */
  stats(): { blocks: number; bytes: number }
  close(): Promise<void>
}

/**
 * Opens a Helia node on a folder and starts it. It knows no other peer by itself: no bootstrap but what `dht` names, no routers, gateways, relays,
 * mDNS. It serves its blocks over bitswap to whoever connects.
 */
export const helia = async (options: HeliaOptions): Promise<HeliaEngine> => {
  const { dir, listen = LOOPBACK, allowPrivateOrigins = false, fetchWidth = 32, maxBlocks = 10_000_000, dht } = options
  const joining = new Joining(dht)
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const folder = await BlockFolder.open(join(dir, 'blocks'), options)
  const datastore = new FsDatastore(join(dir, 'datastore'))
  await datastore.open()
  const light = createHeliaLight({ blockstore: folder, datastore, hashers: [sha512], routers: [], blockBrokers: [] })
  const networked = withLibp2pLight(light, {
    privateKey: await peerKey(join(dir, 'peer.key')),
    addresses: { listen },
    transports: [tcp(), webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // Peers also tell addresses of themselves, and libp2p would dial those as readily.
    connectionGater: { denyDialMultiaddr: (address) => !joining.names(address) && !isDialable(address, allowPrivateOrigins) },
    services: { identify: identify(), ...(dht ? dhtServices(dht, allowPrivateOrigins) : NO_DHT) },
  })
  // A peer whose fetch was cut asks again soon; 5 s, the default, would let it wait as long.
  const node = await withBitswap(networked, { doNotResendBlockWindow: 1000 }).start()
  const { libp2p } = node
  const service = libp2p.services.dht as KadDHT | undefined
  const routing = service && dhtRouting({ libp2p, dht: service, datastore, allowPrivate: allowPrivateOrigins })
  if (service) joining.start(libp2p, service)
  const collector = new Collector(folder)
  const wanted: Wanted = new Map()

  /** Iterates while collections keep what is below the root. */
  async function* held<T>(root: CID, items: () => AsyncIterable<T>): AsyncGenerator<T> {
    const release = collector.hold(root)
    try {
      yield* items()
    } finally {
      release()
    }
  }

  return {
    get peerId() {
      return libp2p.peerId.toString()
    },
    get multiaddrs() {
      return libp2p.getMultiaddrs().map(String)
    },
    store: (blocks, record) => collector.store(blocks, record),
    walk: (root, { signal } = {}) => held(root, () => walk(folder, root, { signal, maxBlocks })),
    fetch: (root, { signal, origins = [], admit }) =>
      held(root, () => {
        const wants = new Wants(node, wanted, parseOrigins(origins, allowPrivateOrigins), options)
        const want: Wants['want'] = (cid, how) => wants.want(cid, how)
        return fetchDag(root, { folder, want, arrived: (cid) => collector.arrived(cid), admit, signal, width: fetchWidth, maxBlocks })
      }),
    collect: (keep, { signal } = {}) => collector.collect(keep, signal),
    ...(routing && { routing }),
    stats: () => folder.totals,
    close: async () => {
      joining.stop()
      await node.stop()
      await datastore.close()
    },
  }
}

/** libp2p's types know its services as a whole only; absent ones are undefined in the map. */
const NO_DHT = {} as ReturnType<typeof dhtServices>

const LOOPBACK = ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws']

/** The node's identity, made on first use. It isn't the host's own key: it names this process's node on libp2p. */
const peerKey = async (path: string): Promise<PrivateKey> => {
  try {
    return privateKeyFromProtobuf(await readFile(path))
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code !== 'ENOENT') throw reason
  }
  const key = await generateKeyPair('Ed25519')
  await writeDurably(path, privateKeyToProtobuf(key), 0o600)
  return key
}
