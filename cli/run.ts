import type { DID } from '@symbiosis/protocol'
import type { Command } from 'commander'
import { EXIT } from './exit.ts'
import { Output } from './output.ts'

/** Options that every command takes. */
export interface GlobalOptions {
  json?: boolean
  home?: string
  host?: string
  space?: DID
}

/** What a command is run with. */
export interface Run {
  readonly output: Output
  readonly globals: GlobalOptions
  /** Aborts at Ctrl-C, and when the process is asked to end. */
  readonly signal: AbortSignal
}

type Work<A extends unknown[], O> = (run: Run, options: O, ...args: A) => Promise<void>

/** The action of a command: its options with those of the commands above it, then its arguments. */
export const act =
  <A extends unknown[] = [], O = object>(work: Work<A, O>) =>
  async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command
    const globals = command.optsWithGlobals<GlobalOptions>()
    await work({ output: new Output(globals.json ?? false), globals, signal: interruption() }, globals as O, ...(given.slice(0, -2) as A))
  }

/** npm passes a Ctrl-C on that the terminal sent to all: what comes twice within so many ms is one keystroke. */
const SAME_KEYSTROKE = 1000

/** Cancels at the first signal and ends at the second. */
const interruption = (): AbortSignal => {
  const controller = new AbortController()
  let first = 0
  const interrupt = () => {
    if (!controller.signal.aborted) {
      first = performance.now()
      controller.abort()
    } else if (performance.now() - first > SAME_KEYSTROKE) process.exit(EXIT.cancelled)
  }
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  return controller.signal
}
