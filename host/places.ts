/** Places of which there are some: who comes when all are taken waits in line. */
export class Places<T> {
  readonly #most: number
  readonly #taken = new Set<T>()
  readonly #line = new Map<T, PromiseWithResolvers<void>>()

  constructor(most: number) {
    this.#most = most
  }

  /** Resolves when it has a place; undefined where it has one now. */
  take(who: T): Promise<void> | undefined {
    if (this.#taken.has(who)) return undefined
    if (this.#taken.size < this.#most) {
      this.#taken.add(who)
      return undefined
    }
    const waiting = this.#line.get(who) ?? Promise.withResolvers<void>()
    this.#line.set(who, waiting)
    return waiting.promise
  }

  /** Gives its place to the next in line, or leaves the line: then it is told to go on, since it needs no place any more. */
  leave(who: T): void {
    this.#line.get(who)?.resolve()
    this.#line.delete(who)
    if (!this.#taken.delete(who)) return
    for (const [next, { resolve }] of this.#line) {
      this.#line.delete(next)
      this.#taken.add(next)
      resolve()
      return
    }
  }
}
