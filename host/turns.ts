import { Failure, type Steps } from '@symbiosis/protocol'

export interface TurnOptions {
  /** The part of its time that the host gives to strangers while there are others. */
  share: number
  /** Milliseconds of work at a time. */
  slice: number
  /** Seconds that a stranger is kept waiting before it is told to come back. */
  patience: number
}

/** Milliseconds for which there are others after the last of their calls. */
const BUSY = 1000
/** Milliseconds that one of work sets back: whoever has cost nothing yet comes before all who have. No more than half of the patience, so that a turn comes before that ends. */
const SETBACK = 1000

/** Turns that may be waited for before there is less time for each, and by how much less there is at the most. */
const CROWD = 16
const THINNEST = 10
/** Turns that are given up at a time: each has to be answered. */
const AT_A_TIME = 4

/** How much longer the rest after a long step gets, and no rest is longer than so many milliseconds: the machine may have done something else. */
const LONGEST = 5
const MAX_REST = 1000

/** Who takes turns. */
export interface Guest {
  /** Milliseconds that it has cost in all. */
  readonly spent: number
  spend(milliseconds: number): void
}

interface Turn {
  readonly guest: Guest
  readonly asked: number
  readonly ahead: boolean
  /** When it should come, were there a turn every moment: the least is next. */
  due: number
  /** What it costs beside its steps, until it was had. */
  more: number
  begun: boolean
  /** Works until it is done, which it says, or the time is over. */
  run(until: number): boolean
  giveUp(reason: Failure): void
}

/**
 * Work of strangers, a slice at a time, in a small part of the host's time as long as there are others, and in a smaller one where many
 * wait. First comes who asked first, but what a guest
 * has cost already sets it back: by far enough that a flood of expensive messages is overtaken by whoever comes with a cheap one, and not so far
 * that a flood of cheap ones could starve anybody.
 */
export class Turns {
  readonly #options: TurnOptions
  readonly #clock: () => number
  readonly #spent: () => number
  readonly #waiting = new Set<Turn>()
  #timer: NodeJS.Timeout | NodeJS.Immediate | undefined
  #restsUntil = Number.NEGATIVE_INFINITY
  #lastOther = Number.NEGATIVE_INFINITY

  /** Both count milliseconds and never go back: `spent` those that this program had, so that nobody pays for what others did meanwhile. */
  constructor(options: TurnOptions, clock: () => number, spent: () => number = clock) {
    this.#options = options
    this.#clock = clock
    this.#spent = spent
  }

  /** Turns that are waited for. */
  get size(): number {
    return this.#waiting.size
  }

  /** Somebody who needs no turns was served at that moment. */
  served(now: number): void {
    this.#lastOther = now
  }

  /**
   * Does the work in turns. `more` milliseconds are counted beside what its steps take; what goes `ahead` is asked for as if it had been long ago.
   * @throws Failure RateLimited where no turn came in time
   */
  take<T>(guest: Guest, steps: Steps<T>, { more = 0, ahead = false } = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      const asked = this.#clock()
      const run = (until: number): boolean => {
        try {
          do {
            const { done, value } = steps.next()
            if (!done) continue
            resolve(value)
            return true
          } while (this.#clock() < until)
          return false
        } catch (thrown) {
          reject(thrown)
          return true
        }
      }
      this.#waiting.add({ guest, asked, ahead, due: this.#due(guest, asked, ahead), more, begun: false, run, giveUp: reject })
      this.#schedule()
    })
  }

  /** Gives up what a guest waits for. */
  drop(guest: Guest, reason: Failure): void {
    for (const turn of this.#waiting) if (turn.guest === guest) this.#giveUp(turn, reason)
  }

  dropAll(reason: Failure): void {
    for (const turn of this.#waiting) this.#giveUp(turn, reason)
  }

  #due({ spent }: Guest, asked: number, ahead: boolean): number {
    const { patience } = this.#options
    return asked + Math.min(spent * SETBACK, patience * 500) - (ahead ? patience * 1000 : 0)
  }

  #giveUp(turn: Turn, reason: Failure): void {
    this.#waiting.delete(turn)
    turn.giveUp(reason)
  }

  #schedule(): void {
    if (this.#timer || this.#waiting.size === 0) return
    const rest = this.#restsUntil - this.#clock()
    this.#timer = rest > 0 ? setTimeout(this.#next, rest) : setImmediate(this.#next)
  }

  readonly #next = (): void => {
    this.#timer = undefined
    const started = this.#clock()
    const turn = this.#first(started)
    if (!turn) return
    turn.begun = true
    const before = this.#spent()
    if (turn.run(started + this.#options.slice)) this.#waiting.delete(turn)
    const now = this.#clock()
    // Other threads of this program had some of it, perhaps; not more than went by here.
    const took = Math.min(this.#spent() - before, now - started)
    turn.guest.spend(took)
    turn.due = this.#due(turn.guest, turn.asked, turn.ahead)
    const { share, slice } = this.#options
    // A step that outlasts the slice can't be interrupted: it is followed by a rest so much longer that few of the others' calls ever meet one.
    const length = Math.min(Math.max(1, took / slice), LONGEST)
    const rest = Math.min((took + turn.more) * (this.#crowd(turn) / share - 1) * length, MAX_REST)
    if (now - this.#lastOther < BUSY) this.#restsUntil = now + rest
    turn.more = 0
    this.#schedule()
  }

  /** By how much less the host gives to strangers, since many wait: that's a flood, of which the others should notice as little as can be. */
  #crowd({ ahead }: Turn): number {
    return ahead ? 1 : Math.min(Math.max(1, this.#waiting.size / CROWD), THINNEST)
  }

  #first(now: number): Turn | undefined {
    let first: Turn | undefined
    let late = 0
    for (const turn of this.#waiting) {
      if (!turn.begun && now - turn.asked > this.#options.patience * 1000 && late++ < AT_A_TIME) this.#giveUp(turn, tooBusy())
      else if (!first || turn.due < first.due) first = turn
    }
    return first
  }
}

const tooBusy = (): Failure =>
  new Failure('RateLimited', 'Too many strangers call at a time.', { field: 'strangers', retryAfter: 5, hint: 'Come back later.' })
