import type { Answer, Channel, Door, OpenOptions } from '../channel.ts'
import { Failure } from '../failure.ts'
import { streamTelling, streamUntil } from '../stream.ts'

/** A host and a symbiont in one process. Messages are serialized as everywhere: what works here works on a wire. */
export const inProcessChannel = (door: Door): Channel => {
  const send = async (message: Uint8Array, streams: boolean, { signal, body }: OpenOptions): Promise<Answer> => {
    signal?.throwIfAborted()
    const calling = signal ?? new AbortController().signal
    const upload = body && streamTelling(body, (cause) => new Failure('Cancelled', 'The caller has left.', {}, { cause }))
    const answered = door({
      message: new Uint8Array(message),
      streams,
      signal: calling,
      remote: 'process',
      ...(upload && { body: upload }),
    })
    const answer = await (signal ? Promise.race([answered, aborted(signal)]) : answered)
    const stream = answer.body && signal ? streamUntil(answer.body, signal) : answer.body
    return { message: new Uint8Array(answer.message), ...(stream && { body: stream }) }
  }
  return {
    url: 'in-process:',
    request: async (message, options = {}) => (await send(message, false, options)).message,
    open: (message, options = {}) => send(message, true, options),
  }
}

/** A caller who gives up waits no longer, as over every wire. */
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }))
