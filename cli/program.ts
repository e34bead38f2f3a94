import type { Command } from 'commander'
import { host } from './commands/host.ts'
import { didArgument } from './options.ts'
import manifest from './package.json' with { type: 'json' }

/** The whole command, one line each. */
export const addCommands = (program: Command): void => {
  program
    .description('Lease from a host what this device is short of, or run a host')
    .version(manifest.version)
    .option('--json', 'print JSON for programs')
    .option('--home <folder>', 'folder of the wallet (default: SYMBIOSIS_HOME, or your data folder)')
    .option('--host <host>', 'use this host only: its DID, name or address')
    .option('--space <did>', 'act for this space', didArgument)
    .showSuggestionAfterError()
  host(program)
}
