import { CLOCK_SKEW, textOf } from '@symbiosis/protocol'
import { type LogFrame, originOf, type RevocationEntry } from '@symbiosis/protocol/revocation'
import type { Revocations, Told } from '../revocations.ts'
import type { Mirror } from './mirror.ts'
import { revocationIn } from './mirrored.ts'
import { type Claim, Proving } from './proving.ts'

/** Takes what other hosts' logs prove over into this host's own. */
export class Importing {
  readonly #revocations: Revocations
  readonly #most: number
  readonly #now: () => number
  readonly #proving = new Proving()
  #last: Promise<void> = Promise.resolve()

  constructor(revocations: Revocations, most: number, now: () => number) {
    this.#revocations = revocations
    this.#most = most
    this.#now = now
  }

  /**
   * What of some entries is proved by what came with them. Others stand in the log and say nothing here: that a consent's end took a lease along, which its
   * own host knows, or that something was revoked which has ended since.
   */
  async proved(entries: LogFrame['entries'], signal: AbortSignal): Promise<Told[]> {
    const now = this.#now()
    const claims: (Claim & { readonly entry: RevocationEntry })[] = []
    for (const { leaf, evidence } of entries) {
      const entry = evidence && revocationIn(leaf)
      if (!entry || (entry.expiration !== null && entry.expiration + CLOCK_SKEW < now)) continue
      if (!(await this.#revocations.isKnown(entry))) claims.push({ leaf, evidence, entry })
    }
    const verdicts = await this.#proving.verdicts(
      claims.map(({ leaf, evidence }) => ({ leaf, evidence })),
      signal,
    )
    return claims
      .filter((_, at) => verdicts[at])
      .map(({ entry, evidence }) => {
        const { ucan, by, expiration, cause } = entry
        return { revocation: { ucan: textOf(ucan), by, at: now, expiration, cause: textOf(cause) }, entry, evidence }
      })
  }

  /**
   * Writes entries of a mirror with what is taken over of them, one mirror after another: what one brings, the next does not bring again. It counts against the log,
   * unless told against whom.
   */
  async write(
    from: Mirror,
    told: readonly Told[],
    commit: Awaited<ReturnType<Mirror['hold']>>,
    { charged = originOf(from.did), most = this.#most } = {},
  ): Promise<void> {
    const last = this.#last
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last = promise
    await last
    try {
      const kept = await commit((tx) => this.#revocations.takeOver(tx, charged, told, most))
      this.#revocations.remember(kept)
    } finally {
      resolve()
    }
  }
}
