import { type PinStatus, pin } from '@symbiosis/capabilities/pin'
import { formatBytes, type Symbiont } from '@symbiosis/symbiont'
import type { Command } from 'commander'
import type { CID } from 'multiformats/cid'
import { cidArgument, collect } from '../options.ts'
import type { Output } from '../output.ts'
import { untilPinned } from '../pinning.ts'
import { Progress, shortName } from '../progress.ts'
import { act } from '../run.ts'
import { plain, table, timeText } from '../text.ts'
import { choiceOf, openWithSpace } from '../wallet.ts'

export const pinning = (program: Command): void => {
  const group = program.command('pin').description('Have content kept')
  addPin(group)
  removePin(group)
  listPins(group)
  statusOfPin(group)
}

interface AddOptions {
  name?: string
  origin?: string[]
  wait: boolean
}

const addPin = (group: Command) =>
  group
    .command('add')
    .argument('<cid>', 'the root of the content', cidArgument)
    .description('Have content kept that the host can fetch')
    .option('--name <text>', 'what the pin is called')
    .option('--origin <multiaddr>', 'a peer that has it; may be given several times', collect)
    .option('--no-wait', "don't wait until it is there")
    .action(
      act<[CID], AddOptions>(async (run, { name, origin, wait }, root) => {
        const { output, signal } = run
        await using symbiont = await openWithSpace(run)
        const choice = choiceOf(run)
        const begun = await symbiont.use(pin, choice).add({ root, ...(name && { name }), ...(origin && { origins: origin }) }, { signal })
        const progress = new Progress(output)
        progress.begin(shortName(String(root)))
        try {
          const status = wait ? await untilPinned(symbiont, begun, { choice, signal, onStatus: ({ bytes }) => progress.at(bytes) }) : begun
          progress.clear()
          output.result(status, `  ${statusText(status, output)}   ${status.root}`)
        } finally {
          progress.clear()
        }
      }),
    )

const removePin = (group: Command) =>
  group
    .command('rm')
    .argument('<cid>', 'the root of the content', cidArgument)
    .description('Have content kept no longer')
    .action(
      act<[CID]>(async (run, _, root) => {
        await using symbiont = await openWithSpace(run)
        await symbiont.use(pin, choiceOf(run)).remove({ root }, { signal: run.signal })
        run.output.result({ root, removed: true }, `  removed   ${root.toV1()}`)
      }),
    )

const listPins = (group: Command) =>
  group
    .command('ls')
    .description('List what is kept')
    .action(
      act(async (run) => {
        await using symbiont = await openWithSpace(run)
        const pins: PinStatus[] = []
        for await (const each of allPins(symbiont, run)) pins.push(each)
        const rows = pins.map((each) => [statusText(each, run.output), formatBytes(each.bytes), String(each.root), plain(each.name ?? '')])
        run.output.result({ pins }, rows.length === 0 ? '  Nothing is kept. Add a file: symbiosis add FILE' : table(rows))
      }),
    )

const statusOfPin = (group: Command) =>
  group
    .command('status')
    .argument('<cid>', 'the root of the content', cidArgument)
    .description('Show how a pin stands')
    .action(
      act<[CID]>(async (run, _, root) => {
        await using symbiont = await openWithSpace(run)
        const status = await symbiont.use(pin, choiceOf(run)).status({ root }, { signal: run.signal })
        const { name, bytes, blocks, reason, message, created } = status
        const said = [reason, message].filter((text) => text !== undefined).map(plain)
        const rows = [
          [statusText(status, run.output), String(status.root)],
          ...(name ? [['name', plain(name)]] : []),
          ['size', `${formatBytes(bytes)} in ${blocks.toLocaleString('en')} blocks`],
          ['since', timeText(created)],
          ...(said.length > 0 ? [['reason', said.join(': ')]] : []),
        ]
        run.output.result(status, table(rows))
      }),
    )

async function* allPins(symbiont: Symbiont, run: Parameters<typeof choiceOf>[0]): AsyncGenerator<PinStatus> {
  const pins = symbiont.use(pin, choiceOf(run))
  let after: string | undefined
  do {
    const page = await pins.list({ limit: 1000, ...(after !== undefined && { after }) }, { signal: run.signal })
    yield* page.pins
    after = page.next
  } while (after !== undefined)
}

const COLOURS = { queued: 'dim', fetching: 'cyan', pinned: 'green', failed: 'red' } as const

const statusText = ({ status }: PinStatus, { paint }: Output): string => paint(COLOURS[status], status)
