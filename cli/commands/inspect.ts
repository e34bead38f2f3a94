import { existsSync } from 'node:fs'
import { type Inspection, inspect as lookInto, type Symbiont } from '@symbiosis/symbiont'
import type { Command } from 'commander'
import { namesOf, problemLines, tree } from '../chain-tree.ts'
import type { Output } from '../output.ts'
import { act } from '../run.ts'
import { argumentOrStdin } from '../stdin.ts'
import { plain, table } from '../text.ts'
import { openSymbiont, walletFile } from '../wallet.ts'

export const inspect = (program: Command): Command =>
  program
    .command('inspect <token>')
    .description('Show what a token says, link by link, and what would fail; - reads it from stdin')
    .action(
      act<[string]>(async (run, _, token) => {
        const text = await argumentOrStdin(token, '  The token, then Enter: ', run)
        // Without a wallet none is made: a token can be read by anybody.
        await using symbiont = existsSync(walletFile(run.globals.home)) ? await openSymbiont(run) : undefined
        const inspection = lookInto(text, { revoked: (cid) => symbiont?.isRevoked(cid) ?? false })
        run.output.result(inspection, describe(inspection, symbiont, run.output))
      }),
    )

const describe = (inspection: Inspection, symbiont: Symbiont | undefined, output: Output): string => {
  const { kind, subject, chain, usable, problems, leases, hosts } = inspection
  const { paint } = output
  const dim = (text: string) => paint('dim', text)
  const verdict = (good: boolean) => (good ? paint('green', 'good') : paint('red', 'of no use'))
  const names = namesOf(subject, symbiont, hosts)
  const failing = problemLines(problems, output)
  return [
    `  a ${kind}, ${verdict(usable)}`,
    '',
    ...tree(chain, names, output),
    ...(failing.length > 0 ? ['', '    what would fail', ...failing] : []),
    ...leases.flatMap((lease) => [
      '',
      `  with a lease, ${verdict(lease.usable)}`,
      '',
      ...tree(lease.chain, names, output),
      ...problemLines(lease.problems, output),
    ]),
    ...(hosts.length > 0
      ? [
          '',
          dim('  hosts'),
          table(
            hosts.map(({ name, did, urls }) => [plain(name), did, urls.map(plain).join(' ')]),
            '    ',
          ),
        ]
      : []),
  ].join('\n')
}
