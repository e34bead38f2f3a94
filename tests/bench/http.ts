import { ask, type Child, start } from './children.ts'
import { CONNECTIONS, type Post } from './posts.ts'
import { median, type Plan, shuffled } from './rounds.ts'
import { atLeast, atMost, figure, type Row } from './rows.ts'

const BATCH = 16
const OURS = 'ours, owner chain 1 and lease'
const BATCHED = `ours, ${BATCH} calls in a message`
const SODIUM = 'ours with sodium-native'
const STOCK = 'stock, owner chain 1 and lease as a virtual claim'
const JWT = 'JSON RPC with an EdDSA JWT by jose and a signed reply'
/** What is left to gain: no host over node:http costs less. */
const LEAST = 'node:http with one verification and one signature, and no more'

interface Kind {
  readonly name: string
  readonly server: Child<{ url: string }>
  readonly calls: number
  readonly cpu: number[]
  readonly rate: number[]
}

/** Calls over loopback HTTP, server and callers each in a process of their own, 16 connections that stay open. */
export const overHttp = async ({ rounds, batchMs, warmRuns, warmMs }: Plan): Promise<Row[]> => {
  const load = await start('./loading.ts')
  const [ours, batched, sodium, stock, jwt, least] = await Promise.all(
    ['ours', 'ours', 'sodium', 'stock', 'jwt', 'least'].map((kind) => start<{ url: string }>('./serving.ts', [kind])),
  )
  const kind = (name: string, server: Child<{ url: string }> | undefined, calls = 1): Kind => {
    if (!server) throw new TypeError(`Nobody serves ${name}.`)
    return { name, server, calls, cpu: [], rate: [] }
  }
  const kinds = [
    kind(OURS, ours),
    kind(BATCHED, batched, BATCH),
    kind(SODIUM, sodium),
    kind(STOCK, stock),
    kind(JWT, jwt),
    kind(LEAST, least),
  ]
  const posts = new Map<Kind, number>()
  for (const each of kinds)
    posts.set(each, Math.max(FEWEST, Math.ceil((batchMs * 10_000) / (await warm(each, load, WARMER * warmRuns, WARMER * warmMs * 1000)))))
  for (let index = 0; index < Math.ceil(rounds / 2); index++) {
    for (const each of shuffled(kinds)) {
      const { cpu, rate } = await round(each, load, posts.get(each) ?? FEWEST)
      each.cpu.push(cpu)
      each.rate.push(rate)
    }
  }
  for (const { process } of new Set([load, ...kinds.map(({ server }) => server)])) process.disconnect()
  return rowsOf(new Map(kinds.map((each) => [each.name, each])))
}

/** A server settles later than what runs in a loop: its calls come in parts, with those of others between. It still gets faster after 20,000. */
const WARMER = 8
/** So many that every connection has some after its first. */
const FEWEST = 3 * CONNECTIONS
/** Long enough that the first calls, which are those of strangers, hardly count. */
const WARMING = 20 * FEWEST

/** Calls so often, or so long where that is sooner, and says what CPU microseconds a request took at the end. */
const warm = async (kind: Kind, load: Child<unknown>, calls: number, micros: number): Promise<number> => {
  for (let done = 0, spent = 0; ; ) {
    const { cpu } = await round(kind, load, WARMING)
    done += WARMING * kind.calls
    spent += WARMING * kind.calls * cpu
    if (done >= calls || spent >= micros) return cpu * kind.calls
  }
}

const round = async ({ server, calls }: Kind, load: Child<unknown>, count: number) => {
  const { posts } = await ask<{ posts: Post[] }>(server, { prepare: count, calls })
  const before = await ask<{ cpu: number }>(server, { cpu: true })
  const { seconds } = await ask<{ seconds: number }>(load, { url: server.hello.url, posts })
  const after = await ask<{ cpu: number }>(server, { cpu: true })
  return { cpu: (after.cpu - before.cpu) / (posts.length * calls), rate: ((posts.length - CONNECTIONS) * calls) / seconds }
}

const rowsOf = (kinds: ReadonlyMap<string, Kind>): Row[] => {
  const against = (name: string, base: string, of: 'cpu' | 'rate') => {
    const bases = kinds.get(base)?.[of] ?? []
    return median((kinds.get(name)?.[of] ?? []).map((each, round) => each / (bases[round] as number)))
  }
  const cpu = (name: string) => ({ name: `over HTTP: ${name}, CPU against the JWT`, value: against(name, JWT, 'cpu'), unit: '×' })
  return [
    atMost(0.87, cpu(OURS)),
    atMost(0.62, cpu(SODIUM)),
    atLeast(1.4, {
      name: `over HTTP: ${BATCHED} against single ones, calls for the same CPU`,
      value: 1 / against(BATCHED, OURS, 'cpu'),
      unit: '×',
    }),
    ...[BATCHED, STOCK, LEAST].map((name) => figure(cpu(name))),
    ...[...kinds.values()].flatMap(({ name, cpu, rate }) => [
      figure({ name: `over HTTP: ${name}`, value: median(cpu), unit: 'µs CPU of the server' }),
      figure({ name: `over HTTP: ${name}`, value: median(rate), unit: 'calls/s' }),
    ]),
  ]
}
