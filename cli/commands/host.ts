import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import type { FollowNamed } from '@symbiosis/host'
import { type Command, Option } from 'commander'
import type { Approve } from '../daemon.ts'
import { collect, countOption, neverOrDuration, portOption } from '../options.ts'
import type { Output } from '../output.ts'
import { hostFolder } from '../places.ts'
import { act } from '../run.ts'
import { fields } from '../text.ts'

interface Options {
  dir?: string
  port: number
  socket?: string
  approve: Approve
  name?: string
  address?: string
  endpoint?: string[]
  knownAs?: string
  allowPrivateOrigins?: boolean
  listen?: string[]
  dht?: 'client' | 'server'
  bootstrap?: string[]
  follow?: string[]
  filterEvery?: number
  filterAfter?: number
  followNamed?: FollowNamed
  service?: string[]
  logLevel?: string
}

/** `symbiosis host` starts one; its subcommands operate one that runs. */
export const host = (program: Command): Command =>
  program
    .command('host')
    .description('Run a host on this machine; the subcommands operate it')
    .option('--dir <folder>', 'where it keeps everything (default: SYMBIOSIS_DIR, or your data folder)')
    .addOption(
      new Option('--port <number>', 'port on which it listens, 0 for a free one').env('SYMBIOSIS_PORT').argParser(portOption).default(4747),
    )
    .option('--socket <path>', 'its Unix socket (default: host.sock in its folder)')
    .addOption(
      new Option('--approve <whom>', 'who gets leases: those you say yes to, all, or none').choices(['ask', 'all', 'none']).default('ask'),
    )
    .option('--name <text>', 'what it is called (default: the name of this machine)')
    .option('--address <ip>', 'address on which it listens (default: 127.0.0.1)')
    .option('--endpoint <url>', 'an address at which others reach it, for its manifest; may be given several times', collect)
    .option('--known-as <name>', 'DNS name under which it tells its metrics, beside its address')
    .option('--allow-private-origins', 'let callers name peers on this machine and its networks to fetch content from')
    .option('--listen <multiaddr>', 'where its libp2p node listens (default: this machine only); may be given several times', collect)
    .addOption(
      new Option(
        '--dht <mode>',
        'take part in the network where content is looked for, and lease that: only ask, or answer as well',
      ).choices(['client', 'server']),
    )
    .option('--bootstrap <multiaddr>', 'join that network by this peer; may be given several times', collect)
    .option('--follow <url>', 'refuse what is revoked at this host, too; may be given several times', collect)
    .option(
      '--filter-every <time>',
      'after which a filter of what is revoked is made anew, never for none ever (default: 1h)',
      neverOrDuration,
    )
    .option('--filter-after <entries>', 'of its log, after which one is made before that time (default: 1000)', countOption)
    .addOption(
      new Option('--follow-named <which>', "hosts that are asked for revocations because lessees' delegations name them")
        .choices(['none', 'public', 'any'])
        .default('public'),
    )
    .option('--service <package>', 'lease the service of this package, or of a folder, too; its code runs as this host does', collect)
    .addOption(
      new Option('--log-level <level>', 'what its log tells').choices(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
    )
    .action(
      act<[], Options>(async ({ output, signal }, { dir, logLevel, ...options }) => {
        const folder = hostFolder(dir)
        // Only who starts a host waits for all of it to load.
        const [{ startDaemon }, { openLog }] = await Promise.all([import('../daemon.ts'), import('@symbiosis/host')])
        // Where a person looks, the log would run over the questions.
        const file = process.stderr.isTTY && !output.json ? join(folder, 'host.log') : undefined
        const log = openLog({ ...(logLevel && { level: logLevel }), ...(file && { to: logFile(file) }) })
        const { host, listener, services } = await startDaemon({ ...options, dir: folder, log })
        const { did, name } = host
        const { url, socket } = listener
        output.result(
          { event: 'listening', did, url, socket },
          greeting({ output, name, did, url, socket, services, folder, file, approve: options.approve }),
        )
        await new Promise<void>((resolve) => {
          if (signal.aborted) resolve()
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
        output.note(output.paintNote('dim', '\n  closing: what is under way may finish. Once more to end at once.'))
        await host.close()
      }),
    )

/** Opened at the first line: the folder may not be there before the host makes it. */
const logFile = (path: string) => {
  let stream: ReturnType<typeof createWriteStream> | undefined
  return {
    write(line: string) {
      stream ??= createWriteStream(path, { flags: 'a', mode: 0o600 })
      stream.write(line)
    },
  }
}

interface Greeting {
  output: Output
  name: string
  did: string
  url?: string
  socket?: string
  services: readonly string[]
  folder: string
  file?: string
  approve: Approve
}

const NEXT: { readonly [approve in Approve]: string } = {
  ask: 'You say who gets what:',
  all: 'Whoever asks is granted what they ask for. What was granted:',
  none: 'Nobody who asks is granted anything. What was granted before:',
}

const greeting = ({ output, name, did, url, socket, services, folder, file, approve }: Greeting): string => {
  const { paint } = output
  const dim = (text: string) => paint('dim', text)
  const command = (text: string) => `    ${paint('cyan', `${byNpm() ? 'npx ' : ''}symbiosis ${text}`)}`
  const operating = folder === hostFolder() ? '' : ` --dir ${folder}`
  return [
    '',
    `  ${paint('bold', name)} is listening`,
    '',
    fields({ url, socket, did, folder, log: file }, '    ', dim),
    '',
    '  From another terminal, ask it for leases and use them:',
    command(`pair ${url ?? `unix:${socket}`}`),
    command(`request ${services.join(' ')}`),
    command('add FILE'),
    '',
    `  ${NEXT[approve]}`,
    ...(approve === 'ask'
      ? [command(`host requests${operating}`), command(`host approve CODE${operating}`)]
      : [command(`host leases${operating}`)]),
    ...(approve === 'ask' && process.stdin.isTTY
      ? ['', `  ${dim('Or answer right here: the questions come as they are asked. Ctrl-C ends the host.')}`]
      : []),
    '',
  ].join('\n')
}

/** Run by npm, the command is not on the path of the next terminal. */
const byNpm = (): boolean => process.env.npm_lifecycle_event === 'start' || process.env.npm_lifecycle_event === 'npx'
