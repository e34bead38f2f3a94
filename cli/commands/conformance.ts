import type { Checked } from '@symbiosis/conformance'
import { formatDuration } from '@symbiosis/symbiont'
import type { Command } from 'commander'
import { abilityArgument, collect, durationOption } from '../options.ts'
import type { Output } from '../output.ts'
import { act } from '../run.ts'
import { plain } from '../text.ts'

interface Options {
  service?: string[]
  open?: string[]
  once?: string[]
  patience?: number
  leases: boolean
}

/** A person needs some time to say yes. */
const PATIENCE = 120

export const conformance = (program: Command): Command =>
  program
    .command('conformance <url>')
    .description('Check whether a host does what every host does, whoever wrote it')
    .option('--service <id>', 'ask for leases of this service only; may be given several times', collect)
    .option('--open <ability>', 'an ability that is open to all; may be given several times', abilityArgument)
    .option('--once <ability>', 'an ability without input that runs once, to see that it does', abilityArgument)
    .option('--patience <time>', `how long its owner may take to say yes (default: ${formatDuration(PATIENCE)})`, durationOption)
    .option('--no-leases', 'look only at what needs no lease')
    .action(
      act<[string], Options>(async ({ output, signal }, { service, open, once, patience = PATIENCE, leases }, url) => {
        // It brings a test suite, which nobody else should wait for.
        const { checkHost } = await import('@symbiosis/conformance')
        const checked: Checked[] = []
        const onAsked = (code: string) => output.note(`  waiting for its owner: symbiosis host approve ${plain(code)}`)
        const [can] = once ?? []
        const options = {
          patience,
          leases,
          onAsked,
          signal,
          ...(service && { services: service }),
          ...(open && { open }),
          ...(can && { once: { can, nb: {} } }),
        }
        for await (const each of checkHost(url, options)) {
          checked.push(each)
          if (!each.ok) output.note(`  ${output.paintNote('red', '✗')} ${each.rule}`)
        }
        const ok = checked.every((each) => each.ok)
        output.result({ ok, checked }, describe(checked, output))
        if (!ok) process.exitCode = 1
      }),
    )

/** A line for each rule, below the name of its area, and the count. */
const describe = (checked: readonly Checked[], { paint }: Output): string => {
  const areas = [...new Set(checked.map(({ area }) => area))]
  const lines = areas.flatMap((area) => [
    `  ${paint('bold', area)}`,
    ...checked
      .filter((each) => each.area === area)
      .flatMap(({ rule, ok, message = '' }) => [
        `    ${ok ? paint('green', '✓') : paint('red', '✗')} ${plain(rule)}`,
        ...(ok ? [] : [`        ${paint('dim', plain(message))}`]),
      ]),
    '',
  ])
  const failed = checked.filter(({ ok }) => !ok).length
  return [...lines, `  ${checked.length - failed} of ${checked.length} rules hold`].join('\n')
}
