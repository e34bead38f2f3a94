import { createInterface } from 'node:readline/promises'
import { text } from 'node:stream/consumers'
import { Failure } from '@symbiosis/protocol'
import type { Run } from './run.ts'

const MAX = 8 * 1024 * 1024

/** One text from stdin: a line that is asked for at a terminal, all of it where it is piped. */
export const readStdin = async (question: string, { signal }: Pick<Run, 'signal'>): Promise<string> => {
  if (process.stdin.isTTY) {
    const lines = createInterface({ input: process.stdin, output: process.stderr })
    // In a terminal that is read by line, Ctrl-C comes here and not to the process.
    lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
    try {
      return await lines.question(question, { signal })
    } finally {
      lines.close()
    }
  }
  const all = await text(process.stdin)
  if (all.length > MAX) throw new Failure('TooLarge', `More than ${MAX} characters came on stdin.`, { limit: MAX })
  return all.trim()
}

/** An argument, or with `-` what stands on stdin. */
export const argumentOrStdin = (argument: string, question: string, run: Run): Promise<string> =>
  argument === '-' ? readStdin(question, run) : Promise.resolve(argument)
