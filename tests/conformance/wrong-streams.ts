import { BrokenOff, encodeReceipts, issueReceipt, STREAM_TYPE } from '@symbiosis/protocol'
import { mallory } from '../fixtures.ts'
import type { Answered, Wrong } from './wrong-host.ts'
import { changed, type FoundOut, lenient } from './wrong-ways.ts'

type Bytes = ReadableStream<Uint8Array>

/** Passes on what comes, as long as it is told to; `broken` says what happens where it breaks off. */
const passing = (
  body: Bytes,
  { chunks = Number.POSITIVE_INFINITY, broken }: { chunks?: number; broken?: (thrown: unknown) => unknown },
): Bytes => {
  const reader = body.getReader()
  let passed = 0
  const silence = () => new Promise<void>(() => {})
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (passed++ >= chunks) return silence()
        try {
          const next = await reader.read()
          if (next.done) controller.close()
          else controller.enqueue(next.value)
        } catch (thrown) {
          const told = broken ? broken(thrown) : thrown
          if (told === 'silence') return silence()
          if (told === 'end') controller.close()
          else throw told
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}

const cutAfter = (body: Bytes, chunks: number, reason: Error): Bytes => {
  let passed = 0
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        if (passed++ < chunks) controller.enqueue(chunk)
        else controller.error(reason)
      },
    }),
  )
}

const bent = (can: string, body: NonNullable<Wrong['body']>): Wrong => ({
  body: (answered, stream, key) => (answered.can === can ? body(answered, stream, key) : stream),
})

const watched = (from: Answered): boolean => from.can === 'log/watch' && (from.nb.from as number) > 0

/** A frame of the log comes as two chunks: its length, and itself. */
const ONE_FRAME = 2

const nothing = (): Bytes => new Response('').body as Bytes

/** Hosts whose streams are wrong. */
export const WRONG_STREAMS: FoundOut = {
  'takes every call for one with the streams it needs': {
    wrong: () => lenient('Unsupported'),
    areas: ['streams'],
    rules: [
      'refuses to stream to who takes no streams',
      'refuses a body to a call that streams the other way',
      'refuses a call without the bytes that it takes',
    ],
  },
  'streams to who has no lease': {
    wrong: () => lenient('NoLease'),
    areas: ['streams'],
    rules: ['streams to nobody who has no lease'],
  },
  'streams nothing of its log': {
    wrong: () => bent('log/watch', nothing),
    areas: ['streams'],
    rules: ['streams its log behind the receipt of the call'],
    also: [
      'lets go of streams that were left',
      'goes on with a stream of its log as that grows',
      'ends a stream whose right was taken back within a second, and says by a receipt why',
    ],
  },
  'streams another log': {
    wrong: () => ({
      answer: ({ can, out }) => (can === 'log/entries' && out.ok ? { ok: { ...out.ok, entries: [{ leaf: new Uint8Array(40) }] } } : out),
    }),
    areas: ['streams'],
    rules: ['streams its log behind the receipt of the call'],
  },
  'takes every body for a message': {
    wrong: () => ({
      http({ headers }, response) {
        if (headers['content-type'] !== STREAM_TYPE) return false
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
        return true
      },
    }),
    areas: ['streams'],
    rules: ['refuses a body that streams behind no message'],
    also: [
      'refuses a call without the bytes that it takes',
      'takes bytes beside a call in frames of any length',
      'takes no upload for whole that lacks its end',
      'lets an upload be sent again that broke',
      'ends an upload whose right was taken back within a second',
      'says of a stream where it ends, and gives all of it again',
      'streams to nobody who has no lease',
    ],
  },
  'keeps streams that were left': {
    wrong() {
      let open = 0
      const refusal = { name: 'Unavailable', message: 'Too many streams are open.' }
      return { answer: ({ can, out }) => (can === 'log/watch' && out.ok && ++open > 30 ? { error: refusal } : out) }
    },
    areas: ['streams'],
    rules: ['lets go of streams that were left'],
    also: [
      'goes on with a stream of its log as that grows',
      'ends a stream whose right was taken back within a second, and says by a receipt why',
    ],
  },
  'streams its log as far as it was': {
    wrong: () => ({ body: (answered, body) => (watched(answered) ? passing(body, { chunks: ONE_FRAME }) : body) }),
    areas: ['streams'],
    rules: ['goes on with a stream of its log as that grows'],
  },
  'goes on with streams whose right was taken back': {
    wrong: () => ({ body: (_, body) => passing(body, { broken: () => 'silence' }) }),
    areas: ['streams'],
    rules: ['ends a stream whose right was taken back within a second, and says by a receipt why'],
  },
  'ends streams whose right was taken back as if that were all': {
    wrong: () => ({ body: (_, body) => passing(body, { broken: () => 'end' }) }),
    areas: ['streams'],
    rules: ['ends a stream whose right was taken back within a second, and says by a receipt why'],
  },
  'cuts streams whose right was taken back, and says nothing': {
    wrong: () => ({ body: (_, body) => passing(body, { broken: () => new Error('cut') }) }),
    areas: ['streams'],
    rules: ['ends a stream whose right was taken back within a second, and says by a receipt why'],
  },
  "ends streams by somebody else's receipt": {
    wrong: () => ({
      body: ({ ran }, body) => {
        const error = { name: 'Revoked', message: 'It was revoked.' }
        const receipts = encodeReceipts([{ ran, block: issueReceipt(mallory, ran, { error }) }])
        return passing(body, { broken: () => new BrokenOff(receipts) })
      },
    }),
    areas: ['streams'],
    rules: ['ends a stream whose right was taken back within a second, and says by a receipt why'],
  },
  'cuts every stream when something is taken back': {
    wrong: () => ({
      body(answered, body, key) {
        const error = { name: 'Revoked', message: 'Something was revoked.' }
        const receipts = encodeReceipts([{ ran: answered.ran, block: issueReceipt(key, answered.ran, { error }) }])
        return watched(answered) ? cutAfter(body, ONE_FRAME, new BrokenOff(receipts)) : body
      },
    }),
    areas: ['streams'],
    rules: ['goes on with a stream of its log as that grows'],
  },
  'reads no small frames': {
    wrong: () => ({
      upload: (body) =>
        body.pipeThrough(
          new TransformStream({
            transform(chunk: Uint8Array, controller) {
              if (chunk.length > 1) controller.enqueue(chunk)
              else controller.error(new Error('too small'))
            },
          }),
        ),
    }),
    areas: ['streams'],
    rules: ['takes bytes beside a call in frames of any length'],
  },
  'takes what was cut for whole': {
    wrong: () => ({ upload: (body) => passing(body, { broken: () => 'end' }) }),
    areas: ['streams'],
    rules: ['takes no upload for whole that lacks its end'],
  },
  'has no room any more for who was cut off': {
    wrong() {
      const broken = new Set<string>()
      return {
        answer({ can, out, space }) {
          if (can !== 'jar/fill') return out
          if (out.error?.name === 'Cancelled') broken.add(space)
          return broken.has(space) ? { error: { name: 'Unavailable', message: 'An upload is under way.' } } : out
        },
      }
    },
    areas: ['streams'],
    rules: ['lets an upload be sent again that broke'],
  },
  'ends no upload whose right was taken back': {
    wrong: () => ({
      answer: ({ can, out }) => (can === 'jar/fill' && out.error?.name === 'Revoked' ? new Promise<never>(() => {}) : out),
    }),
    areas: ['streams'],
    rules: ['ends an upload whose right was taken back within a second'],
  },
  'leaves streams without an end': {
    wrong: () =>
      bent('jar/pour', (_, body) =>
        body.pipeThrough(
          new TransformStream({
            flush() {
              throw new Error('cut')
            },
          }),
        ),
      ),
    areas: ['streams'],
    rules: ['says of a stream where it ends, and gives all of it again'],
  },
  'gives out nothing of what it has': {
    wrong: () => bent('dag/export', nothing),
    areas: ['services'],
    rules: ['gives back what was pushed to it, block by block'],
  },
  'gives out what others pushed': {
    wrong: () => lenient('NotFound'),
    areas: ['services'],
    rules: ['gives out nothing to a space that did not push it'],
  },
  'tells nothing of how pins go on': {
    wrong: () => bent('pin/watch', nothing),
    areas: ['services'],
    rules: ['tells how a pin goes on until nothing changes any more'],
  },
  'answers against its manifest': {
    wrong: () => changed('jar/put', () => ({ size: 'large' })),
    areas: ['services'],
    rules: ['answers as its manifest says, to the last field'],
  },
  'says otherwise why than its manifest does': {
    wrong: () => ({
      answer: ({ out }) => (out.error?.name === 'Full' ? { error: { name: 'Full', message: 'Full.', bytes: 'all' } } : out),
    }),
    areas: ['services'],
    rules: ['answers as its manifest says, to the last field'],
  },
  'shows one space what is of another': {
    wrong() {
      const all: string[] = []
      return changed('jar/look', () => {
        all.push('thing')
        return { things: [...all] }
      })
    },
    areas: ['services'],
    rules: ['answers a second space as it answered the first'],
  },
}
