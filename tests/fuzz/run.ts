import { parseArgs } from 'node:util'
import { type FuzzOptions, fuzz } from './fuzzing.ts'
import { summary } from './summary.ts'

const { values } = parseArgs({ options: { count: { type: 'string' }, seed: { type: 'string' }, from: { type: 'string' } } })
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const count = Number(values.count ?? 1_000_000)
console.log(`seed ${seed}, ${count} messages`)

const stop = new AbortController()
// A second Ctrl-C ends at once, as it does by default.
process.once('SIGINT', () => stop.abort())

const started = performance.now()
let told = started
const progress: FuzzOptions['progress'] = (done, findings) => {
  const now = performance.now()
  if (now - told < 5000) return
  told = now
  console.log(`${done} of ${count}, ${Math.round((1000 * done) / (now - started))}/s, ${findings} findings`)
}

const report = await fuzz({ seed, count, from: Number(values.from ?? 0), signal: stop.signal, progress })
console.log(summary(report))
if (report.findings.total > 0) {
  console.error(String(report.findings))
  process.exitCode = 1
}
