import { type Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Followed } from './log/following.ts'

interface Sources {
  strangers(): number
  streams(): number
  pending(): number
  revocations(): number
  /** Entries of the host's own log that are yet to be held against its checkpoint. */
  unverified(): number
  stats(): { blocks: number; bytes: number }
  /** Of the host's own log. */
  entries(): Promise<number>
  followed(): readonly Followed[]
  /** Unix seconds. */
  now(): number
}

/** What an operator plots. Names and units follow the Prometheus conventions; no label names a caller. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #calls = new Map<string, Calls>()

  constructor(sources: Sources) {
    const registers = [this.#registry]
    this.#register('symbiosis_calls_total', 'Calls by ability and outcome', 'counter', (can, { outcomes }) =>
      Array.from(outcomes, ([outcome, value]) => ({ labels: { can, outcome }, value })),
    )
    this.#register('symbiosis_call_seconds', 'Time from admission to answer', 'histogram', (can, calls) => {
      let value = 0
      const within = BUCKETS.map((le, index) => {
        value += calls.buckets[index] as number
        return { labels: { can, le: le < Number.POSITIVE_INFINITY ? le : '+Inf' }, value, metricName: 'symbiosis_call_seconds_bucket' }
      })
      return [
        ...within,
        { labels: { can }, value: calls.seconds, metricName: 'symbiosis_call_seconds_sum' },
        { labels: { can }, value, metricName: 'symbiosis_call_seconds_count' },
      ]
    })
    const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
      new Gauge({
        name,
        help,
        registers,
        async collect() {
          this.set(await read())
        },
      })
    const followed = (name: string, help: string, read: (host: Followed) => number | undefined) =>
      new Gauge({
        name,
        help,
        registers,
        labelNames: ['url'],
        collect() {
          for (const host of sources.followed()) {
            const value = read(host)
            if (value !== undefined) this.set({ url: host.url }, value)
          }
        },
      })
    gauge('symbiosis_strangers', 'Connections that have not had a call accepted', sources.strangers)
    gauge('symbiosis_streams', 'Calls under way that stream', sources.streams)
    gauge('symbiosis_requests_pending', 'Requests that wait for the owner', sources.pending)
    gauge('symbiosis_revocations', 'Revocations that are remembered', sources.revocations)
    gauge('symbiosis_log_unverified_entries', 'Entries that were there at the start, and are still to be verified', sources.unverified)
    gauge('symbiosis_log_entries', 'Entries of the revocation log', sources.entries)
    followed('symbiosis_followed_entries', 'Entries of the log of a followed host that are here', ({ size }) => size)
    followed('symbiosis_followed_contact_seconds', 'Seconds since a followed host last showed a log in order', ({ contact }) =>
      contact === undefined ? undefined : sources.now() - contact,
    )
    followed('symbiosis_followed_forks', 'Proofs that a followed host has signed contradictions', ({ forks }) => forks.length)
    gauge('symbiosis_blocks', 'Blocks kept', () => sources.stats().blocks)
    gauge('symbiosis_block_bytes', 'Bytes of the blocks kept', () => sources.stats().bytes)
    ofProcess()
  }

  called(can: string, outcome: string, seconds: number): void {
    let calls = this.#calls.get(can)
    if (!calls) {
      calls = { outcomes: new Map(), buckets: BUCKETS.map(() => 0), seconds: 0 }
      this.#calls.set(can, calls)
    }
    calls.outcomes.set(outcome, (calls.outcomes.get(outcome) ?? 0) + 1)
    calls.seconds += seconds
    let bucket = 0
    while (seconds > (BUCKETS[bucket] as number)) bucket++
    ;(calls.buckets[bucket] as number)++
  }

  /** The Prometheus text form. */
  text = async (): Promise<string> => `${await this.#registry.metrics()}\n${await ofProcess().metrics()}`

  /** A metric that is counted here: the library's own take a thirtieth of what a call costs to find what to add to. */
  #register(name: string, help: string, type: 'counter' | 'histogram', values: (can: string, calls: Calls) => Value[]): void {
    const get = async () => ({ name, help, type, values: [...this.#calls].flatMap(([can, calls]) => values(can, calls)) })
    this.#registry.registerMetric({ name, get } as unknown as Counter)
  }
}

let registryOfProcess: Registry | undefined

/** What is told of the process, whichever hosts are in it. Once: what observes it is never let go of, and would keep each host that has ended. */
const ofProcess = (): Registry => {
  if (!registryOfProcess) {
    registryOfProcess = new Registry()
    collectDefaultMetrics({ register: registryOfProcess })
  }
  return registryOfProcess
}

const BUCKETS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, Number.POSITIVE_INFINITY]

/** The calls of one ability. */
interface Calls {
  readonly outcomes: Map<string, number>
  /** How many took no longer than a bound and longer than the one before. */
  readonly buckets: number[]
  seconds: number
}

interface Value {
  readonly labels: { readonly can: string; readonly outcome?: string; readonly le?: number | string }
  readonly value: number
  readonly metricName?: string
}
