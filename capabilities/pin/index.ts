import { ability, choice, type Infer, int, limit, link, list, optional, service, struct, text } from '@symbiosis/protocol'
import { encodeFrame, readFrames } from '../frames.ts'

/** What a host says of a pin. `pinned` and `failed` are final: nothing changes any more unless somebody asks. */
export const pinStatus = struct({
  root: link({ description: 'As CIDv1, however it was asked for' }),
  name: optional(text()),
  status: choice('queued', 'fetching', 'pinned', 'failed'),
  bytes: int({ description: 'Bytes that are here, each distinct block once' }),
  blocks: int({ description: 'Distinct blocks that are here' }),
  pending: optional(
    int({ description: "Links that are known and whose blocks aren't here yet; it grows as more of the DAG comes to be known" }),
  ),
  reason: optional(text({ description: 'Why it failed: a code of the closed list, or `Timeout`' })),
  message: optional(text({ description: 'For people: why it failed, or what last went wrong while it is being tried again' })),
  deadline: optional(int({ description: 'When fetching gives up, Unix seconds' })),
  created: int({ description: 'Unix seconds' }),
})

/** What a host says of a pin. */
export type PinStatus = Infer<typeof pinStatus>

const root = () => link({ description: 'The root of a DAG; all below it belongs to it' })

/** Remote pinning: the host keeps whole DAGs for a space. */
export const pin = service('pin', {
  rev: 2,
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
      ok: struct({
        pins: list(pinStatus, { description: 'Fewer than `limit` maybe, none even: the last page is the one without `next`' }),
        next: optional(text()),
      }),
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
