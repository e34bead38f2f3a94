import { type Steps, Undecided } from '@symbiosis/protocol'

export interface Patience {
  /** Decisions that are made of one question at the most: each may find something else lacking. */
  readonly most: number
  readonly signal: AbortSignal
}

/** The same steps, in which what a decision lacks is a value: it is nobody's fault, and whoever judges what steps throw must not take it for one. */
export function* orUndecided<T>(steps: Steps<T>): Steps<T | Undecided> {
  try {
    return yield* steps
  } catch (thrown) {
    if (thrown instanceof Undecided) return thrown
    throw thrown
  }
}

/**
 * Gets what a decision lacks, outside of anybody's turn since it is waiting and no work, and decides once more.
 * @throws Failure what the last decision still lacked, or why that could not be had
 */
export const decided = async <T>(
  first: T | Undecided | PromiseLike<T | Undecided>,
  again: () => T | Undecided | PromiseLike<T | Undecided>,
  { most, signal }: Patience,
): Promise<T> => {
  let decision = await first
  for (let times = 1; decision instanceof Undecided; times++) {
    if (times >= most) throw decision
    await decision.settle(signal)
    signal.throwIfAborted()
    decision = await again()
  }
  return decision
}
