import type { Command } from 'commander'
import { act } from '../run.ts'
import { readStdin } from '../stdin.ts'
import { openSymbiont } from '../wallet.ts'

export const recover = (program: Command): Command =>
  program
    .command('recover')
    .description('Take a space over by its recovery phrase, read from stdin')
    .action(
      act(async (run) => {
        const phrase = await readStdin('  The 24 words, then Enter: ', run)
        await using symbiont = await openSymbiont(run)
        const { did: space } = await symbiont.recoverSpace(phrase)
        run.output.result({ did: symbiont.agent, space }, `  this device acts for the space ${space}`)
      }),
    )
