import { orAbort } from './abort.ts'
import type { Admit } from './fetch.ts'

interface User {
  admit: Admit
  admitted: boolean
  refuse(reason: unknown): void
}

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

  /** The block's bytes, admitted by this user. `refused` tells a failure of `admit` from one of the errand. */
  async join(admit: Admit, signal: AbortSignal): Promise<{ bytes: Uint8Array } | { refused: unknown }> {
    let user: User | undefined
    const refused = new Promise<{ refused: unknown }>((resolve) => {
      user = { admit, admitted: false, refuse: (reason) => resolve({ refused: reason }) }
      this.#users.add(user)
    })
    try {
      const outcome = await orAbort(Promise.race([this.#bytes.then((bytes) => ({ bytes })), refused]), signal)
      // It joined too late for the admission before the write.
      if ('bytes' in outcome && !user?.admitted) await admit(outcome.bytes.length)
      return outcome
    } finally {
      if (user) this.#users.delete(user)
      if (this.#users.size === 0) this.#life.abort()
    }
  }

  /** The block is written if anyone admits it. */
  async #admit(size: number): Promise<void> {
    const verdicts = await Promise.allSettled(
      [...this.#users].map(async (user) => {
        try {
          await user.admit(size)
          user.admitted = true
        } catch (reason) {
          user.refuse(reason)
          throw reason
        }
      }),
    )
    const refusal = verdicts.find((verdict) => verdict.status === 'rejected')
    if (refusal !== undefined && !verdicts.some(({ status }) => status === 'fulfilled')) throw refusal.reason
  }
}
