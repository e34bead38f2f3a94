import { Bucket, type Rate } from './rate.ts'
import type { Guest } from './turns.ts'

/** What any request costs beside what is measured: parsing its head, reading, answering. In milliseconds. */
export const REQUEST_COST = 0.2

export interface Connection {
  destroy(): unknown
}

/** A connection and what it has cost. */
export class Visitor implements Guest {
  readonly connection: Connection
  readonly #rate: Rate
  readonly #clock: () => number
  readonly #bucket: Bucket
  /** Whether its last calls were accepted. */
  proven = false
  /** Requests under way. */
  inside = 0
  /** Whether the request under way had a turn, or needs none. */
  served = false
  /** Whether it was told to come back later, and hasn't come without debt since. */
  told = false
  /** Bytes of its message that came. */
  bytes = 0
  spent = 0
  gone = false
  /** Ends what it waits for. */
  wake: (() => void) | undefined

  constructor(connection: Connection, rate: Rate, clock: () => number) {
    this.connection = connection
    this.#rate = rate
    this.#clock = clock
    this.#bucket = new Bucket(rate, clock())
  }

  spend(milliseconds: number): void {
    this.spent += milliseconds
    this.#bucket.spend(milliseconds, this.#rate, this.#clock())
  }

  /** Seconds until its debt is paid; 0 where it has none. */
  get debt(): number {
    return this.#bucket.wait(this.#rate, this.#clock())
  }

  /** Resolves after so many seconds, or when it is woken. */
  sleep(seconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.wake = undefined
        resolve()
      }
      // A timer may come a millisecond early.
      const timer = setTimeout(done, seconds * 1000 + 1)
      this.wake = done
    })
  }
}
