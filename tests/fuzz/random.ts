/** Numbers that a seed and an index determine, so that any case of a run can be made again alone. The generator is sfc32. */
export class Random {
  #a: number
  #b: number
  #c = 0x9e3779b9
  #count = 1

  constructor(seed: number, index: number) {
    this.#a = seed | 0
    this.#b = index | 0
    for (let round = 0; round < 12; round++) this.u32()
  }

  u32(): number {
    const sum = (this.#a + this.#b + this.#count) | 0
    this.#count = (this.#count + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    return sum >>> 0
  }

  /** From 0 up to and without `end`. */
  below(end: number): number {
    return Math.floor((this.u32() / 2 ** 32) * end)
  }

  chance(share: number): boolean {
    return this.u32() < share * 2 ** 32
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.u32() & 0xff)
  }

  text(length: number): string {
    return Array.from({ length }, () => this.below(36).toString(36)).join('')
  }
}

/** Picks by weight. */
export const weighted = <T>(random: Random, choices: readonly (readonly [weight: number, choice: T])[]): T => {
  let at = random.below(choices.reduce((sum, [weight]) => sum + weight, 0))
  for (const [weight, choice] of choices) {
    if (at < weight) return choice
    at -= weight
  }
  throw new RangeError('There is nothing to pick from.')
}
