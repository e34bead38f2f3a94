import { type Answer, type Channel, Failure, isAbort } from '@symbiosis/protocol'
import type { Connect } from './address.ts'
import { cancelled } from './cancelled.ts'
import type { Upload } from './upload.ts'
import type { KeptHost } from './wallet.ts'

/**
 * One channel over all addresses of a host, tried in turn. The same message goes to each: the same invocation twice is harmless at one host, whatever
 * its effect, so this is safe where calling again is not.
 */
export const routeTo = (host: KeptHost, connect: Connect, upload?: Upload): Channel => {
  const channels = host.urls.flatMap((url) => connect(url)?.channel ?? [])
  const each = async <T>(signal: AbortSignal | undefined, send: (channel: Channel) => Promise<T>): Promise<T> => {
    let last: unknown = new Failure('Unavailable', `No address of ${host.name || host.did} is known that this device can use.`, {
      host: host.did,
      hint: 'Pair with it again: symbiosis pair URL',
    })
    for (const channel of channels) {
      try {
        return await send(channel)
      } catch (thrown) {
        // A caller may abort with any reason; the channel hands it on as it is.
        if (signal?.aborted || isAbort(thrown)) throw cancelled(thrown)
        if (!isUnavailable(thrown)) throw thrown
        last = thrown
        if (upload?.begun) break
      }
    }
    throw last
  }
  return {
    url: host.urls[0] ?? '',
    request: (message, options) => each(options?.signal, (channel) => channel.request(message, options)),
    open: (message, options) =>
      each<Answer>(options?.signal, (channel) => channel.open(message, { ...options, ...(upload && { body: upload.attempt() }) })),
  }
}

export const isUnavailable = (thrown: unknown): boolean => thrown instanceof Failure && thrown.name === 'Unavailable'
