import { brief } from '@symbiosis/protocol'
import type { Command } from 'commander'
import { act } from '../run.ts'
import { argumentOrStdin } from '../stdin.ts'
import { plain, table, timeText } from '../text.ts'
import { openWithSpace } from '../wallet.ts'

export const revoke = (program: Command): Command =>
  program
    .command('revoke <cid-or-token>')
    .description('Take back what this device lent or was lent, for good')
    .action(
      act<[string]>(async (run, _, name) => {
        await using symbiont = await openWithSpace(run)
        const { cid, by, hosts } = await symbiont.revoke(await argumentOrStdin(name, '  The token, then Enter: ', run), {
          signal: run.signal,
        })
        const { paint } = run.output
        const rows = hosts.map(({ name, did, at, index, size, error }) => [
          plain(name) || did,
          at === undefined
            ? paint('yellow', `not yet: ${plain(error?.message ?? '')} It is told as soon as it can be.`)
            : `knows since ${timeText(at)}${index === undefined ? '' : `, and can't deny it: entry ${index + 1} of ${size} in its log`}`,
        ])
        run.output.result({ revoked: cid, by, hosts }, [`  revoked ${brief(cid)}`, table(rows, '    ')].join('\n'))
      }),
    )
