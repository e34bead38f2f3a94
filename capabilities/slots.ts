/** A number of places to work in, some for each space at most, so that none keeps the others waiting. First come, first served. */
export class Slots {
  readonly #total: number
  readonly #perSpace: number
  readonly #taken = new Map<string, number>()
  readonly #waiting = new Set<{ space: string; go(leave: () => void): void }>()
  #count = 0

  constructor(total: number, perSpace = total) {
    this.#total = total
    this.#perSpace = perSpace
  }

  /** A place, to be left by calling what comes back; undefined where none is free. */
  tryTake(space: string): (() => void) | undefined {
    const mine = this.#taken.get(space) ?? 0
    if (this.#count >= this.#total || mine >= this.#perSpace) return undefined
    this.#count++
    this.#taken.set(space, mine + 1)
    let left = false
    return () => {
      if (!left) this.#leave(space)
      left = true
    }
  }

  /** The same, waiting for one. Rejects when the signal aborts. */
  take(space: string, signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const leave = this.tryTake(space)
      if (leave) return resolve(leave)
      const abort = () => {
        this.#waiting.delete(waiter)
        reject(signal.reason)
      }
      const waiter = {
        space,
        go: (place: () => void) => {
          signal.removeEventListener('abort', abort)
          resolve(place)
        },
      }
      this.#waiting.add(waiter)
      signal.addEventListener('abort', abort, { once: true })
    })
  }

  #leave(space: string): void {
    this.#count--
    const rest = (this.#taken.get(space) ?? 1) - 1
    if (rest === 0) this.#taken.delete(space)
    else this.#taken.set(space, rest)
    for (const waiter of this.#waiting) {
      const place = this.tryTake(waiter.space)
      if (!place) continue
      this.#waiting.delete(waiter)
      return waiter.go(place)
    }
  }
}
