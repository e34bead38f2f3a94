/** A byte stream over an async iterable, pulled one chunk at a time. Browsers lack `ReadableStream.from`. */
export const streamFrom = (source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> => {
  const iterator = source[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await iterator.next()
        if (next.done) controller.close()
        else controller.enqueue(next.value)
      },
      async cancel() {
        await iterator.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}

/**
 * The same stream until the signal aborts: then its reader gets the reason and its source is let go, at once. A pipe with a signal would wait
 * for what it has read to be taken, and who doesn't read never takes it.
 */
export const streamUntil = (source: ReadableStream<Uint8Array>, signal: AbortSignal): ReadableStream<Uint8Array> => {
  const reader = source.getReader()
  let stop: () => void
  const release = () => signal.removeEventListener('abort', stop)
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
        const next = await reader.read()
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
