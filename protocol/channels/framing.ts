import { encodeVarint, StreamReader } from '../car.ts'
import type { Answer } from '../channel.ts'
import { BrokenOff } from '../ending.ts'
import { Failure, isAbort } from '../failure.ts'
import { chunksOf, streamFrom } from '../stream.ts'

/**
 * HTTP. A message is the body of a POST to `/` and of its answer. Where an ability streams, the body is `application/vnd.symbiosis.stream`, every
 * length a varint: the message behind its length; the stream in frames, each behind its length; a length of zero, which ends them; and behind its length
 * how that ended: another length of zero if that was all, else a message with a second receipt of the call, whose refusal says why the host
 * breaks off here. A body that stops anywhere else was cut by somebody who had no right to. HTTP carries a stream one way at a time.
 */
export const STREAM_TYPE = 'application/vnd.symbiosis.stream'

/** Bytes of a frame, unless told. Nothing is held until a frame is whole: this bounds what one may claim. */
const MAX_FRAME_BYTES = 1024 * 1024
/** Bytes of the message behind the end: one receipt with a refusal. */
const MAX_ENDING_BYTES = 64 * 1024

const NONE: Uint8Array = new Uint8Array(0)

/**
 * A message and a stream as one body. Where the stream breaks, and with no receipt that says why, so does the body. When it is `unwanted` the body
 * stops where it is, for the sake of the connection; without its end, since whoever made it unwanted need not be the one who takes it.
 */
export const framed = (message: Uint8Array, body: ReadableStream<Uint8Array>, unwanted?: AbortSignal): ReadableStream<Uint8Array> => {
  const reader = body.getReader()
  unwanted?.addEventListener('abort', () => void reader.cancel().catch(() => {}), { once: true })
  async function* parts(): AsyncGenerator<Uint8Array> {
    yield* section(message)
    let ending = NONE
    try {
      for await (const chunk of chunksOf(reader)) yield* frames(chunk)
    } catch (thrown) {
      if (!(thrown instanceof BrokenOff)) throw thrown
      ending = thrown.receipts
    }
    if (unwanted?.aborted) return
    yield* section(NONE)
    yield* section(ending)
  }
  return streamFrom(parts(), (reason) => reader.cancel(reason))
}

function* section(bytes: Uint8Array): Generator<Uint8Array> {
  yield encodeVarint(bytes.length)
  if (bytes.length > 0) yield bytes
}

/** An empty chunk is no frame: it would be the end. */
function* frames(chunk: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < chunk.length; at += MAX_FRAME_BYTES) yield* section(chunk.subarray(at, at + MAX_FRAME_BYTES))
}

export interface Bounds {
  readonly maxMessageBytes: number
  readonly maxFrameBytes?: number | undefined
}

/**
 * One body as a message and the stream behind it, which breaks off with what ends it before its time: a BrokenOff by the host that sent it, Malformed
 * where its end is missing, and TooLarge.
 */
export const unframed = async (
  body: AsyncIterable<Uint8Array>,
  bounds: Bounds,
  cancel?: (reason: unknown) => Promise<void>,
): Promise<Answer> => {
  const reader = new StreamReader(body)
  const message = await reader.section(bounds.maxMessageBytes, 'message')
  if (!message) throw new Failure('Malformed', 'The body is empty where a message was expected.')
  return { message, body: streamFrom(unframing(reader, bounds), cancel) }
}

async function* unframing(reader: StreamReader, { maxFrameBytes = MAX_FRAME_BYTES }: Bounds): AsyncGenerator<Uint8Array, void> {
  try {
    for (let left = await reader.length(maxFrameBytes, 'frame'); left !== 0; left = await reader.length(maxFrameBytes, 'frame')) {
      if (left === undefined) throw endless()
      while (left > 0) {
        const part: Uint8Array | undefined = await reader.part(left)
        if (!part) throw endless()
        left -= part.length
        yield part
      }
    }
    const length = await reader.length(MAX_ENDING_BYTES, 'ending')
    const ending = length && (await reader.take(length))
    if (ending === undefined) throw endless()
    if (await reader.part(1)) throw new Failure('Malformed', 'The body goes on behind the end of its stream.')
    if (ending) throw new BrokenOff(ending)
  } finally {
    await reader.close()
  }
}

const endless = (): Failure =>
  new Failure('Malformed', 'The body stops before the end of its stream: somebody in between has cut it.', { hint: 'Try again.' })

/** What comes over a connection, where what breaks it is told in the words of the protocol. */
export async function* connected(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  try {
    yield* chunksOf(reader)
  } catch (cause) {
    if (cause instanceof Failure || isAbort(cause)) throw cause
    throw new Failure('Unavailable', 'The connection to the host broke.', { reason: 'the connection broke', hint: 'Try again.' }, { cause })
  }
}
