import { createInterface, type Interface } from 'node:readline/promises'
import type { Readable, Writable } from 'node:stream'
import type { Answer, Consent, Request } from './consent.ts'

/**
 * Asks the owner in the terminal that the host was started from. Questions come one at a time; Enter alone denies. A request that an operator
 * settles elsewhere meanwhile takes its question away.
 */
export const askInTerminal = ({
  input = process.stdin,
  output = process.stderr,
}: {
  input?: Readable
  output?: Writable
} = {}): Consent => {
  let last: Promise<unknown> = Promise.resolve()
  let lines: Interface | undefined
  return (request, settled) => {
    const turn = last.then(() => {
      if (settled.aborted) return undefined
      // Opened for the first question, so that a host with nothing to ask leaves the terminal alone.
      lines ??= openLines(input, output, () => {
        lines = undefined
      })
      return askOne(request, settled, lines, output)
    })
    last = turn.catch(() => {})
    return turn
  }
}

/** A terminal that is read by line takes Ctrl-C for itself: it still has to end the host. */
const openLines = (input: Readable, output: Writable, onClose: () => void): Interface => {
  const lines = createInterface({ input, output })
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  lines.once('close', onClose)
  return lines
}

const askOne = async (request: Request, settled: AbortSignal, lines: Interface, output: Writable): Promise<Answer | undefined> => {
  output.write(describe(request))
  // Where input ends, with Ctrl-D, a question is never answered here: it's left to operators.
  const ended = new AbortController()
  const end = () => ended.abort()
  lines.once('close', end)
  try {
    const signal = AbortSignal.any([settled, ended.signal])
    const reply = (await lines.question('  Allow? [y]es, [a]lways, [N]o, ne[v]er: ', { signal })).trim().toLowerCase()
    if (reply === 'y' || reply === 'yes') return { allow: true }
    if (reply === 'a' || reply === 'always') return { allow: true, always: true }
    return { allow: false, reason: 'The owner said no.', ...((reply === 'v' || reply === 'never') && { always: true }) }
  } catch (error) {
    if (!settled.aborted && !ended.signal.aborted) throw error
    output.write(settled.aborted ? '\n  (answered elsewhere)\n' : '\n  (left to: symbiosis host approve)\n')
    return undefined
  } finally {
    lines.off('close', end)
  }
}

/** The request in plain words, the vouched-for part first. Texts of the caller's are stripped of what could move the cursor. */
const describe = ({ space, code, abilities, ttl, why, app, origin, agent }: Request): string => {
  const lines = [
    '',
    origin ? `  ${plain(origin)} asks this host for:` : '  Somebody asks this host for:',
    ...abilities.map(({ can, limits = {} }) => {
      const amounts = Object.entries(limits).map(([limit, amount]) => `${limit} ${amount.toLocaleString('en')}`)
      return `    ${can}${amounts.length > 0 ? `   (${amounts.join(', ')})` : ''}`
    }),
    `  for ${Math.round(ttl / 8640) / 10} days, for the space ${space}`,
    ...(agent === space ? [] : [`  asked by the device ${agent}`]),
    ...(app || why ? [`  it says: ${plain([app && `"${app}"`, why].filter(Boolean).join(', '))}`] : []),
    `  code ${code}: the asking side shows the same`,
  ]
  return `${lines.join('\n')}\n`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
const plain = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, ' ')
