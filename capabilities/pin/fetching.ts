import type { DID } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import type { PinStatus } from './index.ts'
import { type PinRecord, statusOf } from './record.ts'

/** How it ended; a refusal goes to the calls that still wait. */
export interface Outcome {
  refusal?: unknown
}

/** Why a try was broken off to be made again. */
export const HURRIED = Symbol('hurried')
export const QUEUED = Symbol('queued')

/** A pin under way, as this process sees it: what it knows is newer than the record. */
export class Fetching {
  readonly space: DID
  readonly root: CID
  /** Whether the pin is new: then a refusal leaves nothing behind. */
  readonly fresh: boolean
  /** Aborts when the pin is removed. */
  readonly removal = new AbortController()
  readonly ended: Promise<Outcome>
  /** Multiaddrs of peers that have it. */
  origins: readonly string[]
  /** How many calls wait to answer with the outcome. */
  waiting = 0
  over = false
  #status: PinStatus
  #attempt = new AbortController()
  #wake = () => {}
  #changes = Promise.withResolvers<void>()
  readonly #end: (outcome: Outcome) => void

  constructor(space: DID, record: PinRecord, fresh: boolean) {
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    this.space = space
    this.root = record.root
    this.fresh = fresh
    this.origins = record.origins
    this.ended = promise
    this.#end = resolve
    this.#status = statusOf(record)
  }

  get status(): PinStatus {
    return this.#status
  }

  update(change: Partial<PinStatus>): void {
    this.#status = { ...this.#status, ...change }
    this.#tell()
  }

  end(outcome: Outcome): void {
    this.over = true
    this.#end(outcome)
    this.#tell()
  }

  /** Resolves at the next change of the status, the end being the last. */
  changed(): Promise<void> {
    return this.#changes.promise
  }

  /** A signal for one try, which `interrupt` aborts. */
  attempt(): AbortSignal {
    this.#attempt = new AbortController()
    return this.#attempt.signal
  }

  interrupt(why: typeof HURRIED | typeof QUEUED): void {
    this.#attempt.abort(why)
    this.#wake()
  }

  /** Waits before another try, unless interrupted. Rejects when the signal aborts. */
  async pause(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ms)
    const abort = () => reject(signal.reason)
    this.#wake = resolve
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    try {
      await promise
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
  }

  #tell(): void {
    const { resolve } = this.#changes
    this.#changes = Promise.withResolvers()
    resolve()
  }
}
