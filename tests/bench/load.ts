import { execFileSync } from 'node:child_process'
import { availableParallelism, constants, setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DID } from '@symbiosis/protocol'
import type { Attack, Came } from './attacking.ts'
import { ask, type Child, start } from './children.ts'
import type { Usage } from './load-host.ts'
import type { Latencies, Paced } from './pacing.ts'
import { median, type Plan } from './rounds.ts'
import { atMost, figure, type Row } from './rows.ts'

interface Parts {
  readonly host: Child<{ url: string; did: DID; seed: Uint8Array }>
  readonly callers: Child<unknown>
  readonly attackers: Child<unknown>
}

interface Phase extends Latencies {
  /** CPU of the host and of the attackers, in cores. */
  readonly host: number
  readonly attackers: number
  /** Bytes that the host had in use at the end. */
  readonly live: number
}

const CALLS_PER_SECOND = 200
const MIB = 1024 * 1024
/**
 * What strangers may hold by the limits that a host has unless told: each connection what it reads ahead and what was put together of its message; the large messages,
 * which double while they grow; and the UCANs and keys that are remembered, at what the part `memory` allows them.
 */
const MAX_MEMORY = 1024 * (2 * 64 * 1024 + 32 * 1024) + 8 * 3 * MIB + 89 * MIB

/**
 * Calls of those with leases while a host is attacked, against calls while it is not. A call is answered when it is answered, so callers keep to their pace. The host and its callers
 * are held to one core and the attackers to the others, where the system lets us; the attackers run at the lowest priority. What they cost by sharing caches and the
 * kernel is seen where they burn as much of their cores and talk to nobody.
 */
export const underLoad = async ({ batchMs, rounds }: Plan): Promise<Row[]> => {
  const host = await start<Parts['host']['hello']>('./load-host.ts')
  const callers = await start('./pacing.ts', [Buffer.from(host.hello.seed).toString('hex')])
  const parts: Parts = { host, callers, attackers: await start('./attacking.ts') }
  const where = giveCores(parts)
  goFirst(parts)
  const phases = Math.ceil(rounds / 3)
  await ask(parts.attackers, { make: phases, did: host.hello.did, ofEach: rounds > 2 ? 8 : 1 })
  const seconds = batchMs / 15
  const [slow, junk] = rounds > 2 ? [5000, 1000] : [200, 50]
  const attack = (of: Attack['attack'], clients: number, part = 0): Attack => ({
    url: host.hello.url,
    attack: of,
    clients,
    part,
  })
  let idleLive = 0
  for (let warming = 0; warming < 2; warming++) idleLive = (await phase(parts, seconds)).live
  const before = await ask<Usage>(parts.host, { usage: true })
  const seen = { idle: [] as Phase[], slow: [] as Phase[], junk: [] as Phase[], burn: [] as Phase[] }
  const ratios = { slow: [] as number[], junk: [] as number[], burn: [] as number[] }
  for (let round = 0; round < phases; round++) {
    for (const kind of ['slow', 'junk', 'burn'] as const) {
      const idle = await phase(parts, seconds)
      const attacked = attack(kind, kind === 'slow' ? slow : junk, Math.min(1, seen.junk.at(-1)?.attackers ?? 1))
      const under = await phase(parts, seconds, attacked)
      seen.idle.push(idle)
      seen[kind].push(under)
      ratios[kind].push(percentile(under.calls, 99) / percentile(idle.calls, 99))
    }
  }
  const { peak } = await ask<Usage>(parts.host, { usage: true })
  for (const { process } of Object.values(parts)) process.disconnect()

  const named = {
    slow: `${slow} half-open connections`,
    junk: `${junk} strangers with expensive messages`,
    burn: 'attackers who call nobody',
  }
  const all = (phases: readonly Phase[], of: 'calls' | 'newcomers') => phases.flatMap((each) => each[of])
  const latency = (name: string, calls: readonly number[], part: number) =>
    figure({ name: `load: ${name}, ${part === 100 ? 'the slowest' : `p${part}`}`, value: percentile(calls, part), unit: 'ms' })
  const ratio = (kind: keyof typeof ratios) => ({
    name: `load: ${named[kind]}, p99 of calls with a lease against none, ${where}`,
    value: median(ratios[kind]),
    unit: '×',
  })
  return [
    atMost(2, ratio('slow')),
    atMost(2, ratio('junk')),
    figure(ratio('burn')),
    atMost(Math.floor(MAX_MEMORY / MIB), {
      name: 'load: in use by the host under attack, more than without',
      value: Math.max(0.1, (Math.max(...[...seen.slow, ...seen.junk].map(({ live }) => live)) - idleLive) / MIB),
      unit: 'MiB',
    }),
    // What is in use, as much again that waits to be collected, and what the allocator keeps of both.
    atMost(Math.floor((3 * MAX_MEMORY) / MIB), {
      name: 'load: the most that the host ever held, more than before',
      value: Math.max(0.1, (peak - before.resident) / MIB),
      unit: 'MiB resident',
    }),
    ...[50, 99].map((part) => latency('no attack', all(seen.idle, 'calls'), part)),
    ...(['slow', 'junk', 'burn'] as const).flatMap((kind) => [50, 99].map((part) => latency(named[kind], all(seen[kind], 'calls'), part))),
    ...(['idle', 'slow', 'junk'] as const).flatMap((kind) =>
      [50, 100].map((part) =>
        latency(`first call of a newcomer, ${kind === 'idle' ? 'no attack' : named[kind]}`, all(seen[kind], 'newcomers'), part),
      ),
    ),
    ...(['idle', 'slow', 'junk'] as const).map((kind) =>
      figure({
        name: `load: ${kind === 'idle' ? 'no attack' : named[kind]}, CPU of the host`,
        value: median(seen[kind].map(({ host }) => host)),
        unit: 'cores',
      }),
    ),
  ]
}

/** Calls at their pace for so long, with an attack under way from before the first to after the last of them. */
const phase = async ({ host, callers, attackers }: Parts, seconds: number, attack?: Attack): Promise<Phase> => {
  if (attack) {
    await ask(attackers, attack)
    await underWay(attackers, attack)
    await sleep(seconds * 250)
  }
  const before = await ask<Usage>(host, { usage: true })
  const started = performance.now()
  const paced: Paced = { url: host.hello.url, seconds, perSecond: CALLS_PER_SECOND, newcomers: Math.ceil(seconds * 2) }
  const latencies = await ask<Latencies>(callers, paced)
  const took = (performance.now() - started) * 1000
  const after = await ask<Usage>(host, { usage: true })
  const { bytes: live } = await ask<{ bytes: number }>(host, { live: true })
  const came = attack && (await ask<Came>(attackers, { end: true }))
  // What was cut and closed is cleared away before anything else is measured.
  if (attack) await sleep(seconds * 250)
  return { ...latencies, host: (after.cpu - before.cpu) / took, attackers: came ? came.cpu / (took * 1.25) : 0, live }
}

/** What is measured is an attack that goes on, not how it sets in. */
const underWay = async (attackers: Child<unknown>, attack: Attack): Promise<void> => {
  const { opened } = await ask<Came>(attackers, { seen: true })
  if (attack.attack === 'burn' || opened >= attack.clients) return
  await sleep(100)
  await underWay(attackers, attack)
}

const percentile = (values: readonly number[], part: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * part) / 100))] ?? Number.NaN
}

/** Holds the main threads of the host and its callers to one core and the attackers to the others. Says how it went. */
const giveCores = ({ host, callers, attackers }: Parts): string => {
  const hold = ({ process }: Child<unknown>, list: string, ...which: string[]) =>
    execFileSync('taskset', [...which, '--cpu-list', '--pid', list, String(process.pid)], { stdio: 'ignore' })
  const cores = availableParallelism()
  if (cores < 2) return 'all on one core'
  try {
    for (const each of [host, callers]) hold(each, '0')
    hold(attackers, `1-${cores - 1}`, '--all-tasks')
    return 'attackers on other cores'
  } catch {
    return 'cores as the system gives them'
  }
}

/**
 * Lets the main threads of the callers and the host go before all else that the machine does, in this order, where we may: else what is measured is who else is at
 * work. The other threads keep to the ordinary and to any core: a main thread of V8 spins while it waits for them, and would keep them from running.
 */
const goFirst = ({ host, callers }: Parts): void => {
  try {
    for (const [level, { process }] of [host, callers].entries()) {
      setPriority(process.pid as number, constants.priority.PRIORITY_HIGHEST)
      execFileSync('chrt', ['--rr', '--pid', String(level + 1), String(process.pid)], { stdio: 'ignore' })
    }
  } catch {
    // Only an administrator may.
  }
}
