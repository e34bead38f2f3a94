import { CODES, Failure, isAbort, type Refusal } from '@symbiosis/protocol'
import { CommanderError } from 'commander'
import { type Output, plainData, toJson } from './output.ts'
import { fields, plain, timeText } from './text.ts'

/** What the command ends with. They are stable. */
export const EXIT = { ok: 0, refused: 1, usage: 2, unreachable: 3, cancelled: 130 } as const

/** The exit code for what a command threw, after telling it. */
export const tell = (thrown: unknown, output: Output): number => {
  if (thrown instanceof CommanderError) return tellUsage(thrown, output)
  const refusal = refusalOf(thrown)
  const code = codeOf(refusal, thrown)
  if (output.json) process.stdout.write(`${toJson({ error: refusal })}\n`)
  else process.stderr.write(`${refusalText(refusal, code, output)}\n`)
  if (process.env.SYMBIOSIS_DEBUG) console.error(thrown)
  return code
}

/** The parser has told people already. */
const tellUsage = ({ exitCode, message }: CommanderError, output: Output): number => {
  if (exitCode === 0) return EXIT.ok
  if (output.json) process.stdout.write(`${toJson({ error: { name: 'Usage', message: message.replace(/^error: /, '') } })}\n`)
  return EXIT.usage
}

const refusalOf = (thrown: unknown): Refusal => {
  if (thrown instanceof Failure) return thrown.toRefusal()
  if (isAbort(thrown)) return { name: 'Cancelled', message: 'Cancelled.' }
  const { code, path, message } = thrown as NodeJS.ErrnoException
  const of = path ? `: ${path}` : ''
  if (code === 'ENOENT') return { name: 'NotFound', message: `There is no such file${of}.` }
  if (code === 'EACCES' || code === 'EPERM') return { name: 'Denied', message: `The file system doesn't allow it${of}.` }
  if (code === 'ENOSPC')
    return { name: 'Unavailable', message: `The disk of this machine is full${of}.`, hint: 'Free some space, then try again.' }
  return { name: 'Internal', message: message ?? String(thrown), hint: 'This is a mistake of the program. SYMBIOSIS_DEBUG=1 shows where.' }
}

const codeOf = ({ name, reason, hosts, status }: Refusal, thrown: unknown): number => {
  if (name === 'Cancelled' && isInterrupted(thrown)) return EXIT.cancelled
  // `reason`, `hosts` and `status` are said by the caller's own end, where no answer of a host came to it.
  const away = name === 'Unavailable' && (reason !== undefined || hosts !== undefined || status !== undefined)
  return away ? EXIT.unreachable : EXIT.refused
}

/** A host may answer `Cancelled`, too: then somebody else has cancelled it. */
const isInterrupted = (thrown: unknown): boolean => isAbort(thrown) || (thrown instanceof Failure && thrown.details.link === undefined)

const CHAINS: { readonly [chain: string]: string } = { owner: 'delegation', lease: 'lease', invocation: 'call' }

const refusalText = (refusal: Refusal, code: number, { paintNote }: Output): string => {
  const { name, message, link, chain, by, at, limit, used, asked, retryAfter, reason, hint } = refusal
  if (code === EXIT.cancelled) return paintNote('dim', '  cancelled')
  const amount = (value: number | undefined) => value?.toLocaleString('en')
  const lines = fields(
    {
      [(chain && CHAINS[chain]) ?? 'link']: link,
      by,
      at: at === undefined ? undefined : timeText(at),
      used: used === undefined ? undefined : `${amount(used)} of ${amount(limit)}, and ${amount(asked) ?? 'more'} asked for`,
      reason: name === 'Denied' && typeof reason === 'string' ? plain(reason) : undefined,
      'try again': retryAfter === undefined ? undefined : `in ${retryAfter} s`,
      ...declared(refusal),
      'what to do': hint && plain(hint),
    },
    '    ',
    (label) => paintNote('dim', label),
  )
  const head = code === EXIT.unreachable ? 'unreachable' : `refused: ${name}`
  return [`  ${paintNote(['red', 'bold'], head)}`, `    ${plain(message)}`, ...(lines ? [lines] : [])].join('\n')
}

/** What an error of a service's own says: its fields are nobody else's. */
const declared = ({ name, message: _, hint: __, ...details }: Refusal): { [field: string]: string } => {
  if ((CODES as readonly string[]).includes(name)) return {}
  return Object.fromEntries(
    Object.entries(details).map(([field, value]) => [
      plain(field),
      plain(typeof value === 'string' ? value : JSON.stringify(plainData(value))),
    ]),
  )
}
