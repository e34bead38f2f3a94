/** What goes on beside calls, and is waited for at the end. */
export class Background {
  readonly #running = new Set<Promise<unknown>>()
  readonly #timers: NodeJS.Timeout[] = []
  readonly #failed: (error: unknown) => void

  /** @param failed is told where a task fails: nobody else is */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  /** Remembers what is under way. */
  track<T>(running: Promise<T>): Promise<T> {
    this.#running.add(running)
    const done = () => this.#running.delete(running)
    running.then(done, done)
    return running
  }

  run(task: () => Promise<unknown>): void {
    this.track(task()).catch(this.#failed)
  }

  every(seconds: number, task: () => Promise<unknown>): void {
    const timer = setInterval(() => this.run(task), seconds * 1000)
    timer.unref()
    this.#timers.push(timer)
  }

  /** Begins nothing by itself any more. */
  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  /** Resolves when all that is under way now has come to its end, whichever that is. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running)
  }
}
