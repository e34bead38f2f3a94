import type { Command } from 'commander'
import { act } from '../run.ts'
import { plain, table } from '../text.ts'
import { openSymbiont } from '../wallet.ts'

export const hosts = (program: Command): Command =>
  program
    .command('hosts')
    .description('Show the hosts that this device knows')
    .option('--forget <host>', 'forget one, and the leases that it gave')
    .action(
      act<[], { forget?: string }>(async (run, { forget }) => {
        await using symbiont = await openSymbiont(run)
        if (forget) await symbiont.forget(forget)
        const known = symbiont.hosts()
        const rows = known.map(({ did, name, urls }) => [run.output.paint('bold', plain(name)), did, urls.map(plain).join(' ')])
        run.output.result({ hosts: known }, rows.length === 0 ? '  No host is known. Pair with one: symbiosis pair URL' : table(rows))
      }),
    )
