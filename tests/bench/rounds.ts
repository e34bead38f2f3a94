/** What is measured: `prepare` makes inputs that were never used before, untimed; `run` does the work on one of them. */
export interface Candidate<T = unknown> {
  readonly name: string
  prepare(count: number): Promise<T[]> | T[]
  run(input: T): unknown
}

/** CPU microseconds of one run, by candidate and round: user and system time of every thread of this process. */
export type Costs = ReadonlyMap<string, readonly number[]>

export interface Plan {
  rounds: number
  /** CPU milliseconds that one batch of a candidate should take. */
  batchMs: number
}

/**
 * Measures candidates interleaved: each round runs a batch of each, in another order every time, so that what else the machine does hits
 * all of them alike.
 */
export const interleave = async (candidates: readonly Candidate[], { rounds, batchMs }: Plan): Promise<Costs> => {
  const costs = new Map<string, number[]>(candidates.map(({ name }) => [name, []]))
  const counts = new Map<Candidate, number>()
  for (const candidate of candidates) {
    // The first batches warm the code and the caches up, and tell how much work a batch holds.
    let cost = await batch(candidate, 3)
    for (let warming = 0; warming < 3; warming++) cost = await batch(candidate, Math.max(2, Math.ceil((batchMs * 1000) / cost)))
    counts.set(candidate, Math.max(2, Math.ceil((batchMs * 1000) / cost)))
  }
  for (let round = 0; round < rounds; round++) {
    for (const candidate of rotated(candidates, round)) costs.get(candidate.name)?.push(await batch(candidate, counts.get(candidate) ?? 2))
  }
  return costs
}

const batch = async (candidate: Candidate, count: number): Promise<number> => {
  const inputs = await candidate.prepare(count)
  globalThis.gc?.()
  const before = process.cpuUsage()
  for (const input of inputs) await candidate.run(input)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

const rotated = <T>(items: readonly T[], by: number): T[] => items.map((_, index) => items[(index + by) % items.length] as T)

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

export const cost = (costs: Costs, name: string): number => median(costs.get(name) ?? [])

/** How much of the cost of `name` that of `base` is: the median of the rounds' own ratios. */
export const share = (costs: Costs, base: string, name: string): number => {
  const bases = costs.get(base) ?? []
  return median((costs.get(name) ?? []).map((each, round) => (bases[round] as number) / each))
}
