import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'

export interface Costly {
  /** The case that the request named. */
  readonly index: number
  readonly ms: number
}

export interface CostFigures {
  readonly requests: number
  /** Upper bounds of the most that a message cost and of the mean, CPU milliseconds. */
  readonly most: number
  readonly mean: number
  /** The longest that the thread was used between two turns of the event loop, CPU milliseconds. */
  readonly longestTurn: number
  /** The longest that the event loop was late, milliseconds of the clock: on a busy machine that is the scheduler's doing. */
  readonly delay: number
}

const CHAIN = 4

/**
 * What each request costs the thread that serves all of them: the CPU time between its head's arrival and its answer's end. What is done meanwhile for others is
 * in it as well, so it never says too little; who was costly is to be sent again alone. The clock can't judge: where others want the
 * processor, it measures them.
 */
export class Costs {
  /** What the last request cost that is over: exact where it was alone. */
  last = 0
  readonly #delay = monitorEventLoopDelay({ resolution: 5 })
  #requests = 0
  #sum = 0
  #most = 0
  #longestTurn = 0
  #turns = 0

  constructor(limit: number, costly: (costly: Costly) => void) {
    this.#delay.enable()
    subscribe('http.server.request.start', (event) => {
      const { request, response } = event as { request: IncomingMessage; response: ServerResponse }
      const started = cpu()
      this.#watchTurns(started)
      response.once('close', () => {
        const ms = cpu() - started
        this.last = ms
        this.#requests++
        this.#sum += ms
        if (ms <= limit) this.#most = Math.max(this.#most, ms)
        else costly({ index: Number(request.headers['x-case'] ?? -1), ms })
      })
    })
  }

  figures(): CostFigures {
    const { max } = this.#delay
    return {
      requests: this.#requests,
      most: this.#most,
      mean: this.#sum / Math.max(1, this.#requests),
      longestTurn: this.#longestTurn,
      delay: max / 1e6,
    }
  }

  /** Over some turns after a request's arrival: its work, a stranger's slices included, begins in one of them. */
  #watchTurns(since: number): void {
    const idle = this.#turns === 0
    this.#turns = CHAIN
    if (idle) this.#turn(since)
  }

  #turn(since: number): void {
    setImmediate(() => {
      const now = cpu()
      this.#longestTurn = Math.max(this.#longestTurn, now - since)
      if (--this.#turns > 0) this.#turn(now)
    })
  }
}

/** CPU milliseconds of this thread. */
const cpu = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
