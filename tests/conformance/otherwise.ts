import type { Wrong } from './wrong-host.ts'

/** Streams what it streams byte by byte. */
const dripping = (body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> =>
  body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        for (let at = 0; at < chunk.length; at++) controller.enqueue(chunk.slice(at, at + 1))
      },
    }),
  )

/** What another host may do otherwise than ours, since the protocol leaves it open. */
export const OTHERWISE: Readonly<Record<string, Wrong>> = {
  'is of a later revision, and says more': {
    answer: ({ out }) => (out.ok ? { ok: { ...(out.ok as object), later: 'more' } } : out),
  },
  'says in its own words why, and gives no advice': {
    answer({ out }) {
      if (!out.error) return out
      const { hint: _, ...error } = out.error
      return { error: { ...error, message: 'Nein.' } }
    },
  },
  'tells details of its own': {
    answer: ({ out }) => (out.error && out.error.name !== 'Full' ? { error: { ...out.error, weather: 'fair' } } : out),
  },
  'streams in frames of a byte': { body: (_, body) => dripping(body) },
}
