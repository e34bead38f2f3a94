import { generateSeed, signerFromSeed } from '@symbiosis/protocol'
import { type Candidate, cost, interleave, type Plan, share } from './rounds.ts'
import { atLeast, figure, type Row } from './rows.ts'
import { stockServer } from './stock.ts'
import { type Caller, call, callerOf, leasedBy, leaseFrom, messagesOf, mustAnswer, openHost } from './world.ts'

const OURS = 'ours, owner chain and lease'
const LEASED = 'stock, owner chain and lease as a virtual claim'

/** The same read, answered by `@ucanto/server` as far as it can. */
export const againstStock = async (plan: Plan): Promise<Row[]> => {
  const { host, close } = await openHost()
  const seed = generateSeed()
  const stockKey = signerFromSeed(seed)
  const plain = await stockServer(seed)
  const leasing = await stockServer(seed, { lease: true })
  const native = await stockServer(seed, { lease: true, native: true })
  const rows: Row[] = []
  for (const length of [0, 1, 3, 10]) {
    const ours = await callerOf(host.did, length, leasedBy(host))
    const stock = await callerOf(stockKey.did, length, leaseFrom(stockKey))
    const bare = await callerOf(stockKey.did, length, async () => [])
    const candidates = [
      candidate(OURS, ours, async (message) => (await host.door(call(message))).message),
      candidate('stock, owner chain only', bare, plain),
      candidate(LEASED, stock, leasing),
      candidate('stock with OpenSSL, owner chain and lease', stock, native),
    ]
    for (const each of candidates) await mustAnswer(each)
    const costs = await interleave(candidates, plan)
    const times = (name: string) => ({
      name: `owner chain ${length}: ours against ${name}`,
      value: 1 / share(costs, OURS, name),
      unit: '× as fast',
    })
    for (const { name } of candidates.slice(1)) rows.push(name === LEASED ? atLeast(35, times(name)) : figure(times(name)))
    for (const { name } of candidates) {
      rows.push(figure({ name: `owner chain ${length}: ${name}`, value: cost(costs, name), unit: 'µs CPU' }))
    }
  }
  await close()
  return rows
}

const candidate = (name: string, caller: Caller, answer: (message: Uint8Array) => Promise<Uint8Array>): Candidate => ({
  name,
  prepare: (count) => messagesOf(caller, count),
  run: (message) => answer(message as Uint8Array),
})
