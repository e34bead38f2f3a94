import type { DID } from '@symbiosis/protocol'
import type { Command } from 'commander'
import { abilityOrAll, didArgument, durationOption } from '../options.ts'
import { act } from '../run.ts'
import { shortDid, timeText } from '../text.ts'
import { openWithSpace } from '../wallet.ts'

interface Options {
  can: string[]
  expires?: number
}

export const delegate = (program: Command): Command =>
  program
    .command('delegate')
    .argument('<did>', 'the other device, as its whoami shows', didArgument)
    .description('Lend abilities to another device: prints a token for it')
    .requiredOption('--can <ability>', 'what it may do: pin/*, pin/list; may be given several times', abilityOrAll)
    .option('--expires <time>', 'for how long, such as 7d', durationOption)
    .action(
      act<[DID], Options>(async (run, { can, expires }, device) => {
        await using symbiont = await openWithSpace(run)
        const { space } = run.globals
        const delegated = await symbiont.delegate(device, can, { ...(expires && { expires }), ...(space && { space }) })
        const { output } = run
        const end = delegated.expires === null ? 'for good' : `until ${timeText(delegated.expires)}`
        output.note(`  ${can.join(', ')} for ${shortDid(device)}, ${end}; it takes this token with: symbiosis accept TOKEN`)
        output.note(`  ${output.paintNote('dim', `take it back with: symbiosis revoke ${delegated.cid}`)}\n`)
        output.result(delegated, delegated.token)
      }),
    )
