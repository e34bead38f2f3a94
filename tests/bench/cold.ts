import { anchor } from './anchor.ts'
import { ask, start } from './children.ts'
import { type Candidate, interleave, type Plan, share } from './rounds.ts'
import { atLeast, type Row } from './rows.ts'
import { call, mustAnswer, openHost, seedOf } from './world.ts'

/** A read on the strength of proofs and keys that the host has never seen, as a caller's first is: every signature has to be checked. */
export const coldChains = async (plan: Plan): Promise<Row[]> => {
  const { host, close } = await openHost()
  const maker = await start('./making.ts', [seedOf(host).toString('hex')])
  const rows: Row[] = []
  for (const length of [1, 3, 10]) {
    const base = anchor(length + 2)
    const cold: Candidate<Uint8Array> = {
      name: 'cold',
      prepare: async (count) => (await ask<{ messages: Uint8Array[] }>(maker, { count, length })).messages,
      run: async (message) => (await host.door(call(message))).message,
    }
    await mustAnswer(cold as Candidate)
    const costs = await interleave([base as Candidate, cold as Candidate], plan)
    const name = `cold: owner chain ${length} and lease, against ${length + 2} verifications and one signature`
    rows.push(atLeast(50, { name, value: 100 * share(costs, base.name, cold.name), unit: '%' }))
  }
  maker.process.disconnect()
  await close()
  return rows
}
