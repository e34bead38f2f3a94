import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** A command in a process group of its own, so that it can be interrupted as a terminal does it: all of the group at once. */
export class Running {
  /** All that it said, and of that what it printed as its result. */
  output = ''
  printed = ''
  readonly exit: Promise<number | NodeJS.Signals>
  readonly #child: ChildProcess

  constructor(command: string, cwd: string, env: NodeJS.ProcessEnv) {
    this.#child = spawn('bash', ['-c', command], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
        if (stream === this.#child.stdout) this.printed += text
      })
    }
    this.exit = once(this.#child, 'close').then(([code, signal]) => code ?? signal)
  }

  /** The address that a host prints once it listens. Fails, with all that was printed, when it ends before. */
  async listening(): Promise<string> {
    const found = () => /listening\b[\s\S]*?(http:\/\/[^\s"',]+)/.exec(this.output)?.[1]
    let ended = false
    void this.exit.then(() => {
      ended = true
    })
    while (found() === undefined) {
      assert.ok(!ended, this.output)
      await new Promise((done) => setTimeout(done, 50))
    }
    return found() as string
  }

  /** Presses Ctrl-C. Does nothing to what has ended. */
  async interrupt(): Promise<number | NodeJS.Signals> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) process.kill(-(this.#child.pid as number), 'SIGINT')
    return await this.exit
  }
}
