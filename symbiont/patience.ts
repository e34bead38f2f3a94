import { type Answered, Failure } from '@symbiosis/protocol'
import { sleep } from './sleep.ts'

/** Seconds that a call waits in all, unless told. */
const PATIENCE = 10

export interface PatienceOptions {
  signal?: AbortSignal
  /** Seconds that a call waits in all for hosts that say it comes too soon (RateLimited), 10 unless told; 0 to be told at once. */
  patience?: number
}

/**
 * Sends again when a host said to come back, as long as what it asks for is within the caller's patience. It refused before anything ran, so this is
 * safe whatever the ability's effect. `mayRepeat` says whether what goes up can still be sent.
 */
export const patiently = async <T>(
  send: () => Promise<Answered<T>>,
  { signal, patience = PATIENCE }: PatienceOptions,
  mayRepeat: () => boolean,
): Promise<Answered<T>> => {
  for (let left = patience; ; ) {
    const sent = await send().then(
      (answered) => ({ answered, refusal: answered.result.error }),
      (thrown: unknown) => ({ thrown, refusal: thrown instanceof Failure ? thrown.toRefusal() : undefined }),
    )
    const wait = sent.refusal?.name === 'RateLimited' ? sent.refusal.retryAfter : undefined
    if (typeof wait === 'number' && wait > 0 && wait <= left && mayRepeat()) {
      await sleep(wait * 1000, signal)
      left -= wait
    } else if ('thrown' in sent) {
      throw sent.thrown
    } else {
      return sent.answered
    }
  }
}
