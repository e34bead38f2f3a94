import { Connection, type Patience } from './connection.ts'

/** Lanes of one kind: each sends one case at a time over a connection of its own. */
export interface LaneKind {
  readonly lanes: number
  readonly port: number
  readonly patience: Patience
}

/** Runs every lane until there is nothing to take, and ends its connection. `take` resolves to undefined when there will be no more. */
export const runLanes = async <T>(
  { lanes, port, patience }: LaneKind,
  take: () => Promise<T | undefined> | T | undefined,
  send: (connection: Connection, taken: T) => Promise<void>,
): Promise<void> => {
  const lane = async () => {
    const connection = new Connection(port, patience)
    for (let taken = await take(); taken !== undefined; taken = await take()) await send(connection, taken)
    connection.close()
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

/** What waits for a lane. Who puts too much into it is held back. */
export class Queue<T> {
  readonly #waiting: T[] = []
  readonly #max: number
  #ended = false
  #changed = Promise.withResolvers<void>()

  constructor(max: number) {
    this.#max = max
  }

  async put(item: T): Promise<void> {
    this.#waiting.push(item)
    this.#change()
    while (this.#waiting.length > this.#max) await this.#changed.promise
  }

  async take(): Promise<T | undefined> {
    while (this.#waiting.length === 0 && !this.#ended) await this.#changed.promise
    const taken = this.#waiting.shift()
    this.#change()
    return taken
  }

  end(): void {
    this.#ended = true
    this.#change()
  }

  #change(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers<void>()
  }
}

/** Lets one thing be done while nothing else is under way. */
export class Quiet {
  #under = 0
  #calm: PromiseWithResolvers<void> | undefined
  #idle: (() => void) | undefined

  async run<T>(work: () => Promise<T>): Promise<T> {
    while (this.#calm) await this.#calm.promise
    this.#under++
    try {
      return await work()
    } finally {
      if (--this.#under === 0) this.#idle?.()
    }
  }

  async alone<T>(work: () => Promise<T>): Promise<T> {
    while (this.#calm) await this.#calm.promise
    const calm = Promise.withResolvers<void>()
    this.#calm = calm
    if (this.#under > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    this.#idle = undefined
    try {
      return await work()
    } finally {
      this.#calm = undefined
      calm.resolve()
    }
  }
}
