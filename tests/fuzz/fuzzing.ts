import { type Case, caseOf } from './cases.ts'
import { Connection, type Exchange, type Patience } from './connection.ts'
import { Findings } from './findings.ts'
import { judge } from './judging.ts'
import { Queue, Quiet, runLanes } from './lanes.ts'
import { goodBody } from './messages.ts'
import { type Figures, HostProcess, type Memory, type Told } from './process.ts'
import { plainRequest } from './requests.ts'
import { openStage } from './stage.ts'
import { Suspects } from './suspects.ts'

export interface FuzzOptions {
  readonly seed: number
  readonly count: number
  /** The first case; with a count of one, a case is repeated alone. */
  readonly from?: number
  /** What is fuzzed: a file that is run as a process of its own and speaks as `host.ts` does. */
  readonly host?: URL
  /** Milliseconds of the host's processor that a message may cost. */
  readonly limitMs?: number
  readonly signal?: AbortSignal
  progress?(done: number, findings: number): void
}

export interface Report {
  readonly seed: number
  readonly done: number
  readonly seconds: number
  readonly codes: ReadonlyMap<string, number>
  readonly layers: ReadonlyMap<string, number>
  readonly findings: Findings
  /** What seemed costly among others and was sent again alone, and the most that one of those cost then. */
  readonly suspects: number
  readonly slowestSuspect: number
  /** The longest that a caller waited, of those whom the host did not hold back, milliseconds of the clock. */
  readonly slowestAnswer: number
  readonly before: Memory
  readonly after: Figures
}

const LIMIT_MS = 50
const PATIENCE: Patience = { unanswered: 30, more: 20, hang: 30_000 }
const PATIENT: Patience = { unanswered: 2_000, more: 20, hang: 30_000 }

/** Sends the cases of a seed to hosts in a process of their own, and judges everything that comes of it. */
export const fuzz = async (options: FuzzOptions): Promise<Report> => {
  const { seed, count, from = 0, limitMs = LIMIT_MS, signal, host = new URL('./host.ts', import.meta.url) } = options
  const stage = openStage()
  const findings = new Findings(seed)
  const [codes, layers] = [new Map<string, number>(), new Map<string, number>()]
  const underWay = new Set<Case>()
  const quiet = new Quiet()
  const suspects = new Suspects({
    limitMs,
    findings,
    quiet,
    patience: PATIENCE,
    hosts: () => hosts,
    caseAt: (index) => (index >= from && index < from + count ? caseOf(seed, index, stage) : undefined),
  })
  const heard = (told: Told) => {
    if (told.kind === 'finding') findings.add({ what: told.what, text: told.text, cases: [...underWay] })
    if (told.kind === 'costly') suspects.add(told)
  }
  const hosts = await HostProcess.start(host, limitMs, heard)
  const started = performance.now()
  let [done, slowestAnswer] = [0, 0]

  const exchange = async (connection: Connection, sent: Case): Promise<Exchange> => {
    underWay.add(sent)
    const came = await connection.exchange(sent)
    underWay.delete(sent)
    return came
  }

  const send = async (connection: Connection, sent: Case): Promise<void> => {
    const work = async () => {
      let came = await exchange(connection, sent)
      // Who ended their half while the host was at work hears nothing; the same again must be answered to one who waits.
      if (came.end === 'closed' && came.answers.length === 0) {
        const patient = new Connection(hosts.ports[sent.gated ? 1 : 0] as number, PATIENT)
        came = await exchange(patient, { ...sent, patient: true })
        patient.close()
      }
      const { codes: found, wrong } = judge(sent, came, stage.host)
      for (const code of found) codes.set(code, (codes.get(code) ?? 0) + 1)
      layers.set(sent.layers, (layers.get(sent.layers) ?? 0) + 1)
      if (wrong.length > 0) findings.add({ what: wrong.join('; '), text: found.join(', '), cases: [sent], came })
      if (!sent.waits && !sent.gated) slowestAnswer = Math.max(slowestAnswer, came.ms)
      done++
      options.progress?.(done, findings.total)
    }
    // Who is held back costs nothing meanwhile: nobody has to wait for them to be alone.
    await (sent.gated || sent.waits ? work() : quiet.run(work))
    await suspects.tryAll()
  }

  const waiting = new Queue<Case>(200)
  // Those that use a connection up have others, so that one is used enough to be limited.
  const [gated, gatedLast] = [new Queue<Case>(2 * count), new Queue<Case>(200)]
  let next = from
  const take = async (): Promise<Case | undefined> => {
    for (;;) {
      if (next >= from + count || signal?.aborted || findings.fatal) return undefined
      const made = caseOf(seed, next++, stage)
      if (made.gated) await (made.framing === 'kept' && !made.leaves ? gated : gatedLast).put(made)
      else if (made.waits) await waiting.put(made)
      else return made
    }
  }
  const [port, gatedPort] = hosts.ports as [number, number]
  const others = Promise.all([
    runLanes({ lanes: 48, port, patience: PATIENCE }, () => waiting.take(), send),
    runLanes({ lanes: 1, port: gatedPort, patience: PATIENCE }, () => gated.take(), send),
    runLanes({ lanes: 4, port: gatedPort, patience: PATIENCE }, () => gatedLast.take(), send),
  ])
  await runLanes({ lanes: 4, port, patience: PATIENCE }, take, send)
  waiting.end()
  gated.end()
  gatedLast.end()
  await others
  const seconds = (performance.now() - started) / 1000

  for (const port of hosts.ports) {
    const connection = new Connection(port, PATIENCE)
    const sent = { ...plainRequest(-1, goodBody(stage)), leaves: false, patient: false }
    const came = await connection.exchange(sent)
    const { codes: found, wrong } = judge(sent, came, stage.host)
    if (found.join() !== 'receipt ok' || wrong.length > 0)
      findings.add({ what: 'a good call is no longer answered', text: [...found, ...wrong].join(), cases: [] })
    connection.close()
  }
  const after = findings.fatal ? ({ ...hosts.before } as Figures) : await hosts.figures()
  await hosts.end()
  return {
    seed,
    done,
    seconds,
    codes,
    layers,
    findings,
    suspects: suspects.tried,
    slowestSuspect: suspects.most,
    slowestAnswer,
    before: hosts.before,
    after,
  }
}
