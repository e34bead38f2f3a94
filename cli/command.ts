import { Command } from 'commander'
import { EXIT, tell } from './exit.ts'
import { flushed, leaveQuietly, Output } from './output.ts'
import { addCommands } from './program.ts'

/** Runs the command of this process's arguments, and ends the process. */
export const main = async (): Promise<never> => {
  leaveQuietly()
  const json = process.argv.includes('--json')
  const program = new Command('symbiosis').exitOverride()
  if (json) program.configureOutput({ writeErr: () => {} })
  let code: number = EXIT.ok
  try {
    addCommands(program)
    await program.parseAsync()
  } catch (thrown) {
    code = tell(thrown, new Output(json))
  }
  await flushed()
  process.exit(code === EXIT.ok ? process.exitCode : code)
}
