import type { Account, Charge, Edge, Transaction } from '@symbiosis/protocol'
import { Failure } from '@symbiosis/protocol'

/** How long a pin that finds no room waits for others that are under way, in ms: what they reserve they may yet give back. */
const ROOM_WAIT = 1000

/**
 * Reserves a DAG's bytes block by block, before each counts. Blocks that come while a reservation is being written share the next, so a
 * fast fetch costs one commit for many blocks, and never is more reserved than what came.
 */
export class Meter {
  readonly #grow: (bytes: number) => Promise<Charge>
  readonly #room: Room
  #charge: Charge
  #counted = 0
  #growing: Promise<void> | undefined
  waiting = false

  /** `grow` raises the charge to so many bytes, durably. */
  constructor(charge: Charge, room: Room, grow: (bytes: number) => Promise<Charge>) {
    this.#charge = charge
    this.#room = room
    this.#grow = grow
  }

  get reserved(): number {
    return this.#charge.amounts.bytes ?? 0
  }

  /** Counts from nothing again, as a fetch that starts anew does. What is reserved stays so and is used first. */
  restart(): void {
    this.#counted = 0
  }

  /**
   * Resolves when there is room for so many bytes more.
   * @throws Failure LimitExceeded
   */
  async admit(size: number): Promise<void> {
    this.#counted += size
    const needed = this.#counted
    while (this.reserved < needed) {
      this.#growing ??= this.#insist().finally(() => {
        this.#growing = undefined
      })
      await this.#growing
    }
  }

  sharesWith(other: Meter): boolean {
    return this.#charge.edges.some((mine) => other.#charge.edges.some((its) => isSame(mine, its)))
  }

  async #insist(): Promise<void> {
    const until = performance.now() + ROOM_WAIT
    for (;;) {
      try {
        this.#charge = await this.#grow(this.#counted)
        return
      } catch (reason) {
        if (!isExcess(reason) || !(await this.#room.change(this, until))) throw reason
      }
    }
  }
}

/**
 * The pins under way. Two that compete for the last bytes must not both fail while either would fit: who finds no room waits for the others to end. Where
 * all wait for each other, the last to come gives up, and with what it gives back the others go on.
 */
export class Room {
  readonly #meters = new Set<Meter>()
  readonly #listeners = new Set<() => void>()

  enter(meter: Meter): void {
    this.#meters.add(meter)
  }

  leave(meter: Meter): void {
    this.#meters.delete(meter)
    for (const listener of this.#listeners) listener()
  }

  /** Resolves to true when one that shares a lease has ended; to false when none is left to wait for, or at `until`. */
  async change(meter: Meter, until: number): Promise<boolean> {
    const others = [...this.#meters].some((other) => other !== meter && !other.waiting && other.reserved > 0 && meter.sharesWith(other))
    const left = until - performance.now()
    if (!others || left <= 0) return false
    meter.waiting = true
    let wake = () => {}
    const changed = await new Promise<boolean>((resolve) => {
      wake = () => resolve(true)
      this.#listeners.add(wake)
      setTimeout(resolve, left, false)
    })
    this.#listeners.delete(wake)
    meter.waiting = false
    return changed
  }
}

/** Raises a charge to so many bytes, on another of the account's chains where the first has no room. */
export const raise = async (tx: Transaction, charge: Charge, account: Account, bytes: number): Promise<Charge> => {
  const amounts = { ...charge.amounts, bytes }
  try {
    return await tx.adjust(charge, amounts)
  } catch (reason) {
    if (!isExcess(reason) || account.length < 2) throw reason
    await tx.adjust(charge, { pins: 0, bytes: 0 })
    return await tx.reserve(amounts)
  }
}

const isExcess = (reason: unknown): boolean => reason instanceof Failure && reason.name === 'LimitExceeded'

const isSame = (a: Edge, b: Edge): boolean => a.by === b.by && a.to === b.to
