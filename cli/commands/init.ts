import { existsSync } from 'node:fs'
import { Failure } from '@symbiosis/protocol'
import type { Command } from 'commander'
import { act } from '../run.ts'
import { fields } from '../text.ts'
import { openWithSpace, walletFile } from '../wallet.ts'

export const init = (program: Command): Command =>
  program
    .command('init')
    .description('Make a new wallet with a space of its own, and show its recovery phrase')
    .action(
      act(async (run) => {
        const file = walletFile(run.globals.home)
        if (existsSync(file)) {
          throw new Failure('InvalidInput', `There is a wallet at ${file} already.`, {
            hint: 'Use it, or name another folder with --home. See: symbiosis whoami',
          })
        }
        await using symbiont = await openWithSpace(run)
        const { agent, space } = symbiont
        run.output.result(
          { did: agent, space },
          fields({ device: agent, space }, '  ', (text) => run.output.paint('dim', text)),
        )
      }),
    )
