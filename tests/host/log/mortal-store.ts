import { Failure } from '@symbiosis/protocol'
import type { Store } from '../../../host/index.ts'

/** Before a write is committed, or after, so that nobody is told. */
export type Death = 'before' | 'after'

/** A store whose process may be killed: from then on nothing of it works, and what it had committed is there for the next one. */
export class MortalStore implements Store {
  readonly #inner: Store
  readonly #writing = new Set<Promise<unknown>>()
  #alive = true
  #end: Death | undefined

  constructor(inner: Store) {
    this.#inner = inner
  }

  get alive(): boolean {
    return this.#alive
  }

  /** Whether and how it is killed at the next write. */
  killAtWrite(end: Death | undefined): void {
    this.#end = end
  }

  kill(): void {
    this.#alive = false
  }

  /** Resolves when no write is under way: one that has begun may be the one that kills. */
  async idle(): Promise<void> {
    while (this.#writing.size > 0) await Promise.allSettled(this.#writing)
  }

  write<T>(change: Parameters<Store['write']>[0]): Promise<T> {
    const writing = this.#write<T>(change)
    const done = () => this.#writing.delete(writing)
    this.#writing.add(writing)
    writing.then(done, done)
    return writing
  }

  async #write<T>(change: Parameters<Store['write']>[0]): Promise<T> {
    this.#mustLive()
    const end = this.#end
    this.#end = undefined
    if (end === 'before') this.kill()
    this.#mustLive()
    const done = await this.#inner.write(change)
    if (end === 'after') this.kill()
    this.#mustLive()
    return done as T
  }

  get: Store['get'] = (...asked) => {
    this.#mustLive()
    return this.#inner.get(...asked)
  }
  list: Store['list'] = (...asked) => {
    this.#mustLive()
    return this.#inner.list(...asked)
  }
  every: Store['every'] = (...asked) => {
    this.#mustLive()
    return this.#inner.every(...asked)
  }
  expire: Store['expire'] = (now) => {
    this.#mustLive()
    return this.#inner.expire(now)
  }

  close = () => this.#inner.close()

  #mustLive(): void {
    if (!this.#alive) throw new Failure('Unavailable', 'The process was killed.')
  }
}
