import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { root } from '../tree.ts'

const BIN = join(root, 'cli/bin.js')

/** All places share what the runtime compiled. */
const cache = mkdtempSync(join(tmpdir(), 'symbiosis-cache-'))
process.once('exit', () => rmSync(cache, { recursive: true, force: true }))

/** What a command left. */
export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** A folder that goes with the suite, and the processes that use it. */
export class Place {
  readonly dir = mkdtempSync(join(tmpdir(), 'symbiosis-cli-'))
  readonly #running = new Set<ChildProcess>()

  path(...names: string[]): string {
    return join(this.dir, ...names)
  }

  spawn(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    const known = Object.entries(process.env).filter(([name]) => !/^(SYMBIOSIS_|XDG_|FORCE_COLOR|NO_COLOR)/.test(name))
    const child = spawn(process.execPath, [BIN, ...args], {
      env: {
        ...Object.fromEntries(known),
        SYMBIOSIS_DIR: this.path('host'),
        XDG_DATA_HOME: this.path('data'),
        XDG_CACHE_HOME: cache,
        ...env,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#running.add(child)
    child.once('exit', () => this.#running.delete(child))
    return child
  }

  async end(): Promise<void> {
    for (const child of this.#running) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    rmSync(this.dir, { recursive: true, force: true })
  }

  async run(args: readonly string[], { input, env }: { input?: string; env?: NodeJS.ProcessEnv } = {}): Promise<Ended> {
    const child = this.spawn(args, env)
    child.stdin?.end(input ?? '')
    return ended(child)
  }

  wallet(name: string): Wallet {
    return new Wallet(this, this.path(name))
  }

  /** A host that listens. */
  async host(args: readonly string[] = []): Promise<RunningHost> {
    const child = this.spawn(['host', '--json', '--port', '0', ...args])
    let stderr = ''
    child.stderr?.on('data', (chunk) => {
      stderr += chunk
    })
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
    const first = await Promise.race([
      once(lines, 'line').then(([line]) => line as string),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`The host ended with ${code}: ${stderr}`))),
    ])
    const { did, url, socket } = JSON.parse(first)
    const stop = async (signal: NodeJS.Signals) => {
      const exit = once(child, 'exit')
      child.kill(signal)
      return (await exit)[0] as number | null
    }
    return { did, url, socket, stop: () => stop('SIGTERM'), kill: () => stop('SIGKILL') }
  }
}

export interface RunningHost {
  did: string
  url: string
  socket: string
  /** @returns its exit code */
  stop(): Promise<number | null>
  kill(): Promise<number | null>
}

/** Commands of one device. */
export class Wallet {
  readonly home: string
  readonly #place: Place

  constructor(place: Place, home: string) {
    this.#place = place
    this.home = home
  }

  run(args: readonly string[], input?: string): Promise<Ended> {
    return this.#place.run(args, { env: { SYMBIOSIS_HOME: this.home }, ...(input !== undefined && { input }) })
  }

  /** The last document of a command that succeeds; every line of stdout has to be one. */
  async ok(...args: string[]): Promise<Json> {
    const { code, stdout, stderr } = await this.run([...args, '--json'])
    assert.equal(code, 0, `${args.join(' ')}: exit ${code}\n${stdout}${stderr}`)
    return documents(stdout).at(-1)
  }

  /** The refusal of a command that is refused. */
  async refused(exit: number, ...args: string[]): Promise<Json> {
    const { code, stdout, stderr } = await this.run([...args, '--json'])
    assert.equal(code, exit, `${args.join(' ')}: exit ${code}\n${stdout}${stderr}`)
    const [document, ...more] = documents(stdout)
    assert.deepEqual(more, [])
    return document.error
  }

  /** A command that goes on while others run: its lines as they come, and its end. */
  start(...args: string[]): { lines: AsyncIterator<string>; child: ChildProcess; ended: Promise<Ended> } {
    const child = this.#place.spawn([...args, '--json'], { SYMBIOSIS_HOME: this.home })
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
    return { lines, child, ended: ended(child) }
  }
}

// biome-ignore lint/suspicious/noExplicitAny: what commands print is looked at field by field
export type Json = any

export const documents = (stdout: string): Json[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

const ended = async (child: ChildProcess): Promise<Ended> => {
  let [stdout, stderr] = ['', '']
  child.stdout?.setEncoding('utf8').on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr?.setEncoding('utf8').on('data', (chunk) => {
    stderr += chunk
  })
  const [code] = await once(child, 'close')
  return { code, stdout, stderr }
}
