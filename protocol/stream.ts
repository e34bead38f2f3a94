/**
 * A byte stream over an async iterable, pulled one chunk at a time. Browsers lack `ReadableStream.from`. An iterable that may wait long for a chunk needs `cancel`,
 * which ends the waiting: a generator that was asked for one can't be told to return before it has it.
 */
export const streamFrom = (
  source: AsyncIterable<Uint8Array>,
  cancel?: (reason: unknown) => Promise<void> | undefined,
): ReadableStream<Uint8Array> => {
  const iterator = source[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await iterator.next()
        if (next.done) controller.close()
        else controller.enqueue(next.value)
      },
      async cancel(reason) {
        await cancel?.(reason)
        await iterator.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}

/** What a reader gets, to go through: not all browsers let one go through the stream itself. */
export async function* chunksOf(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
}

/** A stream as its readers may go through it in every browser. Who stops early lets its source go. */
export const iterable = (stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
  Symbol.asyncIterator in stream ? stream : lettingGo((stream as ReadableStream<Uint8Array>).getReader())

async function* lettingGo(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  try {
    yield* chunksOf(reader)
  } finally {
    await reader.cancel().catch(() => {})
  }
}

/** The same stream, whose reader gets what `told` makes of what it breaks off with. */
export const streamTelling = (source: ReadableStream<Uint8Array>, told: (thrown: unknown) => unknown): ReadableStream<Uint8Array> => {
  const reader = source.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await reader.read().catch(async (thrown: unknown) => {
          throw await told(thrown)
        })
        if (next.done) controller.close()
        else controller.enqueue(next.value)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}

/**
 * The same stream until the signal aborts: then its reader gets the reason and its source is let go, at once. A pipe with a signal would wait
 * for what it has read to be taken, and who doesn't read never takes it. However it comes to its end, `ended` is told.
 */
export const streamUntil = (source: ReadableStream<Uint8Array>, signal: AbortSignal, ended?: () => void): ReadableStream<Uint8Array> => {
  const reader = source.getReader()
  let stop: () => void
  const release = () => {
    signal.removeEventListener('abort', stop)
    ended?.()
  }
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        stop = () => {
          release()
          controller.error(signal.reason)
          reader.cancel(signal.reason).catch(() => {})
        }
        if (signal.aborted) stop()
        else signal.addEventListener('abort', stop)
      },
      async pull(controller) {
        const next = await reader.read().catch((thrown: unknown) => {
          release()
          throw thrown
        })
        if (signal.aborted) return
        if (!next.done) return controller.enqueue(next.value)
        release()
        controller.close()
      },
      async cancel(reason) {
        release()
        await reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
