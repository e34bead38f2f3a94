import { cancelled } from './cancelled.ts'

/**
 * Resolves after some milliseconds, or rejects at once when the signal aborts.
 * @throws Failure Cancelled
 */
export const sleep = (milliseconds: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled(signal.reason))
    const stop = () => {
      clearTimeout(timer)
      reject(cancelled(signal?.reason))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', stop, { once: true })
  })
