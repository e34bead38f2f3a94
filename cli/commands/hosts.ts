import type { Refreshed } from '@symbiosis/symbiont'
import type { Command } from 'commander'
import type { Output } from '../output.ts'
import { act } from '../run.ts'
import { agoText, entriesText, plain, table } from '../text.ts'
import { openSymbiont } from '../wallet.ts'

export const hosts = (program: Command): Command =>
  program
    .command('hosts')
    .description('Show the hosts that this device knows')
    .option('--forget <host>', 'forget one, and the leases that it gave')
    .option('--refresh', 'fetch what they know to be revoked, to verify tokens when none can be reached')
    .action(
      act<[], { forget?: string; refresh?: boolean }>(async (run, { forget, refresh }) => {
        await using symbiont = await openSymbiont(run)
        if (forget) await symbiont.forget(forget)
        const refreshed = refresh ? await symbiont.refreshFilters({ signal: run.signal }) : undefined
        const known = symbiont.hosts()
        const rows = known.map(({ did, name, urls }) => [
          run.output.paint('bold', plain(name)),
          did,
          urls.map(plain).join(' '),
          ...refreshedText(
            refreshed?.find(({ host }) => host === did),
            run.output,
          ),
        ])
        run.output.result(
          { hosts: known, ...(refreshed && { refreshed }) },
          rows.length === 0 ? '  No host is known. Pair with one: symbiosis pair URL' : table(rows),
        )
        if (refreshed?.some(({ error }) => error)) process.exitCode = 1
      }),
    )

const refreshedText = (refreshed: Refreshed | undefined, { paint }: Output): string[] => {
  if (!refreshed) return []
  const { filter, error } = refreshed
  const known = filter && `its log is known as of ${agoText(Date.now() / 1000 - filter.time)} (${entriesText(filter.size)})`
  return [[known, error && paint('yellow', plain(error.message))].filter(Boolean).join('; ')]
}
