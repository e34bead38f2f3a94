import { ask, start } from './children.ts'
import type { Measured } from './remembering.ts'
import type { Plan } from './rounds.ts'
import { atMost, figure, type Row } from './rows.ts'

/** Bytes of memory that one entry of a cache may take, with all that hangs on it: the object, what it decodes to, its place in a map. */
const MAX_ENTRY = { ucan: 4000, key: 1000, did: 1000, link: 1000, issuer: 500 }
const MIB = 1024 * 1024

/** What is left behind by tenants who each come once, with a key and a lease of their own. */
export const remembered = async ({ tenants }: Plan): Promise<Row[]> => {
  const child = await start('./remembering.ts')
  const { limits, ucan, afterHalf, afterAll, residentHalf, residentAll } = await ask<Measured>(child, { tenants })
  child.process.disconnect()
  const named = Object.entries(limits).reduce((sum, [kind, limit]) => sum + limit * MAX_ENTRY[kind as keyof typeof MAX_ENTRY], 0)
  const growth = { name: `memory: after ${tenants} tenants, against after half of them`, value: afterAll / afterHalf, unit: '×' }
  const filled = tenants / 2 >= Math.max(...Object.values(limits))
  return [
    atMost(MAX_ENTRY.ucan, { name: 'memory: a remembered UCAN', value: ucan, unit: 'bytes' }),
    atMost(Math.floor(named / MIB), { name: `memory: after ${tenants} tenants, heap and buffers`, value: afterAll / MIB, unit: 'MiB' }),
    // Before the caches are full they have to grow.
    filled ? atMost(1.1, growth) : figure(growth),
    figure({ name: `memory: after ${tenants / 2} tenants, what the process holds more`, value: residentHalf / MIB, unit: 'MiB resident' }),
    figure({ name: `memory: after ${tenants} tenants, what the process holds more`, value: residentAll / MIB, unit: 'MiB resident' }),
  ]
}
