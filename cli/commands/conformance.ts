import type { Checked } from '@symbiosis/conformance'
import { formatDuration } from '@symbiosis/symbiont'
import type { Command } from 'commander'
import { abilityArgument, collect, durationOption } from '../options.ts'
import type { Output } from '../output.ts'
import { act } from '../run.ts'
import { samplesIn } from '../sample-file.ts'
import { plain } from '../text.ts'

interface Options {
  service?: string[]
  samples?: string
  without?: string[]
  open?: string[]
  once?: string[]
  patience?: number
  ends?: boolean
  leases: boolean
}

/** A person needs some time to say yes. */
const PATIENCE = 120

export const conformance = (program: Command): Command =>
  program
    .command('conformance <url>')
    .description('Check whether a host does what every host does, whoever wrote it')
    .option('--service <id>', 'ask for leases of this service only; may be given several times', collect)
    .option('--samples <file>', 'calls of its own services that work for a new space, as a list in DAG-JSON')
    .option('--without <rule>', 'leave out a rule, or an area of them, by its name; may be given several times', collect)
    .option('--open <ability>', 'an ability that is open to all; may be given several times', abilityArgument)
    .option('--once <ability>', 'an ability without input that runs once, to see that it does', abilityArgument)
    .option('--patience <time>', `how long its owner may take to say yes, twice (default: ${formatDuration(PATIENCE)})`, durationOption)
    .option('--ends', 'wait a minute as well, to see what becomes of a lease that has ended')
    .option('--no-leases', 'look only at what needs no lease')
    .action(
      act<[string], Options>(
        async ({ output, signal }, { service, samples, without, open, once, ends = false, patience = PATIENCE, leases }, url) => {
          // It brings a test suite, which nobody else should wait for.
          const { checkHost } = await import('@symbiosis/conformance')
          const checked: Checked[] = []
          const onAsked = (code: string) => output.note(`  waiting for its owner: symbiosis host approve ${plain(code)}`)
          const [can] = once ?? []
          const options = {
            patience,
            leases,
            ends,
            onAsked,
            signal,
            ...(service && { services: service }),
            ...(samples !== undefined && { samples: samplesIn(samples) }),
            ...(without && { without }),
            ...(open && { open }),
            ...(can && { once: { can, nb: {} } }),
          }
          for await (const each of checkHost(url, options)) {
            checked.push(each)
            if (!each.ok) output.note(`  ${output.paintNote('red', MARKS[each.outcome])} ${each.rule}`)
          }
          const ok = checked.every((each) => each.ok)
          output.result({ ok, checked }, describe(checked, output))
          if (!ok) process.exitCode = 1
        },
      ),
    )

/** What could not be looked at is no rule that holds. */
const MARKS = { holds: '✓', broken: '✗', unseen: '?', idle: '–' } as const
const STYLES = { holds: 'green', broken: 'red', unseen: 'yellow', idle: 'dim' } as const

/** A line for each rule, below the name of its area, and the count. */
const describe = (checked: readonly Checked[], { paint }: Output): string => {
  const areas = [...new Set(checked.map(({ area }) => area))]
  const lines = areas.flatMap((area) => {
    const mine = checked.filter((each) => each.area === area)
    const rows = mine.flatMap(({ rule, outcome, message }) => [
      `    ${paint(STYLES[outcome], MARKS[outcome])} ${plain(rule)}`,
      ...(message === undefined ? [] : [`        ${paint('dim', plain(message))}`]),
    ])
    return [`  ${paint('bold', area)}`, ...rows, '']
  })
  return [...lines, `  ${countsOf(checked)}`].join('\n')
}

const countsOf = (checked: readonly Checked[]): string => {
  const count = (outcome: Checked['outcome']) => checked.filter((each) => each.outcome === outcome).length
  const [broken, unseen, idle] = [count('broken'), count('unseen'), count('idle')]
  return [
    `${count('holds')} of ${checked.length} rules hold`,
    ...(broken > 0 ? [`${broken} ${broken === 1 ? 'is' : 'are'} broken`] : []),
    ...(unseen > 0 ? [`${unseen} could not be looked at`] : []),
    ...(idle > 0 ? [`${idle} ${idle === 1 ? 'has' : 'have'} nothing to be about here`] : []),
  ].join(', ')
}
