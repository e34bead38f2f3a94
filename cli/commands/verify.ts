import { brief } from '@symbiosis/protocol'
import type { CheckedLog, Symbiont, Verified } from '@symbiosis/symbiont'
import type { Command } from 'commander'
import { namesOf, problemLines, tree } from '../chain-tree.ts'
import { durationOption } from '../options.ts'
import type { Output } from '../output.ts'
import { act } from '../run.ts'
import { argumentOrStdin } from '../stdin.ts'
import { agoText, entriesText, plain } from '../text.ts'
import { openSymbiont } from '../wallet.ts'

export const verify = (program: Command): Command =>
  program
    .command('verify <token>')
    .description(
      'Check a token, without asking anybody unless told, and say how old what is known of revocations is; - reads it from stdin',
    )
    .option('--online', 'ask the hosts that can be reached what their logs have now')
    .option('--max-age <time>', 'not by what is older, such as 1h', durationOption)
    .action(
      act<[string], { maxAge?: number; online?: boolean }>(async (run, { maxAge, online = false }, token) => {
        const text = await argumentOrStdin(token, '  The token, then Enter: ', run)
        await using symbiont = await openSymbiont(run)
        const verified = await symbiont.verify(text, { online, signal: run.signal, ...(maxAge !== undefined && { maxAge }) })
        run.output.result(verified, describe(verified, symbiont, run.output))
        if (!verified.ok) process.exitCode = 1
      }),
    )

const describe = (verified: Verified, symbiont: Symbiont, output: Output): string => {
  const { ok, kind, subject, chain, problems, revocation } = verified
  const { checked, unknown, revoked, failed } = revocation
  const { paint } = output
  const failing = problemLines(problems, output)
  const none = checked.length + unknown.length === 0
  return [
    `  a ${kind}, ${ok ? paint('green', 'good') : paint('red', 'not to be relied on')}`,
    '',
    ...tree(chain, namesOf(subject, symbiont, []), output),
    ...(failing.length > 0 ? ['', '    what is wrong', ...failing] : []),
    '',
    ...revoked.map((each) => `  ${paint('red', 'revoked, confirmed')}: ${foundText(each)}`),
    ...failed.map(({ host, name, error }) => `  ${paint('yellow', `${plain(name) || host} could not be asked`)}: ${plain(error.message)}`),
    ...checked.map((each) => `  ${checkedText(each)}`),
    ...unknown.map(
      ({ host, name }) => `  ${paint('yellow', `not checked against the log of ${plain(name) || host}`)}: symbiosis hosts --refresh`,
    ),
    ...(none ? [`  ${paint('yellow', 'checked against no log')}: no host is known that would tell whether it is revoked`] : []),
  ].join('\n')
}

const foundText = ({ host, name, link, by, index }: Verified['revocation']['revoked'][number]): string =>
  `${brief(link)} by ${by}, entry ${index + 1} of ${plain(name) || host}'s log`

const checkedText = ({ host, name, size, age, asked }: CheckedLog): string =>
  `${asked ? 'confirmed by' : 'checked against'} ${plain(name) || host}'s log as of ${agoText(age)} (${entriesText(size)})`
