import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'

const running = new Set<ChildProcess>()

/** A program of Node's that doesn't outlive this one. */
export const start = (args: readonly string[], options: SpawnOptions): ChildProcess => {
  const child = spawn(process.execPath, args, options)
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

// Told to end, they end first: Stryker's has processes of its own to end, one of which may be in a loop that a mutant made endless.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, async () => {
    const ended = [...running].map((child) => once(child, 'exit'))
    for (const child of running) child.kill(signal)
    await Promise.all(ended)
    process.exit(128 + constants.signals[signal])
  })
}
