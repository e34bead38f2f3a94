import type { Answer, Channel, Door, OpenOptions } from '../channel.ts'

/** A host and a symbiont in one process. Messages are serialized as everywhere: what works here works on a wire. */
export const inProcessChannel = (door: Door): Channel => {
  const open = (message: Uint8Array, { signal = new AbortController().signal, body }: OpenOptions = {}): Promise<Answer> => {
    signal.throwIfAborted()
    return door({ message: new Uint8Array(message), streams: true, signal, remote: 'process', ...(body && { body }) })
  }
  return {
    url: 'in-process:',
    request: async (message, options) => new Uint8Array((await open(message, options)).message),
    open,
  }
}
