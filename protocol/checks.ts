import type { UcanMemory } from './admission.ts'
import { Failure } from './failure.ts'
import type { Ucan } from './ucan.ts'

/** Work that can be interrupted wherever it yields, so that one message need not hold up everybody else. */
export type Steps<T> = Generator<void, T>

/** All of the steps at once. */
export const finish = <T>(steps: Steps<T>): T => {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

/** Signatures that are checked between two yields: about a millisecond. */
const PER_STEP = 8
const PAUSE = Symbol('pause')

/**
 * The signature checks of one message. A stranger can sign a message that carries hundreds of proofs, each of which costs as much as an
 * honest call; so their number is bounded. What is remembered from earlier messages costs nothing and counts nothing.
 */
export class Checks {
  readonly #memory: UcanMemory
  readonly #limit: number
  readonly #verdicts = new Map<Ucan, boolean>()
  #count = 0
  #left = Number.POSITIVE_INFINITY
  #pay: ((ucan: Ucan) => void) | undefined

  constructor(memory: UcanMemory, limit: number) {
    this.#memory = memory
    this.#limit = limit
  }

  /** @throws Failure TooLarge, field `signatures` */
  isSigned(ucan: Ucan): boolean {
    const known = this.#verdicts.get(ucan) ?? this.#memory.verdictOn(ucan)
    if (known !== undefined) return known
    this.#take(ucan)
    const signed = this.#memory.isSigned(ucan)
    this.#verdicts.set(ucan, signed)
    return signed
  }

  /**
   * Runs what asks for signatures, in steps of some checks each. `run` begins anew after each: it must do nothing but ask, and what it sees
   * is as it is when it comes through. `pay` hears of every check before it is made, and may throw to forbid it.
   */
  *inSteps<T>(run: () => T, pay?: (ucan: Ucan) => void): Steps<T> {
    for (;;) {
      this.#left = PER_STEP
      this.#pay = pay
      try {
        return run()
      } catch (thrown) {
        if (thrown !== PAUSE) throw thrown
      } finally {
        this.#left = Number.POSITIVE_INFINITY
        this.#pay = undefined
      }
      yield
    }
  }

  #take(ucan: Ucan): void {
    if (this.#left <= 0) throw PAUSE
    if (this.#count >= this.#limit) {
      throw new Failure('TooLarge', `The message needs more than ${this.#limit} signatures checked.`, {
        field: 'signatures',
        limit: this.#limit,
        hint: 'Send fewer calls in one message, or fewer proofs that nobody has seen.',
      })
    }
    this.#pay?.(ucan)
    this.#left--
    this.#count++
  }
}
