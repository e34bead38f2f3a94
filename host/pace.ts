import { setTimeout as sleep } from 'node:timers/promises'
import type { Steps } from '@symbiosis/protocol'

/** Milliseconds of work at a time, and of rest after it: what takes minutes must not hold up calls. */
const SLICE = 2
const REST = 2

/** Long work in short slices, until the signal aborts. */
export class Pace {
  readonly #signal: AbortSignal
  #until = performance.now() + SLICE

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  get isOver(): boolean {
    return performance.now() >= this.#until
  }

  async rest(): Promise<void> {
    await sleep(REST, undefined, { signal: this.#signal })
    this.#until = performance.now() + SLICE
  }

  async through<T>(steps: Steps<T>): Promise<T> {
    for (;;) {
      const { done, value } = steps.next()
      if (done) return value
      if (this.isOver) await this.rest()
    }
  }
}
