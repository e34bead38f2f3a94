import { appendFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Recovered } from '@symbiosis/host'
import type { Command } from 'commander'
import { collect } from '../options.ts'
import type { Output } from '../output.ts'
import { hostFolder } from '../places.ts'
import { Progress } from '../progress.ts'
import { act } from '../run.ts'
import { entriesText, fields, plain } from '../text.ts'

interface Options {
  dir?: string
  from: string[]
  acceptLoss?: boolean
}

/** `symbiosis host recover`: while the host is stopped, since its store is replaced. */
export const recovering = (host: Command): void => {
  host
    .command('recover')
    .description('Have the log of a stopped host back from hosts that follow it, where its store is damaged')
    .requiredOption('--from <url>', 'a host that follows this one; may be given several times', collect)
    .option('--accept-loss', 'go on with what they have, though more was signed here, or may have been')
    .action(
      act<[], Options>(async ({ output, signal }, { dir, from, acceptLoss = false }) => {
        const folder = hostFolder(dir)
        const { openLog, recoverHost } = await import('@symbiosis/host')
        const progress = new Progress(output, entriesText)
        const log = existsSync(folder) ? openLog({ to: appending(join(folder, 'host.log')) }) : undefined
        let isBegun = false
        const recovered = await recoverHost({
          dir: folder,
          from,
          acceptLoss,
          signal,
          ...(log && { log }),
          progress(entries, of) {
            if (!isBegun) progress.begin('the log', of)
            isBegun = true
            progress.at(entries)
          },
        }).finally(() => progress.clear())
        output.result(recovered, describe(recovered, output))
      }),
    )
}

/** At once: the command ends right after it. */
const appending = (path: string) => ({ write: (line: string) => appendFileSync(path, line, { mode: 0o600 }) })

const REST: { readonly [rest in Recovered['rest']]: string } = {
  whole: 'all of it was taken along',
  partial: 'what could be read was taken along; the rest is lost',
  lost:
    'lost: consents, leases, standing answers, usage, what is pinned, and answers of calls that run once. Amounts count from zero. ' +
    'Collecting garbage would remove what nobody holds any more: copy the folder first if you need it',
}

const describe = ({ host, size, from, own, lost, again, rest, records, refollowed, aside }: Recovered, { paint }: Output): string =>
  [
    `  ${paint('bold', 'the log is back')}: ${entriesText(size)}`,
    '',
    fields(
      {
        host,
        from: plain(from),
        'from here': own > 0 ? `the last ${entriesText(own)}, which no follower had yet` : undefined,
        lost:
          lost === 0
            ? 'nothing'
            : paint('yellow', lost === null ? 'nobody can know: what was signed last could not be read' : lossText(lost, again)),
        'all else': `${REST[rest]} (${records.toLocaleString('en')} records)`,
        'followed anew': refollowed.join(' '),
        'set aside': aside,
      },
      '    ',
    ),
    ...(lost === 0 ? [] : ['', '  Whoever holds a longer log of this host will refuse it, and can prove that it contradicted itself.']),
    '',
    '  Start it: symbiosis host',
  ].join('\n')

const lossText = (lost: number, again: number): string =>
  `${entriesText(lost)}${again > 0 ? `, and ${again === 1 ? 'one revocation' : `${again} revocations`} of these logged anew` : ''}`
