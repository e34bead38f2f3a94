import { readFile, writeFile } from 'node:fs/promises'
import { type FoundPeer, type Provided, route } from '@symbiosis/capabilities/route'
import { findProviders, getRecord } from '@symbiosis/capabilities/route/symbiont'
import type { Command } from 'commander'
import type { CID } from 'multiformats/cid'
import { cidArgument, durationOption, peersOption } from '../options.ts'
import type { Run } from '../run.ts'
import { act } from '../run.ts'
import { plain, table, timeText } from '../text.ts'
import { choiceOf, openWithSpace } from '../wallet.ts'

/** What content routing is asked for. */
export const routing = (program: Command): void => {
  const group = program.command('route').description("Find content and peers on the host's network, and be found there")
  find(group)
  provide(group)
  withdraw(group)
  listProvided(group)
  peer(group)
  get(group)
  put(group)
}

interface FindOptions {
  limit?: number
  for?: number
}

const find = (group: Command) =>
  group
    .command('find')
    .argument('<cid>', 'the content', cidArgument)
    .description('Find peers that have content')
    .option('--limit <number>', 'so many are enough (default: 20)', peersOption)
    .option('--for <time>', 'look for no longer than this (default: 30s)', durationOption)
    .action(
      act<[CID], FindOptions>(async (run, { limit, for: seconds }, cid) => {
        await using symbiont = await openWithSpace(run)
        const found: FoundPeer[] = []
        const wanted = { cid, ...(limit && { limit }), ...(seconds && { seconds }), signal: run.signal }
        for await (const each of findProviders(bound(symbiont, run), wanted)) {
          found.push(each)
          run.output.event({ event: 'provider', ...each }, run.output.paintNote('dim', `  found ${plain(each.peer)}`))
        }
        run.output.result({ cid, providers: found }, found.length === 0 ? '  Nobody was found who has it.' : found.map(peerText).join('\n'))
      }),
    )

const provide = (group: Command) =>
  group
    .command('provide')
    .argument('<cid>', 'the root of content that the host keeps for you', cidArgument)
    .description('Have the network told that the host has content of yours')
    .option('--for <time>', 'for so long (default: until the lease ends)', durationOption)
    .action(
      act<[CID], FindOptions>(async (run, { for: seconds }, cid) => {
        await using symbiont = await openWithSpace(run)
        const provided = await symbiont.use(route, choiceOf(run)).provide({ cid, ...(seconds && { seconds }) }, { signal: run.signal })
        run.output.result(provided, table(providedRows([provided])))
      }),
    )

const withdraw = (group: Command) =>
  group
    .command('withdraw')
    .argument('<cid>', 'the root of the content', cidArgument)
    .description('Have the network told no longer; it forgets within two days')
    .action(
      act<[CID]>(async (run, _, cid) => {
        await using symbiont = await openWithSpace(run)
        await symbiont.use(route, choiceOf(run)).withdraw({ cid }, { signal: run.signal })
        run.output.result({ cid, withdrawn: true }, `  withdrawn   ${cid.toV1()}`)
      }),
    )

const listProvided = (group: Command) =>
  group
    .command('ls')
    .description('List what the network is told')
    .action(
      act(async (run) => {
        await using symbiont = await openWithSpace(run)
        const provided: Provided[] = []
        let after: string | undefined
        do {
          const options = { limit: 1000, ...(after !== undefined && { after }) }
          const page = await symbiont.use(route, choiceOf(run)).list(options, { signal: run.signal })
          provided.push(...page.provided)
          after = page.next
        } while (after !== undefined)
        run.output.result({ provided }, provided.length === 0 ? '  The network is told of nothing.' : table(providedRows(provided)))
      }),
    )

const peer = (group: Command) =>
  group
    .command('peer <id>')
    .description('Find where a peer is')
    .action(
      act<[string]>(async (run, _, id) => {
        await using symbiont = await openWithSpace(run)
        const found = await symbiont.use(route, choiceOf(run)).findPeer({ peer: id }, { signal: run.signal })
        run.output.result(found, peerText(found))
      }),
    )

const get = (group: Command) =>
  group
    .command('get <key> <file>')
    .description('Write a record of the network, /ipns/NAME or /pk/NAME, to a file, checked')
    .action(
      act<[string, string]>(async (run, _, key, file) => {
        await using symbiont = await openWithSpace(run)
        const value = await getRecord(bound(symbiont, run), { key, signal: run.signal })
        await writeFile(file, value)
        run.output.result({ key, bytes: value.length }, `  ${value.length} bytes of ${plain(key)} in ${file}`)
      }),
    )

const put = (group: Command) =>
  group
    .command('put <key> <file>')
    .description('Publish a signed record, /ipns/NAME or /pk/NAME, from a file')
    .action(
      act<[string, string]>(async (run, _, name, file) => {
        const value = new Uint8Array(await readFile(file))
        await using symbiont = await openWithSpace(run)
        const { key, told } = await symbiont.use(route, choiceOf(run)).putRecord({ key: name, value }, { signal: run.signal })
        run.output.result({ key, told }, `  ${told} peers keep ${plain(key)}`)
      }),
    )

/** The symbiont, at the host and for the space that the options say. */
const bound = (symbiont: Awaited<ReturnType<typeof openWithSpace>>, run: Run): Parameters<typeof findProviders>[0] => ({
  call: (service, name, input, options) => symbiont.call(service, name, input, { ...choiceOf(run), ...options }),
})

/** Addresses are what peers say of themselves. */
const peerText = ({ peer, addresses }: FoundPeer): string =>
  [`  ${plain(peer)}`, ...addresses.map((address) => `    ${plain(address)}`)].join('\n')

const providedRows = (provided: readonly Provided[]): string[][] =>
  provided.map(({ cid, until, told, announced, message }) => [
    announced === undefined ? 'not told yet' : `${told} peers told`,
    String(cid),
    `until ${timeText(until)}`,
    announced === undefined ? plain(message ?? '') : '',
  ])
