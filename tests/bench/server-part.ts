import { generateSeed, signerFromSeed } from '@symbiosis/protocol'
import { anchor } from './anchor.ts'
import { type Candidate, cost, interleave, type Plan, share } from './rounds.ts'
import type { Row } from './run.ts'
import { stockServer } from './stock.ts'
import { call, callerOf, leasedBy, leaseFrom, messagesOf, openHost } from './world.ts'

const LENGTHS = [0, 1, 3, 10]

const candidate = (
  name: string,
  caller: Parameters<typeof messagesOf>[0],
  answer: (message: Uint8Array) => Promise<Uint8Array>,
): Candidate => ({
  name,
  prepare: (count) => messagesOf(caller, count),
  run: (message) => answer(message as Uint8Array),
})

/**
 * One leased read without the network: bytes of a message in, bytes of a message out. Proofs are warm, as they are for whoever calls
 * twice; the invocation is new each time.
 */
export const serverPart = async (plan: Plan): Promise<Row[]> => {
  const { host, close } = await openHost()
  const seed = generateSeed()
  const stockKey = signerFromSeed(seed)
  const plain = await stockServer(seed)
  const leasing = await stockServer(seed, { lease: true })
  const native = await stockServer(seed, { lease: true, native: true })
  const door = async (message: Uint8Array) => (await host.door(call(message))).message
  const rows: Row[] = []
  for (const length of LENGTHS) {
    const ours = await callerOf(host.did, length, leasedBy(host))
    const stock = await callerOf(stockKey.did, length, leaseFrom(stockKey))
    const bare = await callerOf(stockKey.did, length, async () => [])
    const candidates = [
      anchor() as Candidate,
      candidate('ours, owner chain and lease', ours, door),
      candidate('stock, owner chain only', bare, plain),
      candidate('stock, owner chain and lease as a virtual claim', stock, leasing),
      candidate('stock with OpenSSL, owner chain and lease', stock, native),
    ]
    for (const each of candidates.slice(1)) await mustAnswer(each)
    const costs = await interleave(candidates, plan)
    if (length === 0) rows.push({ name: 'anchor: one native Ed25519 verify and one sign', value: cost(costs, 'anchor'), unit: 'µs CPU' })
    for (const { name } of candidates.slice(1)) {
      rows.push({ name: `server part, owner chain ${length}: ${name}`, value: 100 * share(costs, 'anchor', name), unit: '% of the anchor' })
    }
    rows.push({ name: `server part, owner chain ${length}: ours`, value: cost(costs, 'ours, owner chain and lease'), unit: 'µs CPU' })
  }
  await close()
  return rows
}

/** That what is measured is the work and not its refusal. */
const mustAnswer = async ({ name, prepare, run }: Candidate): Promise<void> => {
  const [message] = await prepare(1)
  const answer = Buffer.from((await run(message)) as Uint8Array).toString('latin1')
  if (!answer.includes('alice') || answer.includes('error')) throw new Error(`${name} refuses: ${answer}`)
}
