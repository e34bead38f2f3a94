import { type Authorized, type Revocation, streamUntil } from '@symbiosis/protocol'
import type { Outcome } from './dispatch.ts'
import { Streaming } from './streaming.ts'

/**
 * Calls under way that stream, by the links that each was allowed by: what is revoked ends those that rely on it. Others are over before it would matter.
 *
 * All lease chains that hold count, and not the one alone that is charged: which one that is shows only as amounts are reserved, perhaps never. So a call
 * that has another way is cut, too. Who calls again is allowed by what remains.
 */
export class Cuts {
  readonly #running = new Set<Streaming>()
  readonly #byLink = new Map<string, Set<Streaming>>()
  readonly #outlasting: (work: Promise<unknown>) => void

  /** `outlasting` is given the work of calls that were answered before it was over. */
  constructor(outlasting: (work: Promise<unknown>) => void) {
    this.#outlasting = outlasting
  }

  /** Calls under way. */
  get size(): number {
    return this.#running.size
  }

  /**
   * Runs a call until it is cut: then its answer is Revoked, whatever its handler comes to, and so is the end of its stream. Call it in the same turn
   * as the decision: what is revoked after is heard of here, and what was before, there.
   */
  async run(authorized: Authorized, work: (cut: AbortSignal) => Promise<Outcome>): Promise<Outcome> {
    const streaming = this.#enter(new Streaming(authorized))
    const leave = () => this.#leave(streaming)
    let kept = false
    try {
      const working = work(streaming.signal)
      const outcome = await Promise.race([working, streaming.cut])
      if (streaming.signal.aborted) {
        this.#outlasting(working.then(({ body }) => body?.cancel()))
        return await streaming.cut
      }
      if (!outcome.body) return outcome
      kept = true
      return { ...outcome, body: streamUntil(outcome.body, streaming.signal, leave) }
    } finally {
      if (!kept) leave()
    }
  }

  /** Cuts the calls that rely on what was revoked. */
  readonly revoked = (fresh: readonly Revocation[]): void => {
    for (const revocation of fresh) {
      for (const streaming of this.#byLink.get(revocation.ucan) ?? []) streaming.judge(revocation)
    }
  }

  #enter(streaming: Streaming): Streaming {
    this.#running.add(streaming)
    for (const link of streaming.links) {
      const running = this.#byLink.get(link)
      if (running) running.add(streaming)
      else this.#byLink.set(link, new Set([streaming]))
    }
    return streaming
  }

  #leave(streaming: Streaming): void {
    this.#running.delete(streaming)
    for (const link of streaming.links) {
      const running = this.#byLink.get(link)
      running?.delete(streaming)
      if (running?.size === 0) this.#byLink.delete(link)
    }
  }
}
