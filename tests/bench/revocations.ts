import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import {
  admit,
  authorize,
  BOUNDS,
  CLOCK_SKEW,
  cidOf,
  finish,
  generateSeed,
  type LocalSigner,
  nonce,
  signerFromSeed,
  textOf,
  UcanMemory,
  Undecided,
} from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import { routesOf } from '../../host/dispatch.ts'
import { Revocations } from '../../host/revocations.ts'
import { lengthen, openLogOf, revokedAt } from '../long-log.ts'
import { newFolder } from './folders.ts'
import { collectAll } from './garbage.ts'
import { type Candidate, cost, interleave, median, type Plan, share } from './rounds.ts'
import { atMost, figure, type Row } from './rows.ts'
import { callerOf, leaseFrom, messagesOf, now, shelfHost } from './world.ts'

/** UCANs that are asked for again: as many as are remembered, by far. */
const ASKED = 4000
/** Checks before the first that counts. */
const WARMING = 200_000
/** Seconds until all of them end. */
const LIFE = 86_400

interface Opened {
  readonly size: number
  readonly revocations: Revocations
  /** Seconds that the first start took, which sums the log up, and another. */
  readonly first: number
  readonly again: number
  /** CPU seconds of the other: what others do on the machine counts less. */
  readonly cpu: number
  /** Of heap and buffers, more than before. */
  readonly bytes: number
  close(): Promise<void>
}

const opened = async (size: number): Promise<Opened> => {
  const dir = join(await newFolder(), 'host')
  await lengthen(dir, size, now() + LIFE)
  const first = await start(dir)
  await first.store.close()
  const before = held()
  const { revocations, store, seconds, cpu } = await start(dir)
  return { size, revocations, first: first.seconds, again: seconds, cpu, bytes: held() - before, close: () => store.close() }
}

/** Opens what a host opens of its log. */
const start = async (dir: string) => {
  const [began, before] = [performance.now(), process.cpuUsage()]
  const { store, log } = await openLogOf(dir)
  const revocations = await Revocations.open({ store, log, maxPerSpace: 10_000, options: { verifiedAtStart: 0 }, now: now() })
  const { user, system } = process.cpuUsage(before)
  return { store, revocations, seconds: (performance.now() - began) / 1000, cpu: (user + system) / 1e6 }
}

const held = (): number => {
  collectAll()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** As calls bring them, with their texts. */
const named = (cids: CID[]): CID[] => {
  for (const cid of cids) textOf(cid)
  return cids
}
const strangers = (count: number): CID[] => named(Array.from({ length: count }, () => cidOf(nonceBytes())))
const nonceBytes = (): Uint8Array => new TextEncoder().encode(nonce())

/** Of ten million fingerprints one in some hundred thousand strangers has another's: what the log says is read then, which is another cost. */
const countOf = (revocations: Revocations, ucan: CID): number => {
  try {
    return revocations.of(ucan).length
  } catch (thrown) {
    if (thrown instanceof Undecided) return 0
    throw thrown
  }
}

/** CPU nanoseconds that asking for one of the UCANs takes. */
const timed = ({ revocations }: Opened, ucans: readonly CID[], expected: 0 | 1): number => {
  const before = process.cpuUsage()
  let found = 0
  for (const ucan of ucans) found += countOf(revocations, ucan)
  const { user, system } = process.cpuUsage(before)
  if (found !== expected * ucans.length) throw new Error(`${found} of ${ucans.length} are found.`)
  return ((user + system) * 1000) / ucans.length
}

/** What it costs to ask whether a UCAN is revoked, to hold the answer for millions, and to start with it. */
export const revocationChecks = async (plan: Plan): Promise<Row[]> => {
  const logs: Opened[] = []
  for (const size of plan.revocations) logs.push(await opened(size))
  const rows = [...(await checking(logs, plan)), ...(await calling(logs, plan))]
  const largest = logs.at(-1) as Opened
  rows.push(...starting(largest), ...(await ending(largest)))
  for (const log of logs) await log.close()
  return rows
}

const checking = async (logs: readonly Opened[], { rounds, checks }: Plan): Promise<Row[]> => {
  const [smallest] = logs as [Opened]
  // Untimed, so that the engine has settled before the first size is measured.
  for (let done = 0; done < WARMING; done += checks) timed(smallest, strangers(checks), 0)
  const rows: Row[] = []
  for (const log of logs) {
    const { size, revocations } = log
    const asked = named(Array.from({ length: Math.min(ASKED, size) }, () => revokedAt(Math.floor(Math.random() * size))))
    const before = process.cpuUsage()
    for (const ucan of asked) await revocations.known.read(ucan)
    const { user, system } = process.cpuUsage(before)
    const [hits, misses]: [number[], number[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      if (size > 0) hits.push(timed(log, asked, 1))
      misses.push(timed(log, strangers(checks), 0))
    }
    if (size > 0) {
      rows.push(atMost(1000, { name: `revocations: a check among ${size}, hit that was read`, value: median(hits), unit: 'ns' }))
      rows.push(
        figure({ name: `revocations: the first check of one among ${size}, read`, value: (user + system) / asked.length, unit: 'µs' }),
      )
    }
    rows.push(atMost(1000, { name: `revocations: a check among ${size}, miss`, value: median(misses), unit: 'ns' }))
  }
  return rows
}

/** The curve: a call with two proofs, admitted and authorized, at every size in every round. */
const calling = async (logs: readonly Opened[], plan: Plan): Promise<Row[]> => {
  const host: LocalSigner = signerFromSeed(generateSeed())
  const caller = await callerOf(host.did, 1, leaseFrom(host))
  const routes = routesOf([shelfHost])
  const candidates = logs.map(({ size, revocations }): Candidate<Uint8Array> => {
    const memory = new UcanMemory()
    return {
      name: String(size),
      prepare: (count) => messagesOf(caller, count),
      run: (bytes) => {
        const message = admit(bytes, BOUNDS, memory)
        const [invocation] = message.invocations
        const guard = {
          host: host.did,
          now: now(),
          maxLife: 600,
          bounds: BOUNDS,
          ability: (can: string) => routes.get(can),
          revocations: revocations.of,
        }
        if (!invocation || !finish(message.checks.inSteps(() => authorize(invocation, message, guard))).ok)
          throw new Error('It is refused.')
      },
    }
  })
  const costs = await interleave(candidates as Candidate[], plan)
  const [none, largest] = [logs[0] as Opened, logs.at(-1) as Opened]
  return [
    ...logs.map(({ size }) =>
      figure({ name: `revocations: a call admitted and authorized among ${size}`, value: cost(costs, String(size)), unit: 'µs' }),
    ),
    atMost(1.05, {
      name: `revocations: a call among ${largest.size} against one among ${none.size}`,
      value: 1 / share(costs, String(none.size), String(largest.size)),
      unit: '×',
    }),
  ]
}

const starting = ({ size, revocations, first, again, cpu, bytes }: Opened): Row[] => [
  atMost(16, { name: `revocations: the index of ${size}, each`, value: revocations.known.bytes / size, unit: 'bytes' }),
  figure({ name: `revocations: all that is held of ${size}, each`, value: bytes / size, unit: 'bytes' }),
  atMost(10, { name: `revocations: a start with ${size}`, value: again, unit: 's' }),
  figure({ name: `revocations: a start with ${size}, of the processor`, value: cpu, unit: 's CPU' }),
  figure({ name: `revocations: the first start with ${size}, which sums them up`, value: first, unit: 's' }),
]

/** All of them at once: the worst that a minute can bring. */
const ending = async ({ size, revocations }: Opened): Promise<Row[]> => {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const began = performance.now()
  await revocations.known.expire(now() + LIFE + CLOCK_SKEW + 1)
  const seconds = (performance.now() - began) / 1000
  delay.disable()
  if (revocations.known.size !== 0) throw new Error('Some are left.')
  return [
    figure({ name: `revocations: ${size} that end at once are forgotten`, value: seconds, unit: 's' }),
    figure({ name: 'revocations: the longest that calls wait meanwhile', value: delay.max / 1e6, unit: 'ms' }),
    figure({ name: `revocations: the index when ${size} are forgotten`, value: revocations.known.bytes / 1024, unit: 'KiB' }),
  ]
}
