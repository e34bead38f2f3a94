import { ability, choice, type Infer, int, limit, link, list, optional, service, struct, text } from '@symbiosis/protocol'
import { encodeFrame, readFrames } from '../frames.ts'

/** What a host says of a pin. `pinned` and `failed` are final: nothing changes any more unless somebody asks. */
export const pinStatus = struct({
  /** As CIDv1, however it was asked for. */
  root: link(),
  name: optional(text()),
  status: choice('queued', 'fetching', 'pinned', 'failed'),
  /** Bytes and blocks that are here and count, each distinct block once. */
  bytes: int(),
  blocks: int(),
  /** Links that are known and whose blocks aren't here yet; it grows as more of the DAG comes to be known. */
  pending: optional(int()),
  /** Why it failed: a code of the closed list, or `Timeout`. */
  reason: optional(text()),
  /** For people: why it failed, or what last went wrong while it is being tried again. */
  message: optional(text()),
  /** When fetching gives up, Unix seconds. */
  deadline: optional(int()),
  created: int(),
})

/** What a host says of a pin. */
export type PinStatus = Infer<typeof pinStatus>

const root = () => link({ description: 'The root of a DAG; all below it belongs to it' })

/** Remote pinning: the host keeps whole DAGs for a space. */
export const pin = service('pin', {
  rev: 1,
  about: 'Keeps content and serves it to the network',
  limits: {
    bytes: limit.max('bytes kept', { unit: 'bytes', default: 10_000_000_000 }),
    pins: limit.max('pins', { default: 10_000 }),
  },
  abilities: {
    add: ability({
      about: 'Keeps a DAG, fetching what is missing',
      effect: 'idempotent',
      nb: struct({
        root: root(),
        name: optional(text({ maxLength: 255 })),
        origins: optional(list(text({ maxLength: 512 }), { maxItems: 16, description: 'Multiaddrs of peers that have the content' })),
      }),
      ok: pinStatus,
    }),
    remove: ability({ about: 'Keeps a DAG no longer', effect: 'idempotent', nb: struct({ root: root() }), ok: struct({}) }),
    list: ability({
      about: 'Lists pins',
      effect: 'read',
      nb: struct({
        after: optional(text({ maxLength: 256, description: '`next` of the page before' })),
        limit: optional(int({ min: 1, max: 1000 })),
        status: optional(choice('queued', 'fetching', 'pinned', 'failed')),
      }),
      // A page may hold fewer than `limit`, none even: the last one is the one without `next`.
      ok: struct({ pins: list(pinStatus), next: optional(text()) }),
    }),
    status: ability({ about: 'Tells how a pin stands', effect: 'read', nb: struct({ root: root() }), ok: pinStatus }),
    watch: ability({
      about: 'Tells how a pin goes on until it is done',
      effect: 'read',
      nb: struct({ root: root() }),
      ok: pinStatus,
      stream: 'out',
    }),
  },
})

/** Whether nothing changes any more unless somebody asks. */
export const isFinal = ({ status }: PinStatus): boolean => status === 'pinned' || status === 'failed'

const MAX_STATUS_BYTES = 16 * 1024

/** A status as it goes through the stream of `watch`: DAG-CBOR behind its length as a varint. */
export const encodeStatus = (status: PinStatus): Uint8Array => encodeFrame(status)

/**
 * The stream of `watch`, read. It ends after a final status, or without one when the pin was removed.
 * @throws Failure Malformed, TooLarge, InvalidInput for what isn't such a stream
 */
export const readStatuses = (stream: AsyncIterable<Uint8Array>): AsyncGenerator<PinStatus, void> =>
  readFrames(stream, 'status', pinStatus, MAX_STATUS_BYTES)
