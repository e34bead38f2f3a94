import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** What an operator plots. Names and units follow the Prometheus conventions; no label names a caller. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #calls: Counter<'can' | 'outcome'>
  readonly #seconds: Histogram<'can'>

  constructor(sources: { strangers(): number; pending(): number; revocations(): number; stats(): { blocks: number; bytes: number } }) {
    const registers = [this.#registry]
    this.#calls = new Counter({
      name: 'symbiosis_calls_total',
      help: 'Calls by ability and outcome',
      labelNames: ['can', 'outcome'],
      registers,
    })
    this.#seconds = new Histogram({
      name: 'symbiosis_call_seconds',
      help: 'Time from admission to answer',
      labelNames: ['can'],
      buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30],
      registers,
    })
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read())
        },
      })
    gauge('symbiosis_strangers', 'Connections that have not had a call accepted', sources.strangers)
    gauge('symbiosis_requests_pending', 'Requests that wait for the owner', sources.pending)
    gauge('symbiosis_revocations', 'Revoked UCANs that are remembered', sources.revocations)
    gauge('symbiosis_blocks', 'Blocks kept', () => sources.stats().blocks)
    gauge('symbiosis_block_bytes', 'Bytes of the blocks kept', () => sources.stats().bytes)
    collectDefaultMetrics({ register: this.#registry })
  }

  called(can: string, outcome: string, seconds: number): void {
    this.#calls.inc({ can, outcome })
    this.#seconds.observe({ can }, seconds)
  }

  /** The Prometheus text form. */
  text = (): Promise<string> => this.#registry.metrics()
}
