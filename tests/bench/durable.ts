import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { pinService } from '@symbiosis/capabilities/pin/host'
import { type HeliaEngine, helia } from '@symbiosis/host/helia'
import { cidOf } from '@symbiosis/protocol'
import { median, type Plan, shuffled } from './rounds.ts'
import { atLeast, figure, type Row } from './rows.ts'
import { type Caller, call, callerOf, leasedBy, messagesOf, openHost } from './world.ts'

const CALLERS = 64

/** What an answer that waits for the disk costs beside one that doesn't, with 64 callers at once on a real engine and store. */
export const durableCalls = async ({ rounds, batchMs, warmRuns }: Plan): Promise<Row[]> => {
  const { host, engine, close } = await openHost(
    (blocks: HeliaEngine) => [pinService(blocks)],
    (dir) => helia({ dir: join(dir, 'engine') }),
  )
  const bytes = randomBytes(1000)
  const root = cidOf(bytes, 0x55)
  await engine.store([{ cid: root, bytes }], async () => {})
  const callers = await Promise.all(Array.from({ length: CALLERS }, () => callerOf(host.did, 0, leasedBy(host, 'pin/*'))))
  const one = new Array<Caller>(CALLERS).fill(callers[0] as Caller)

  /** Calls a second, of `each` message of every caller one after the other, all callers at once. */
  const rate = async (who: readonly Caller[], can: string, each: number) => {
    const messages: Uint8Array[][] = []
    for (const caller of who) messages.push(await messagesOf(caller, each, can, { root }))
    const started = performance.now()
    await Promise.all(
      messages.map(async (mine) => {
        for (const message of mine) {
          const answer = Buffer.from((await host.door(call(message))).message).toString('latin1')
          if (!answer.includes('pinned')) throw new Error(`${can} is refused: ${answer}`)
        }
      }),
    )
    return (CALLERS * each * 1000) / (performance.now() - started)
  }

  const kinds = [
    { name: 'pin/add of a root that is held, 64 spaces', who: callers, can: 'pin/add' },
    { name: 'pin/add of a root that is held, one space 64 times', who: one, can: 'pin/add' },
    { name: 'pin/status, 64 spaces', who: callers, can: 'pin/status' },
  ].map((kind) => ({ ...kind, rates: [] as number[] }))
  const each = Math.max(1, Math.round(batchMs / 12))
  const warmings = Math.ceil(warmRuns / CALLERS / each)
  for (let warming = 0; warming < warmings; warming++) for (const { who, can } of kinds) await rate(who, can, each)
  for (let round = 0; round < Math.ceil(rounds / 2); round++) {
    for (const { who, can, rates } of shuffled(kinds)) rates.push(await rate(who, can, each))
  }
  await close()
  const reads = kinds.at(-1)?.rates ?? []
  const against = kinds.slice(0, -1).map(({ name, rates }) =>
    atLeast(0.7, {
      name: `durable: ${name}, against the reads`,
      value: median(rates.map((value, at) => value / (reads[at] as number))),
      unit: '×',
    }),
  )
  return [...against, ...kinds.map(({ name, rates }) => figure({ name: `durable: ${name}`, value: median(rates), unit: 'calls/s' }))]
}
