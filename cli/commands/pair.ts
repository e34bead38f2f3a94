import type { Command } from 'commander'
import { act } from '../run.ts'
import { fields, plain } from '../text.ts'
import { openWithSpace } from '../wallet.ts'

export const pair = (program: Command): Command =>
  program
    .command('pair <url>')
    .description('Meet a host: http://127.0.0.1:4747 or unix:/path/host.sock, with #did:key:... only that one')
    .action(
      act<[string]>(async (run, _, url) => {
        await using symbiont = await openWithSpace(run)
        const paired = await symbiont.pair(url, { signal: run.signal })
        const { did, name, services } = paired
        const dim = (text: string) => run.output.paint('dim', text)
        const longest = Math.max(...services.map(({ id }) => id.length))
        const leases = Object.fromEntries(
          services.map(({ id, about }, at) => [
            at === 0 ? 'it leases' : ' '.repeat(at),
            `${plain(id).padEnd(longest)}   ${dim(plain(about))}`,
          ]),
        )
        const next = `symbiosis request ${services.map(({ id }) => plain(id)).join(' ')}`
        run.output.result(
          paired,
          [`  paired with ${run.output.paint('bold', plain(name))}`, fields({ did, ...leases, next }, '    ', dim)].join('\n'),
        )
      }),
    )
