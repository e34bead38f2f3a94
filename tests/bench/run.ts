import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { durableCalls } from './durable.ts'
import { overHttp } from './http.ts'
import type { Plan } from './rounds.ts'
import { serverPart } from './server-part.ts'
import { symbiontSide } from './symbiont.ts'

/** One figure. `goal` is null where none is set; `holds` says whether it is met. */
export interface Row {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly goal?: number
  readonly holds?: boolean
}

const { values: options } = parseArgs({ options: { json: { type: 'boolean' }, quick: { type: 'boolean' } } })
const plan: Plan = options.quick ? { rounds: 2, batchMs: 5 } : { rounds: 21, batchMs: 60 }

const PARTS: [string, (plan: Plan) => Promise<Row[]>][] = [
  ['the server part', serverPart],
  ['the symbiont side', symbiontSide],
  ['calls over HTTP', overHttp],
  ['durable calls', durableCalls],
]

const rows: Row[] = []
for (const [name, measure] of PARTS) {
  if (!options.json) process.stderr.write(`measuring ${name}\n`)
  rows.push(...(await measure(plan)))
}

const rounded = rows.map(({ name, value, unit, goal = null, holds = null }) => ({
  name,
  value: Number(value.toPrecision(4)),
  unit,
  goal,
  holds,
}))
if (options.json) {
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, platform: `${process.platform} ${process.arch}` }
  console.log(JSON.stringify({ machine, node: process.version, rows: rounded }, undefined, 2))
} else {
  const width = Math.max(...rounded.map(({ name }) => name.length))
  for (const { name, value, unit } of rounded) console.log(`${name.padEnd(width)}  ${String(value).padStart(8)} ${unit}`)
}
