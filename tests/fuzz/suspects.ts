import type { Case } from './cases.ts'
import { Connection, type Patience } from './connection.ts'
import type { Costly } from './costs.ts'
import type { Findings } from './findings.ts'
import type { Quiet } from './lanes.ts'
import type { HostProcess } from './process.ts'

interface Parts {
  readonly limitMs: number
  readonly findings: Findings
  readonly quiet: Quiet
  readonly patience: Patience
  hosts(): HostProcess
  /** The case with an index, if it is one of this run. */
  caseAt(index: number): Case | undefined
}

/** How often something costly is sent again: what a collection of garbage cost isn't the message's, and passes. */
const AGAIN = 3
/** Of those that the host held back: nearly all of them only waited. */
const MAX_HELD_BACK = 20

/** Messages that cost too much among others, each to be sent again while nothing else is under way. */
export class Suspects {
  /** The most that one of them cost alone. */
  most = 0
  readonly #parts: Parts
  readonly #waiting: Costly[] = []
  /** Sent again, it may look costly again: that says nothing new. */
  readonly #tried = new Set<number>()
  #heldBack = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  get tried(): number {
    return this.#tried.size
  }

  add(costly: Costly): void {
    this.#waiting.push(costly)
  }

  async tryAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) await this.#try(next)
  }

  async #try({ index, ms }: Costly): Promise<void> {
    const { quiet, limitMs, findings, patience, hosts, caseAt } = this.#parts
    const sent = caseAt(index)
    if (!sent || this.#tried.has(index)) return
    if ((sent.waits || sent.gated) && this.#heldBack++ >= MAX_HELD_BACK) return
    this.#tried.add(index)
    await quiet.alone(async () => {
      let least = ms
      for (let again = 0; again < AGAIN && least > limitMs; again++) {
        await new Connection(hosts().ports[0] as number, patience).exchange({ ...sent, leaves: false, framing: 'last' })
        least = Math.min(least, await hosts().last())
      }
      this.most = Math.max(this.most, least)
      if (least > limitMs) findings.add({ what: `it costs ${least.toFixed(1)} ms`, text: '', cases: [sent] })
    })
  }
}
