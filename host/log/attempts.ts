import type { DID } from '@symbiosis/protocol'

interface Backoff {
  /** Seconds of a clock that only moves forward. */
  readonly elapsed: () => number
  /** Seconds until the first new try, and the most: each is twice as long as the one before. */
  readonly first: number
  readonly most: number
}

/** Tries to reach logs, each one at a time whoever asks for it, and not again too soon where it failed. */
export class Attempts {
  readonly #backoff: Backoff
  readonly #running = new Map<DID, Promise<void>>()
  /** Until when nothing is tried, and for how long that is. */
  readonly #waits = new Map<DID, { readonly until: number; readonly wait: number }>()

  constructor(backoff: Backoff) {
    this.#backoff = backoff
  }

  mayTry(did: DID): boolean {
    return (this.#waits.get(did)?.until ?? 0) <= this.#backoff.elapsed()
  }

  isRunning(did: DID): boolean {
    return this.#running.has(did)
  }

  /** Resolves when the attempt under way is over, or else when `attempt` is, which says whether it succeeded; undefined where nothing was tried. */
  run(did: DID, attempt: () => Promise<boolean | undefined>): Promise<void> {
    const running = this.#running.get(did)
    if (running) return running
    const begun = attempt()
      // Of what wasn't tried nothing is kept: a lessee could name ever more.
      .then((done) => (done === false ? this.holdBack(did) : this.forget(did)))
      .finally(() => this.#running.delete(did))
    this.#running.set(did, begun)
    return begun
  }

  holdBack(did: DID): void {
    const { first, most } = this.#backoff
    const wait = Math.min(most, (this.#waits.get(did)?.wait ?? first / 2) * 2)
    this.#waits.set(did, { wait, until: this.#backoff.elapsed() + wait })
  }

  forget(did: DID): void {
    this.#waits.delete(did)
  }
}
