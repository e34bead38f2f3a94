import { readFile, stat } from 'node:fs/promises'
import { Failure } from '@symbiosis/protocol'
import { decodeFork, verifyFork } from '@symbiosis/protocol/revocation'
import type { Command } from 'commander'
import { act } from '../run.ts'
import { table } from '../text.ts'

const MAX_BYTES = 1024 * 1024

export const verifyFraud = (group: Command) =>
  group
    .command('verify-fraud <file>')
    .description('Check a proof that a host has signed two logs which contradict each other')
    .action(
      act<[string]>(async ({ output }, _, path) => {
        const { size } = await stat(path)
        if (size > MAX_BYTES)
          throw new Failure('TooLarge', `${path} is no proof of a fork: those have a few kilobytes.`, { limit: MAX_BYTES })
        const fork = decodeFork(await readFile(path))
        const { older, newer } = verifyFork(fork)
        const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
        const began = older.size === newer.size ? newer.root : (fork.began?.root as Uint8Array)
        const at = ({ size: entries, root }: typeof older) => ({ size: entries, root: base64(root) })
        output.result(
          { proved: true, host: fork.host, older: at(older), newer: at(newer), began: base64(began) },
          [
            `  ${output.paint(['red', 'bold'], 'proved')}: ${fork.host}`,
            '  has signed two logs that contradict each other. Nobody else could have made this file.',
            '',
            table(
              [
                ['it signed that its first', `${older.size} entries`, `have the root ${base64(older.root)}`],
                [`and, with ${newer.size} entries, that these`, `${older.size}`, `have the root ${base64(began)}`],
              ],
              '    ',
            ),
            '',
            '  So it has shown different revocations to different people, or taken some back. Its log can be believed in nothing.',
          ].join('\n'),
        )
      }),
    )
