import { type Authorized, Failure, type Path, type Revocation, revokedBy, textOf } from '@symbiosis/protocol'
import type { Outcome } from './dispatch.ts'

/** One call under way that streams, with the chains that it was allowed by. */
export class Streaming {
  /** CIDs of all links, as text, each once. */
  readonly links: ReadonlySet<string>
  /** What a cut call is refused with; pending as long as it isn't. */
  readonly cut: Promise<Outcome>
  readonly #chains: readonly (readonly ['owner' | 'lease', Path])[]
  readonly #aborter = new AbortController()
  readonly #cut: (refused: Outcome) => void

  constructor({ owner, leasePaths }: Authorized) {
    this.#chains = [['owner', owner], ...leasePaths.map((path) => ['lease', path] as const)]
    this.links = new Set(this.#chains.flatMap(([, path]) => path.map(({ cid }) => textOf(cid))))
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    this.cut = promise
    this.#cut = resolve
  }

  /** Aborts with the refusal as its reason. */
  get signal(): AbortSignal {
    return this.#aborter.signal
  }

  /** Cuts the call if a revocation counts, as it would if the call were made now. */
  judge(revocation: Revocation): void {
    if (this.signal.aborted) return
    for (const [chain, path] of this.#chains) {
      const at = path.findIndex(({ cid }) => textOf(cid) === revocation.ucan)
      const refusal = at < 0 ? undefined : revokedBy([revocation], path.slice(0, at + 1), chain)
      if (!refusal) continue
      this.#aborter.abort(Failure.fromRefusal(refusal))
      return this.#cut({ out: { error: refusal } })
    }
  }
}
