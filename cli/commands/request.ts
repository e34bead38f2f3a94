import { access, Failure } from '@symbiosis/protocol'
import type { Lease, Symbiont } from '@symbiosis/symbiont'
import type { Command } from 'commander'
import type { CID } from 'multiformats/cid'
import { leaseTable } from '../lease-table.ts'
import { abilityArgument, bytesOption, cidArgument, durationOption } from '../options.ts'
import { act, type Run } from '../run.ts'
import { timeText } from '../text.ts'
import { choiceOf, openWithSpace } from '../wallet.ts'

/** What is asked for where nothing is named: enough to add files and keep them. */
const USUAL = ['pin/*', 'dag/*']

interface Options {
  bytes?: number
  ttl?: number
  why?: string
  wait: boolean
  resume?: CID
}

export const request = (program: Command): Command =>
  program
    .command('request')
    .argument('[abilities...]', 'what to ask for: pin, pin/*, pin/add (default: pin and dag)', abilityArgument)
    .description('Ask the owner of a host for leases')
    .option('--bytes <size>', 'how much of each, such as 2GB', bytesOption)
    .option('--ttl <time>', 'for how long, such as 30d', durationOption)
    .option('--why <text>', 'one sentence for the owner')
    .option('--no-wait', "don't wait for the owner's answer")
    .option('--resume <request>', 'wait for the answer to an earlier request', cidArgument)
    .action(
      act<[string[]], Options>(async (run, options, abilities) => {
        await using symbiont = await openWithSpace(run)
        const leases = options.resume
          ? await symbiont.resume(options.resume, { ...choiceOf(run), signal: run.signal })
          : await ask(symbiont, abilities, options, run)
        if (leases) run.output.result({ leases }, leaseTable(leases, run.output))
      }),
    )

interface Asked {
  request: CID
  code?: string
  expires?: number
}

/** The leases, or undefined where the answer isn't waited for. */
const ask = async (symbiont: Symbiont, abilities: string[], { bytes, ttl, why, wait }: Options, run: Run): Promise<Lease[] | undefined> => {
  const asked = abilities.length > 0 ? abilities : USUAL
  const leaving = new AbortController()
  let pending: Asked | undefined
  try {
    return await symbiont.request(bytes === undefined ? asked.map((can) => ({ can })) : await withBytes(symbiont, asked, bytes, run), {
      ...choiceOf(run),
      ...(ttl && { ttl }),
      ...(why && { why }),
      signal: AbortSignal.any([run.signal, leaving.signal]),
      onPending(code, expires, request) {
        pending = { request, ...(code && { code }), ...(expires && { expires }) }
        if (wait) run.output.event({ event: 'pending', ...pending }, waitingText(pending, run))
        else leaving.abort()
      },
    })
  } catch (thrown) {
    if (!pending || run.signal.aborted || !leaving.signal.aborted) throw thrown
    run.output.result(
      { state: 'pending', ...pending },
      `  asked, with the code ${pending.code}\n  once it is approved: symbiosis request --resume ${pending.request}`,
    )
    return undefined
  }
}

/** The amount for every service that counts bytes, as the host tells. */
const withBytes = async (
  symbiont: Symbiont,
  asked: string[],
  bytes: number,
  run: Run,
): Promise<{ can: string; limits?: { bytes: number } }[]> => {
  const { services } = await symbiont.use(access, choiceOf(run)).hello({}, { signal: run.signal })
  const counts = (can: string) => services.find(({ id }) => id === can.split('/', 1)[0])?.limits.includes('bytes')
  if (!asked.some(counts))
    throw new Failure('InvalidInput', 'Nothing of what is asked for has a limit in bytes.', { field: 'bytes', hint: 'Leave --bytes out.' })
  return asked.map((can) => (counts(can) ? { can, limits: { bytes } } : { can }))
}

const waitingText = ({ code, expires }: Asked, { output: { paintNote } }: Run): string =>
  [
    '',
    `  The owner of the host is asked. They see this code:   ${paintNote(['bold', 'cyan'], code ?? '')}`,
    `  ${paintNote('dim', `Waiting for the answer${expires ? ` until ${timeText(expires)}` : ''}; Ctrl-C gives up.`)}`,
    '',
  ].join('\n')
