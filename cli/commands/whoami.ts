import type { Command } from 'commander'
import { act } from '../run.ts'
import { fields } from '../text.ts'
import { openWithSpace } from '../wallet.ts'

export const whoami = (program: Command): Command =>
  program
    .command('whoami')
    .description('Show who this device is, and what it acts for')
    .action(
      act(async (run) => {
        await using symbiont = await openWithSpace(run)
        const { agent, space } = symbiont
        const others = symbiont.spaces().filter(({ did }) => did !== space)
        const dim = (text: string) => run.output.paint('dim', text)
        const lines = {
          device: agent,
          space,
          ...Object.fromEntries(others.map(({ did, can }, at) => [at === 0 ? 'also for' : ' '.repeat(at), `${did}   ${can.join(', ')}`])),
        }
        run.output.result({ did: agent, space }, fields(lines, '  ', dim))
      }),
    )
