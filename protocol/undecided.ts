import { type Details, Failure } from './failure.ts'

/**
 * A decision lacks something that isn't at hand: an entry that has to be read, a log that has to be asked. Whoever asked for the decision has it
 * settled, and decides once more; where nobody does, it is the refusal that it says, so that what is forgotten fails closed.
 */
export class Undecided extends Failure {
  readonly #settle: (signal: AbortSignal) => Promise<void>

  /** @param settle gets what is lacking, or throws why it can't be had; it may be called by several at once */
  constructor(refusal: { name: 'Unavailable' | 'StaleLog'; message: string } & Details, settle: (signal: AbortSignal) => Promise<void>) {
    const { name, message, ...details } = refusal
    super(name, message, details)
    this.#settle = settle
  }

  /**
   * Gets what is lacking.
   * @throws Failure why it can't be had
   */
  settle(signal: AbortSignal): Promise<void> {
    return this.#settle(signal)
  }
}
