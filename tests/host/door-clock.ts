import { mock } from 'node:test'
import type { Failure, Steps } from '@symbiosis/protocol'

/** A clock that a test moves, timers and all. */
export class DoorClock {
  now = 0
  readonly read = (): number => this.now

  constructor() {
    mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] })
  }

  /** Lets so many milliseconds go by, and everything happen that happens meanwhile. */
  async pass(milliseconds: number): Promise<void> {
    for (let left = milliseconds; left >= 0; left--) {
      const step = left >= 1 ? 1 : 0
      this.now += step
      mock.timers.tick(step)
      for (let turn = 0; turn < 10; turn++) await undefined
    }
  }

  /** Work with a step for each number, taking so many milliseconds. */
  *work<T>(value: T, ...milliseconds: number[]): Steps<T> {
    for (const each of milliseconds) {
      this.now += each
      yield
    }
    return value
  }

  restore(): void {
    mock.timers.reset()
  }
}

/** What became of a promise by now. */
export const watched = <T>(
  promise: Promise<T> | T,
): { state: 'waiting' | 'done' | 'refused'; value?: T; name?: string; refusal?: unknown } => {
  const seen: ReturnType<typeof watched<T>> = { state: 'waiting' }
  Promise.resolve(promise).then(
    (value) => Object.assign(seen, { state: 'done', value }),
    (refusal) => Object.assign(seen, { state: 'refused', name: refusal.name, refusal }),
  )
  return seen
}

/** How something is refused that is asked for. */
export const refusal = (ask: () => unknown): Record<string, unknown> => {
  try {
    ask()
  } catch (thrown) {
    return (thrown as Failure).toRefusal()
  }
  return { name: 'ok' }
}
