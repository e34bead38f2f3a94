import { ability, bytes, type Infer, int, limit, link, list, optional, service, struct, text } from '@symbiosis/protocol'
import { encodeFrame, readFrames } from '../frames.ts'

/** Somebody on the network. */
export const foundPeer = struct({
  peer: text({ maxLength: 128, description: 'A libp2p peer id' }),
  addresses: list(text({ maxLength: 512 }), {
    maxItems: 32,
    description: 'Multiaddrs where it says it is, none where only its name is known',
  }),
})

/** The type of `foundPeer`. */
export type FoundPeer = Infer<typeof foundPeer>

/** How it stands with content that the host tells the network it has. */
export const provided = struct({
  cid: link(),
  until: int({ description: "When it ends unless it's asked for again, Unix seconds: with the lease, or sooner where that was asked" }),
  announced: optional(int({ description: "When the network was last told, Unix seconds; absent while it hasn't been" })),
  told: int({ description: 'Peers that keep it in mind since then' }),
  message: optional(text({ description: "For people: why the network couldn't be told the last time; it's tried again" })),
})

/** The type of `provided`. */
export type Provided = Infer<typeof provided>

/** The most that a value of a record has. IPNS allows no more. */
export const MAX_RECORD_BYTES = 10 * 1024

const key = () => text({ maxLength: 128, description: '/ipns/NAME or /pk/PEER' })
const seconds = () => optional(int({ min: 1, max: 300, description: 'Seconds that the host may look for' }))

/** Content routing: the host finds its way on the network for those who can't, and is found in their place. */
export const route = service('route', {
  rev: 2,
  about: 'Finds content and peers on the network, and tells the network what is here',
  limits: {
    provides: limit.max('roots announced at a time', { default: 1000 }),
    records: limit.max('records published within two days', { default: 100 }),
  },
  abilities: {
    findProviders: ability({
      about: 'Finds peers that have content',
      effect: 'read',
      nb: struct({ cid: link(), limit: optional(int({ min: 1, max: 1000, description: 'Peers that are enough' })), seconds: seconds() }),
      ok: struct({ cid: link() }),
      stream: 'out',
    }),
    provide: ability({
      about: 'Tells the network that the host has content of the space, again and again',
      effect: 'idempotent',
      nb: struct({
        cid: link({ description: 'A root that the space holds whole' }),
        seconds: optional(int({ min: 1, description: 'For how long; as long as the lease lasts unless told' })),
      }),
      ok: provided,
      errors: { NotHeld: struct({ cid: link() }) },
    }),
    withdraw: ability({ about: 'Tells it no longer', effect: 'idempotent', nb: struct({ cid: link() }), ok: struct({}) }),
    list: ability({
      about: 'Lists what the network is told',
      effect: 'read',
      nb: struct({
        after: optional(text({ maxLength: 256, description: '`next` of the page before' })),
        limit: optional(int({ min: 1, max: 1000 })),
      }),
      ok: struct({ provided: list(provided), next: optional(text()) }),
    }),
    findPeer: ability({
      about: 'Finds where a peer is',
      effect: 'read',
      nb: struct({ peer: text({ maxLength: 128 }), seconds: seconds() }),
      ok: foundPeer,
    }),
    getRecord: ability({
      about: 'Reads a signed record of the network',
      effect: 'read',
      nb: struct({ key: key(), seconds: seconds() }),
      ok: struct({ key: text(), value: bytes({ maxLength: MAX_RECORD_BYTES }) }),
    }),
    putRecord: ability({
      about: 'Publishes a record that the space has signed',
      effect: 'idempotent',
      nb: struct({ key: key(), value: bytes({ maxLength: MAX_RECORD_BYTES }) }),
      ok: struct({ key: text(), told: int({ description: 'Peers that took it' }) }),
      errors: {
        /** It isn't signed by whom the key names, has ended, or is no record. */
        InvalidRecord: struct({ key: text() }),
        /** The network has a later one, which stays. */
        Outdated: struct({ key: text(), value: bytes({ maxLength: MAX_RECORD_BYTES }) }),
      },
    }),
  },
})

const MAX_PEER_BYTES = 64 * 1024

/** A peer as it goes through the stream of `findProviders`: DAG-CBOR behind its length as a varint. */
export const encodePeer = (peer: FoundPeer): Uint8Array => encodeFrame(peer)

/**
 * The stream of `findProviders`, read.
 * @throws Failure Malformed, TooLarge, InvalidInput for what isn't such a stream
 */
export const readPeers = (stream: AsyncIterable<Uint8Array>): AsyncGenerator<FoundPeer, void> =>
  readFrames(stream, 'peer', foundPeer, MAX_PEER_BYTES)
