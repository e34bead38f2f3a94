import type { Libp2p, PeerInfo } from '@libp2p/interface'
import type { KadDHT, QueryEvent, SingleKadDHT } from '@libp2p/kad-dht'
import { kadDHT, passthroughMapper, removePrivateAddressesMapper } from '@libp2p/kad-dht'
import { peerIdFromString } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import type { Multiaddr } from '@multiformats/multiaddr'
import { Failure, type FoundPeer, type Routing } from '@symbiosis/protocol'
import { Key } from 'interface-datastore'
import { ipnsSelector } from 'ipns/selector'
import { ipnsValidator } from 'ipns/validator'
import { base32 } from 'multiformats/bases/base32'
import { isPublicIp } from '../public-ip.ts'

/** A distributed hash table to take part in. */
export interface DhtOptions {
  /** `client` asks others only; `server` answers and keeps records for others too, and should be one whom they can reach. */
  mode: 'client' | 'server'
  /** Multiaddrs, each ending in `/p2p/ID`, of peers by whom the network is joined. Default: none, others have to come. */
  bootstrap?: readonly string[]
  /** The network's protocol. Default `/ipfs/kad/1.0.0`, that of the public one. */
  protocol?: string
  /** How often those peers are dialled while nobody is known, milliseconds. Default 10 000. */
  rejoinMs?: number
  /** Peers asked at a time by one query, on each of `paths`. Default 3. */
  alpha?: number
  /** Ways that a query goes side by side, of which no peer stands in two: one that lies spoils one of them. Default 3. */
  paths?: number
}

const PREFIX = '/dht'

/** The libp2p services behind `Routing`. */
export const dhtServices = ({ mode, protocol = '/ipfs/kad/1.0.0', alpha = 3, paths = 3 }: DhtOptions, allowPrivate: boolean) => ({
  ping: ping(),
  dht: kadDHT({
    protocol,
    clientMode: mode === 'client',
    alpha,
    disjointPaths: paths,
    datastorePrefix: PREFIX,
    peerInfoMapper: allowPrivate ? passthroughMapper : removePrivateAddressesMapper,
    // With nobody to ask a query ends instead of waiting for somebody to come.
    allowQueryWithZeroPeers: true,
    validators: { ipns: ipnsValidator },
    selectors: { ipns: ipnsSelector },
  }),
})

interface Parts {
  libp2p: Libp2p
  dht: KadDHT
  datastore: { delete(key: Key): unknown }
  /** Whether addresses of this machine and its networks are told. They are the host's neighbourhood, which isn't everybody's business. */
  allowPrivate: boolean
}

export const dhtRouting = ({ libp2p, dht, datastore, allowPrivate }: Parts): Routing => {
  const mustKnowSomebody = (): void => {
    if ((dht as SingleKadDHT).routingTable.size > 0) return
    throw new Failure('Unavailable', 'The host knows no peer of the network that it could ask.', {
      hint: 'Its operator can name some: symbiosis host --bootstrap MULTIADDR',
    })
  }
  const told = (peer: PeerInfo): FoundPeer => {
    const multiaddrs = peer.id.equals(libp2p.peerId) ? libp2p.getMultiaddrs() : peer.multiaddrs
    const addresses = multiaddrs.filter((each) => allowPrivate || isPublic(each)).map(String)
    return { peer: peer.id.toString(), addresses: [...new Set(addresses)] }
  }
  return {
    findProviders(cid, options) {
      mustKnowSomebody()
      return providersIn(dht.findProviders(cid, options), told)
    },
    async provide(cid, options) {
      mustKnowSomebody()
      return countAnswers(dht.provide(cid, options), 'ADD_PROVIDER')
    },
    withdraw: (cid) => dht.cancelReprovide(cid),
    async findPeer(peer, options) {
      mustKnowSomebody()
      try {
        for await (const event of dht.findPeer(peerIdFromString(peer), options)) if (event.name === 'FINAL_PEER') return told(event.peer)
      } catch (reason) {
        if ((reason as Error).name !== 'NotFoundError') throw reason
      }
      return undefined
    },
    getRecords(key, options) {
      mustKnowSomebody()
      return valuesIn(dht.get(key, options))
    },
    async putRecord(key, value, options) {
      mustKnowSomebody()
      return countAnswers(dht.put(key, value, options), 'PUT_VALUE')
    },
    async dropRecord(key) {
      await datastore.delete(new Key(`${PREFIX}/record/${base32.baseEncode(key)}`, false))
    },
  }
}

const isPublic = (address: Multiaddr): boolean =>
  address.getComponents().every(({ name, value = '' }) => !/^ip[46]$/.test(name) || isPublicIp(value))

async function* providersIn(events: AsyncIterable<QueryEvent>, told: (peer: PeerInfo) => FoundPeer): AsyncGenerator<FoundPeer> {
  for await (const event of events) if (event.name === 'PROVIDER') yield* event.providers.map(told)
}

/** The values that single peers answered with: what the query itself tells at its end is one of them, and comes too late where time is short. */
async function* valuesIn(events: AsyncIterable<QueryEvent>): AsyncGenerator<Uint8Array> {
  try {
    for await (const event of events) {
      if (event.name === 'VALUE') yield event.value
      else if (event.name === 'PEER_RESPONSE' && event.record) yield event.record.value
    }
  } catch (reason) {
    // At its end the query sends the newest value to who has an older one; that they don't take it is their affair.
    if ((reason as Error).name !== 'QueryError') throw reason
  }
}

const countAnswers = async (events: AsyncIterable<QueryEvent>, message: 'ADD_PROVIDER' | 'PUT_VALUE'): Promise<number> => {
  let count = 0
  for await (const event of events) if (event.name === 'PEER_RESPONSE' && event.messageName === message) count++
  return count
}
