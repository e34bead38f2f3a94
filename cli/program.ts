import type { Command } from 'commander'
import { accept } from './commands/accept.ts'
import { add } from './commands/add.ts'
import { call } from './commands/call.ts'
import { compare } from './commands/compare.ts'
import { completion } from './commands/completion.ts'
import { conformance } from './commands/conformance.ts'
import { delegate } from './commands/delegate.ts'
import { describe } from './commands/describe.ts'
import { doctor } from './commands/doctor.ts'
import { docs, schema, types } from './commands/generate.ts'
import { get } from './commands/get.ts'
import { host } from './commands/host.ts'
import { hosts } from './commands/hosts.ts'
import { init } from './commands/init.ts'
import { inspect } from './commands/inspect.ts'
import { leases } from './commands/leases.ts'
import { logs } from './commands/log.ts'
import { operating } from './commands/operating.ts'
import { pair } from './commands/pair.ts'
import { pinning } from './commands/pin.ts'
import { recover } from './commands/recover.ts'
import { recovering } from './commands/recovering.ts'
import { request } from './commands/request.ts'
import { revoke } from './commands/revoke.ts'
import { routing } from './commands/route.ts'
import { verify } from './commands/verify.ts'
import { whoami } from './commands/whoami.ts'
import { didArgument } from './options.ts'
import manifest from './package.json' with { type: 'json' }

/** The whole command. */
export const addCommands = (program: Command): void => {
  program
    .description('Lease from a host what this device is short of, or run a host')
    .version(manifest.version)
    .option('--json', 'print JSON for programs')
    .option('--home <folder>', 'folder of the wallet (default: SYMBIOSIS_HOME, or your data folder)')
    .option('--host <host>', 'use this host only: its DID, name or address')
    .option('--space <did>', 'act for this space', didArgument)
    .showSuggestionAfterError()
  program.commandsGroup('A host:')
  const hosting = host(program)
  recovering(hosting)
  operating(hosting)
  program.commandsGroup('This device:')
  for (const command of [init, recover, whoami]) command(program)
  program.commandsGroup('Hosts and leases:')
  for (const command of [pair, hosts, request, leases]) command(program)
  program.commandsGroup('Content:')
  for (const command of [add, get, pinning, routing]) command(program)
  program.commandsGroup('Other devices:')
  for (const command of [delegate, accept, revoke, inspect, verify]) command(program)
  program.commandsGroup('Services:')
  for (const command of [describe, call, types, docs, schema, compare]) command(program)
  program.commandsGroup('Trust:')
  logs(program)
  program.commandsGroup('Help:')
  doctor(program)
  conformance(program)
  completion(program)
}
