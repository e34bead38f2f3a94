import type { Command } from 'commander'
import { act } from '../run.ts'
import { argumentOrStdin } from '../stdin.ts'
import { fields, plain, timeText } from '../text.ts'
import { openSymbiont } from '../wallet.ts'

export const accept = (program: Command): Command =>
  program
    .command('accept <token>')
    .description('Take what another device lends to this one; - reads the token from stdin')
    .action(
      act<[string]>(async (run, _, token) => {
        await using symbiont = await openSymbiont(run)
        const accepted = await symbiont.accept(await argumentOrStdin(token, '  The token, then Enter: ', run))
        const { space, can, expires, hosts } = accepted
        const lines = {
          space,
          may: can.join(', '),
          until: expires === null ? 'taken back' : timeText(expires),
          at: hosts.map(({ name }) => plain(name)).join(', ') || 'no host yet: symbiosis pair URL',
        }
        run.output.result(
          accepted,
          fields(lines, '  ', (text) => run.output.paint('dim', text)),
        )
      }),
    )
