import { GATE_OPTIONS } from '@symbiosis/host'
import { admit, BOUNDS, UcanMemory } from '@symbiosis/protocol'
import { answering, ask, start, tell } from './children.ts'
import { collectAll } from './garbage.ts'
import { call, openHost, seedOf } from './world.ts'

/** The caches' named limits, in entries, and what was measured, in bytes. */
export interface Measured {
  readonly limits: { readonly ucan: number; readonly key: number; readonly did: number; readonly link: number; readonly issuer: number }
  /** One more UCAN that is remembered. */
  readonly ucan: number
  /** Heap and buffers more than before the first tenant came. */
  readonly afterHalf: number
  readonly afterAll: number
  /** What the process holds more, by the system's count. */
  readonly residentHalf: number
  readonly residentAll: number
}

/**
 * A host in a process of its own, asked `{ tenants }` once. Its limits are those that a host has unless told: of UCANs (`UcanMemory`), keys of the runtime
 * (`MAX_CACHED_KEYS`), principals (`MAX_CACHED_DIDS`), links (`SLOTS`), and callers who are counted by the gate.
 */
const LIMITS = { ucan: 20_000, key: 4096, did: 4096, link: 1024, issuer: GATE_OPTIONS.maxIssuers }
const AT_A_TIME = 500

const memoryNow = (): number => {
  collectAll()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

answering(async ({ tenants }: { tenants: number }): Promise<Measured> => {
  const { host, close } = await openHost()
  const maker = await start('./making.ts', [seedOf(host).toString('hex')])
  const make = (count: number) => ask<{ messages: Uint8Array[] }>(maker, { count, length: 0 })

  /** Each comes over a connection of its own, so that it passes the gate as a stranger does. */
  const serve = async (count: number) => {
    let made = make(Math.min(AT_A_TIME, count))
    for (let left = count; left > 0; left -= AT_A_TIME) {
      const { messages } = await made
      if (left > AT_A_TIME) made = make(Math.min(AT_A_TIME, left - AT_A_TIME))
      for (const message of messages) {
        const answer = await host.door({ ...call(message), connection: { destroy: () => {} } })
        if (!Buffer.from(answer.message).includes('alice')) throw new Error('A tenant is refused.')
      }
    }
  }

  await serve(Math.min(200, tenants))
  const [before, residentBefore] = [memoryNow(), process.memoryUsage.rss()]
  await serve(Math.floor(tenants / 2))
  const [afterHalf, residentHalf] = [memoryNow() - before, process.memoryUsage.rss() - residentBefore]
  await serve(Math.ceil(tenants / 2))
  const [afterAll, residentAll] = [memoryNow() - before, process.memoryUsage.rss() - residentBefore]
  const ucan = await bytesOfOne((await make(Math.min(5000, tenants))).messages)
  maker.process.disconnect()
  await close()
  return { limits: LIMITS, ucan, afterHalf, afterAll, residentHalf, residentAll }
})
tell({})

/** What one proof takes that is remembered with its verdict, the caches beside it being full. */
const bytesOfOne = async (messages: readonly Uint8Array[]): Promise<number> => {
  const memory = new UcanMemory(2 * messages.length)
  const before = memoryNow()
  for (const message of messages) {
    const { ucans, checks, invocations } = admit(message, BOUNDS, memory)
    for (const ucan of ucans.values()) if (!invocations.includes(ucan)) checks.isSigned(ucan)
  }
  const bytes = (memoryNow() - before) / messages.length
  if (memory.bytes === 0) throw new Error('Nothing is remembered.')
  return bytes
}
