import { type Ed25519, useEd25519 } from '@symbiosis/protocol'
import { collect, settle } from './garbage.ts'

/** What is measured: `prepare` makes inputs that were never used before, untimed; `run` does the work on one of them. */
export interface Candidate<T = unknown> {
  readonly name: string
  /** What is in use while it runs; the runtime's own where it says nothing. */
  readonly ed25519?: Ed25519
  prepare(count: number): Promise<T[]> | T[]
  run(input: T): unknown
}

/** CPU microseconds of one run, by candidate and round: user and system time of every thread of this process. */
export type Costs = ReadonlyMap<string, readonly number[]>

export interface Plan {
  readonly rounds: number
  /** CPU milliseconds that one batch of a candidate should take. */
  readonly batchMs: number
  /** Runs of each candidate before the first round: the engine compiles and collects in threads of its own, which count until the code is settled. */
  readonly warmRuns: number
  /** CPU milliseconds after which a slow candidate is warm all the same. */
  readonly warmMs: number
  /** Who call once each, for what memory they leave behind. */
  readonly tenants: number
  /** How many UCANs are revoked, each time that checks are measured; the largest number last. */
  readonly revocations: readonly number[]
  /** Checks of a round. */
  readonly checks: number
  /** Entries of the log that is followed. */
  readonly entries: number
}

/** Warming goes around the candidates as well, so that code which they share has seen all of them before any is measured. */
const WARMING_PASSES = 4

/**
 * Measures candidates interleaved: each round runs a batch of each, in another order every time, so that what else the machine does hits
 * all of them alike.
 */
export const interleave = async (
  candidates: readonly Candidate[],
  plan: Pick<Plan, 'rounds' | 'batchMs' | 'warmRuns' | 'warmMs'>,
): Promise<Costs> => {
  const costs = new Map<string, number[]>(candidates.map(({ name }) => [name, []]))
  const counts = new Map<Candidate, number>()
  for (let pass = 0; pass < WARMING_PASSES; pass++) {
    for (const candidate of candidates) {
      const cost = await warm(candidate, plan.warmRuns / WARMING_PASSES, (plan.warmMs * 1000) / WARMING_PASSES)
      counts.set(candidate, Math.max(2, Math.ceil((plan.batchMs * 1000) / cost)))
    }
  }
  for (let round = 0; round < plan.rounds; round++) {
    for (const candidate of shuffled(candidates)) costs.get(candidate.name)?.push(await batch(candidate, counts.get(candidate) ?? 2))
  }
  return costs
}

/** Runs so often, or so long where that is sooner, and says what the last runs cost. */
const warm = async (candidate: Candidate, runs: number, micros: number): Promise<number> => {
  let cost = await batch(candidate, 3)
  for (let done = 3, spent = 3 * cost; done < runs && spent < micros; ) {
    const count = Math.max(2, Math.min(WARMING_BATCH, Math.ceil(runs - done), Math.ceil((micros - spent) / cost)))
    cost = await batch(candidate, count)
    done += count
    spent += count * cost
  }
  return cost
}

const WARMING_BATCH = 250

const batch = async (candidate: Candidate, count: number): Promise<number> => {
  const inputs = await candidate.prepare(count)
  useEd25519(candidate.ed25519)
  settle()
  const before = process.cpuUsage()
  for (const input of inputs) await candidate.run(input)
  collect()
  const { user, system } = process.cpuUsage(before)
  useEd25519()
  return (user + system) / count
}

/** In any order, so that nobody always comes after the same one and finds what that left in the caches. */
export const shuffled = <T>(items: readonly T[]): T[] =>
  items
    .map((item) => [Math.random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item)

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
