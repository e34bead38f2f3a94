import tab from '@bomb.sh/tab/commander'
import type { Command } from 'commander'

/** `symbiosis completion bash`, and the hidden command that shells then ask. Comes last: it takes in what is there. */
export const completion = (program: Command): void => {
  tab(program, { completionCommandName: 'completion' })
}
