import type { Command } from 'commander'
import { leaseTable } from '../lease-table.ts'
import { act } from '../run.ts'
import { openSymbiont } from '../wallet.ts'

export const leases = (program: Command): Command =>
  program
    .command('leases')
    .description('Show what hosts lease to this device')
    .option('--renew', 'renew those that end soon')
    .action(
      act<[], { renew?: boolean }>(async (run, { renew }) => {
        await using symbiont = await openSymbiont(run)
        if (renew) await symbiont.renewLeases({ signal: run.signal })
        const held = symbiont.leases()
        run.output.result(
          { leases: held },
          held.length === 0 ? '  Nothing is leased. Ask a host: symbiosis request pin dag' : leaseTable(held, run.output),
        )
      }),
    )
