import type { Admit } from '@symbiosis/protocol'
import { orAbort } from './abort.ts'

interface User {
  admit: Admit
  admitted: boolean
  refuse(reason: unknown): void
}

/** The block's bytes, admitted by this user; or what its own `admit` threw; or why the block didn't come. */
export type Outcome = { bytes: Uint8Array } | { refused: unknown } | { failed: unknown }

/**
 * One block on its way here, for all fetches that lack it. It is asked for once; the first one's leaving doesn't stop it for the others, which
 * matters as a peer doesn't send the same block twice within seconds. With the last user it ends.
 */
export class Errand {
  readonly #users = new Set<User>()
  readonly #life = new AbortController()
  readonly #bytes: Promise<Uint8Array>

  /** `run` brings the block until its signal aborts, and awaits the `admit` it is given before it writes. */
  constructor(run: (signal: AbortSignal, admit: Admit) => Promise<Uint8Array>) {
    this.#bytes = run(this.#life.signal, (size) => this.#admit(size))
    this.#bytes.catch(() => {})
  }

  /** What became of it for this user. Rejects only with the signal's reason. */
  async join(admit: Admit, signal: AbortSignal): Promise<Outcome> {
    const { promise: refused, resolve: refuse } = Promise.withResolvers<Outcome>()
    const user: User = { admit, admitted: false, refuse: (reason) => refuse({ refused: reason }) }
    this.#users.add(user)
    const brought = this.#bytes.then(
      async (bytes): Promise<Outcome> => {
        // It joined too late for the admission before the write.
        if (!user.admitted) await this.#ask(user, bytes.length).catch(() => {})
        return user.admitted ? { bytes } : await refused
      },
      (failed: unknown): Outcome => ({ failed }),
    )
    try {
      return await orAbort(Promise.race([refused, brought]), signal)
    } finally {
      this.#users.delete(user)
      if (this.#users.size === 0) this.#life.abort()
    }
  }

  /** The block is written if anyone admits it. */
  async #admit(size: number): Promise<void> {
    const verdicts = await Promise.allSettled([...this.#users].map((user) => this.#ask(user, size)))
    const refusal = verdicts.find((verdict) => verdict.status === 'rejected')
    if (refusal !== undefined && !verdicts.some(({ status }) => status === 'fulfilled')) throw refusal.reason
  }

  async #ask(user: User, size: number): Promise<void> {
    try {
      await user.admit(size)
      user.admitted = true
    } catch (reason) {
      user.refuse(reason)
      throw reason
    }
  }
}
