import { type ChildProcess, execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { ask, type Child, start } from './children.ts'
import { CONNECTIONS, type Post } from './posts.ts'
import { median, type Plan } from './rounds.ts'
import { atLeast, figure, type Row } from './rows.ts'

interface Pair {
  readonly host: Child<{ url: string }>
  readonly load: Child<unknown>
}

interface Figures {
  /** Calls a second, all hosts together. */
  rate: number
  /** Calls for a second of CPU, all hosts together: the rate that they would have with a core each. */
  perCpu: number
}

/**
 * Two hosts against one of them alone. A folder has one owner, so these are two hosts with a folder and a key each, not one host in two processes. Each is held to one core
 * where the system lets us, and their callers to the cores that are left. Where none is left the callers take their part of the hosts' cores, and that counts against the
 * goal; the figure by CPU time says what the hosts would do without them.
 */
export const twoProcesses = async ({ rounds, batchMs, warmRuns }: Plan): Promise<Row[]> => {
  const pairs = await Promise.all(
    [0, 1].map(async (): Promise<Pair> => ({ host: await start('./serving.ts', ['ours']), load: await start('./loading.ts') })),
  )
  const [first] = pairs as [Pair]
  const where = giveCores(pairs)
  let posts = 4 * CONNECTIONS
  for (let done = 0; done < warmRuns; ) {
    const { rate } = await together(pairs, posts)
    done += posts
    posts = Math.max(3 * CONNECTIONS, Math.round(((rate / pairs.length) * batchMs * 10) / 1000))
  }
  const ratios: Figures[] = []
  for (let index = 0; index < Math.ceil(rounds / 2); index++) {
    const alone = await together([first], posts)
    const both = await together(pairs, posts)
    ratios.push({ rate: both.rate / alone.rate, perCpu: both.perCpu / alone.perCpu })
  }
  for (const { host, load } of pairs) for (const { process } of [host, load]) process.disconnect()
  const of = (name: string, which: keyof Figures) => ({
    name: `two processes against one: ${name}`,
    value: median(ratios.map((each) => each[which])),
    unit: '×',
  })
  return [atLeast(1.8, of(`calls/s, ${where}`, 'rate')), figure(of('calls for a second of CPU each', 'perCpu'))]
}

/** All of them at once, each with its own callers. */
const together = async (pairs: readonly Pair[], count: number): Promise<Figures> => {
  const prepared = await Promise.all(pairs.map(({ host }) => ask<{ posts: Post[] }>(host, { prepare: count, calls: 1 })))
  const figures = await Promise.all(
    pairs.map(async ({ host, load }, index): Promise<Figures> => {
      const posts = prepared[index]?.posts ?? []
      const before = await ask<{ cpu: number }>(host, { cpu: true })
      const { seconds } = await ask<{ seconds: number }>(load, { url: host.hello.url, posts })
      const after = await ask<{ cpu: number }>(host, { cpu: true })
      return { rate: (posts.length - CONNECTIONS) / seconds, perCpu: (posts.length * 1e6) / (after.cpu - before.cpu) }
    }),
  )
  const sum = (of: keyof Figures) => figures.reduce((total, each) => total + each[of], 0)
  return { rate: sum('rate'), perCpu: sum('perCpu') }
}

/** Holds each host to a core of its own, and the callers to the others, where there are any. Says how it went. */
const giveCores = (pairs: readonly Pair[]): string => {
  const cores = availableParallelism()
  const hold = (process: ChildProcess, list: string) =>
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', list, String(process.pid)], { stdio: 'ignore' })
  try {
    for (const [core, { host }] of pairs.entries()) hold(host.process, String(core))
    if (cores <= pairs.length) return "callers on the hosts' cores"
    for (const { load } of pairs) hold(load.process, `${pairs.length}-${cores - 1}`)
    return 'callers on other cores'
  } catch {
    return 'cores as the system gives them'
  }
}
