import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { againstStock } from './against-stock.ts'
import { coldChains } from './cold.ts'
import { cutStreams } from './cutting.ts'
import { durableCalls } from './durable.ts'
import { compactFilters } from './filters.ts'
import { overHttp } from './http.ts'
import { underLoad } from './load.ts'
import { theLog } from './log.ts'
import { remembered } from './memory.ts'
import { revocationChecks } from './revocations.ts'
import type { Plan } from './rounds.ts'
import { type Row, table, verdict } from './rows.ts'
import { serverPart } from './server-part.ts'
import { symbiontSide } from './symbiont.ts'
import { twoProcesses } from './two-processes.ts'

const { values: options } = parseArgs({
  options: { json: { type: 'boolean' }, quick: { type: 'boolean' }, only: { type: 'string', multiple: true } },
})
const plan: Plan = options.quick
  ? { rounds: 2, batchMs: 5, warmRuns: 8, warmMs: 50, tenants: 400, revocations: [0, 1000, 100_000], checks: 2000, entries: 500 }
  : {
      rounds: 15,
      batchMs: 60,
      warmRuns: 4000,
      warmMs: 1200,
      tenants: 100_000,
      revocations: [0, 1000, 100_000, 1_000_000, 10_000_000],
      checks: 20_000,
      entries: 100_000,
    }

const PARTS: { readonly [part: string]: [title: string, measure: (plan: Plan) => Promise<Row[]>] } = {
  server: ['The server part of one leased read, in process, proofs warm', serverPart],
  stock: ['The server part against @ucanto/server', againstStock],
  cold: ['The server part where nothing was seen before', coldChains],
  symbiont: ['The symbiont side against @ucanto/client with a native key', symbiontSide],
  http: ['Calls over loopback HTTP', overHttp],
  processes: ['Two processes', twoProcesses],
  durable: ['Durable calls, 64 callers at once', durableCalls],
  load: ['Calls with a lease while strangers attack', underLoad],
  log: ['The log of revocations', theLog],
  cutting: ['Streams cut by a revocation', cutStreams],
  memory: ['Memory', remembered],
  revocations: ['Whether a UCAN is revoked', revocationChecks],
  filter: ['Compact filters', compactFilters],
}

const unknown = options.only?.find((part) => !Object.hasOwn(PARTS, part))
if (unknown !== undefined) throw new Error(`There is no part "${unknown}": ${Object.keys(PARTS).join(', ')}.`)

const [load = 0] = loadavg()
const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  platform: `${process.platform} ${process.arch}`,
  /** Of the minute before: what others did meanwhile. */
  load: Number(load.toFixed(2)),
}
if (!options.json) console.log(`Node ${process.version}, ${machine.cores} × ${machine.cpu}, load ${machine.load} before\n`)

const rows: Row[] = []
for (const [part, [title, measure]] of Object.entries(PARTS)) {
  if (options.only && !options.only.includes(part)) continue
  const measured = await measure(plan)
  rows.push(...measured)
  if (!options.json) console.log(table(title, measured))
}

if (options.json) {
  console.log(JSON.stringify({ machine, node: process.version, rows }, undefined, 2))
} else {
  console.log(verdict(rows))
}
