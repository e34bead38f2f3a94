import { type DID, Failure } from '@symbiosis/protocol'

export interface QuerySettings {
  /** Queries of calls at a time, over all spaces. Default 64: each asks some peers at once. */
  queries: number
  /** The same of one space. Default 8. */
  queriesPerSpace: number
  /** Seconds that a query takes at the most unless the call says how many. Default 30. */
  querySeconds: number
}

/** A query under way. Its signal aborts by `end`, when its time is over, and with the call that asked for it; its place is free then. */
export interface Query {
  readonly signal: AbortSignal
  readonly seconds: number
  end(): void
}

/** The queries that calls have under way: each costs the host and the network far more than the call cost who sent it, so they are counted. */
export class Queries {
  readonly #settings: QuerySettings
  readonly #ofSpace = new Map<DID, number>()
  #count = 0

  constructor(settings: QuerySettings) {
    this.#settings = settings
  }

  /** @throws Failure RateLimited */
  begin({ space, signal: call }: { space: DID; signal: AbortSignal }, seconds = this.#settings.querySeconds): Query {
    const mine = this.#ofSpace.get(space) ?? 0
    if (this.#count >= this.#settings.queries || mine >= this.#settings.queriesPerSpace) {
      throw new Failure('RateLimited', `${mine} queries of this space, and ${this.#count} in all, are under way.`, { retryAfter: 1 })
    }
    this.#count++
    this.#ofSpace.set(space, mine + 1)
    const time = lateAfter(seconds)
    const signal = AbortSignal.any([call, time.signal])
    const leave = () => {
      time.end()
      this.#leave(space)
    }
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
    return { signal, seconds, end: time.end }
  }

  #leave(space: DID): void {
    this.#count--
    const rest = (this.#ofSpace.get(space) ?? 1) - 1
    if (rest === 0) this.#ofSpace.delete(space)
    else this.#ofSpace.set(space, rest)
  }
}

/** Why the signal of a query aborts that took too long: what it found by then stands. */
const TIME_OVER = new Failure('Unavailable', 'The network did not answer in time.', { hint: 'Try again, or allow more seconds.' })

/** A signal that aborts with `TIME_OVER` after so many seconds, and with less of a reason when it's ended before. */
export const lateAfter = (seconds: number): { signal: AbortSignal; end(): void } => {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(TIME_OVER), seconds * 1000)
  return {
    signal: controller.signal,
    end() {
      clearTimeout(timer)
      controller.abort()
    },
  }
}

/**
 * What comes until the signal aborts: then it ends where time was over, and throws the reason for any other. Who waits is let go at once, since
 * the search itself may take a while to notice.
 */
export async function* within<T>(signal: AbortSignal, items: AsyncIterable<T>): AsyncGenerator<T, void> {
  const iterator = items[Symbol.asyncIterator]()
  const { promise: over, resolve } = Promise.withResolvers<'over'>()
  const stop = () => resolve('over')
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  try {
    for (;;) {
      const next = iterator.next()
      next.catch(() => {})
      const item = await Promise.race([over, next])
      if (item === 'over') break
      if (item.done) return
      yield item.value
    }
  } catch (reason) {
    // The search may have noticed first, and calls it by a name of its own.
    if (!signal.aborted) throw reason
  } finally {
    signal.removeEventListener('abort', stop)
    iterator.return?.(undefined)?.catch(() => {})
  }
  if (signal.reason !== TIME_OVER) signal.throwIfAborted()
}

/**
 * What comes of some work, if it comes before the signal aborts.
 * @throws Failure Unavailable where time was over
 */
export const inTime = async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
  const outcome = async function* () {
    yield await work()
  }
  for await (const item of within(signal, outcome())) return item
  throw TIME_OVER
}
