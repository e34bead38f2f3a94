import { ability, int, type Provided, provide, service, struct } from '@symbiosis/protocol'

/** A service with streams that go on until they are told to stop, and handlers that don't listen. */
export const tap = service('tap', {
  rev: 1,
  about: 'Runs',
  abilities: {
    drip: ability({ about: 'Gives a byte, and then nothing', effect: 'read', stream: 'out', nb: struct({}), ok: struct({}) }),
    flow: ability({ about: 'Gives bytes without end', effect: 'read', stream: 'out', nb: struct({}), ok: struct({}) }),
    late: ability({
      about: 'Begins when it is released, and heeds nothing',
      effect: 'read',
      stream: 'out',
      nb: struct({}),
      ok: struct({}),
    }),
    sink: ability({ about: 'Takes bytes', effect: 'idempotent', stream: 'in', nb: struct({}), ok: struct({ bytes: int() }) }),
    deaf: ability({ about: 'Takes none, and heeds nothing', effect: 'idempotent', stream: 'in', nb: struct({}), ok: struct({}) }),
  },
})

/** What a test sees of the service from within. */
export interface Seen {
  /** Bytes that `sink` was given. */
  taken: number
  /** Runs of `sink` that came to the end of what was sent. */
  whole: number
  /** Why handlers were told to stop, by the names of the reasons. */
  told: string[]
  /** Streams that were let go. */
  released: number
  /** Ends what only this ends. */
  release: (() => void)[]
}

export const newSeen = (): Seen => ({ taken: 0, whole: 0, told: [], released: 0, release: [] })

export const tapService = (seen: Seen): Provided => {
  const told = (signal: AbortSignal) => signal.addEventListener('abort', () => seen.told.push((signal.reason as Error).name))
  const letGo = () => {
    seen.released++
  }
  return provide(tap, {
    drip: (_, { signal }) => {
      told(signal)
      const start = (controller: ReadableStreamDefaultController<Uint8Array>) => controller.enqueue(Uint8Array.of(1))
      return { ok: {}, body: new ReadableStream<Uint8Array>({ start, cancel: letGo }) }
    },
    flow: (_, { signal }) => {
      told(signal)
      const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
        await new Promise((resolve) => setImmediate(resolve))
        controller.enqueue(new Uint8Array(1024))
      }
      return { ok: {}, body: new ReadableStream<Uint8Array>({ pull, cancel: letGo }) }
    },
    late: (_, { signal }) => {
      told(signal)
      const body = new ReadableStream<Uint8Array>({ cancel: letGo })
      return new Promise((resolve) => seen.release.push(() => resolve({ ok: {}, body })))
    },
    sink: async (_, { body, signal }) => {
      told(signal)
      let bytes = 0
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        bytes += chunk.length
        seen.taken += chunk.length
      }
      seen.whole++
      return { bytes }
    },
    deaf: (_, { signal }) => {
      told(signal)
      return new Promise((resolve) => seen.release.push(() => resolve({})))
    },
  })
}
