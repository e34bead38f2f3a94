/** How much may be had at once, and how much comes back in a second. */
export interface Rate {
  readonly burst: number
  readonly perSecond: number
}

/**
 * A token bucket that may be overdrawn: what something costs is known when it is done, and whoever is in debt waits until it is paid. No estimate
 * has to be right for that, and so none can be gamed.
 */
export class Bucket {
  #level: number
  #at: number

  constructor({ burst }: Rate, now: number) {
    this.#level = burst
    this.#at = now
  }

  /** `now` is in milliseconds of a clock that never goes back. */
  level({ burst, perSecond }: Rate, now: number): number {
    this.#level = Math.min(burst, this.#level + ((now - this.#at) / 1000) * perSecond)
    this.#at = now
    return this.#level
  }

  /** No debt is greater than four bursts: the machine may have slept, and that was nobody's doing. */
  spend(amount: number, rate: Rate, now: number): void {
    this.#level = Math.max(-4 * rate.burst, this.level(rate, now) - amount)
  }

  /** Seconds until something is in it again; 0 where something is. */
  wait(rate: Rate, now: number): number {
    const level = this.level(rate, now)
    return level > 0 ? 0 : Math.max(0.001, -level / rate.perSecond)
  }
}

/** A bucket for each name. At most `max` of them are kept: those that were used last. One that is forgotten begins anew. */
export class Buckets {
  readonly #rate: Rate
  readonly #half: number
  #young = new Map<string, Bucket>()
  #old = new Map<string, Bucket>()

  constructor(rate: Rate, max: number) {
    this.#rate = rate
    this.#half = Math.max(1, Math.floor(max / 2))
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** Takes one if there is one; otherwise says in how many seconds there will be. */
  take(name: string, now: number): number {
    const bucket = this.#find(name) ?? new Bucket(this.#rate, now)
    this.#keep(name, bucket)
    const wait = bucket.wait(this.#rate, now)
    if (wait === 0) bucket.spend(1, this.#rate, now)
    return wait
  }

  #find(name: string): Bucket | undefined {
    const young = this.#young.get(name)
    if (young) return young
    const old = this.#old.get(name)
    this.#old.delete(name)
    return old
  }

  #keep(name: string, bucket: Bucket): void {
    if (this.#young.has(name)) return
    if (this.#young.size >= this.#half) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(name, bucket)
  }
}
