import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CostFigures, Costly } from './costs.ts'

export interface Memory {
  readonly rss: number
  readonly heapUsed: number
}

export type Figures = CostFigures & Memory

/** What the process of the hosts says. */
export type Told =
  | ({ kind: 'ready'; ports: readonly number[] } & Memory)
  | { kind: 'finding'; what: string; text: string }
  | ({ kind: 'costly' } & Costly)
  | { kind: 'last'; ms: number }
  | ({ kind: 'figures' } & Figures)

export type Asked = 'figures' | 'last' | 'end'

/** The process of the hosts, from without. */
export class HostProcess {
  readonly dir: string
  readonly #child: ChildProcess
  readonly #heard: (told: Told) => void
  #ready: Extract<Told, { kind: 'ready' }> | undefined

  private constructor(file: URL, limit: number, heard: (told: Told) => void) {
    this.dir = mkdtempSync(join(tmpdir(), 'symbiosis-fuzz-'))
    this.#heard = heard
    this.#child = fork(file, [this.dir, String(limit)], { execArgv: ['--expose-gc'] })
    this.#child.on('message', heard)
  }

  /** @throws Error where the hosts do not open */
  static async start(file: URL, limit: number, heard: (told: Told) => void): Promise<HostProcess> {
    const process = new HostProcess(file, limit, heard)
    process.#ready = (await process.#next('ready')) as Extract<Told, { kind: 'ready' }>
    process.#child.once('exit', process.#died)
    return process
  }

  get ports(): readonly number[] {
    return this.#ready?.ports ?? []
  }

  get before(): Memory {
    return this.#ready as Memory
  }

  /** What the last request cost. */
  async last(): Promise<number> {
    const last = this.#next('last')
    this.#child.send('last' satisfies Asked)
    return ((await last) as Extract<Told, { kind: 'last' }>).ms
  }

  async figures(): Promise<Figures> {
    const figures = this.#next('figures')
    this.#child.send('figures' satisfies Asked)
    return (await figures) as Extract<Told, { kind: 'figures' }>
  }

  async end(): Promise<void> {
    this.#child.off('exit', this.#died)
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exit = once(this.#child, 'exit')
      const impatience = setTimeout(() => this.#child.kill('SIGKILL'), 20_000)
      this.#child.send('end' satisfies Asked)
      await exit
      clearTimeout(impatience)
    }
    rmSync(this.dir, { recursive: true, force: true })
  }

  readonly #died = (code: number | null, signal: string | null): void =>
    this.#heard({ kind: 'finding', what: 'crash', text: `The process of the hosts ended with ${code ?? signal}.` })

  #next(kind: Told['kind']): Promise<Told> {
    return new Promise((resolve, reject) => {
      const hear = (told: Told) => {
        if (told.kind !== kind) return
        this.#child.off('message', hear).off('exit', exit)
        resolve(told)
      }
      const exit = (code: number | null, signal: string | null) =>
        reject(new Error(`The process of the hosts ended with ${code ?? signal}.`))
      this.#child.on('message', hear).once('exit', exit)
    })
  }
}
