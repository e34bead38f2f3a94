import { type Asked, extract, Failure, type Output, operator, revocation } from '@symbiosis/protocol'
import { formatBytes, formatDuration } from '@symbiosis/symbiont'
import type { Command } from 'commander'
import { amountsText, amountText } from '../lease-table.ts'
import { type HostPlace, type Operator, operate } from '../operator.ts'
import { bytesOption, durationOption } from '../options.ts'
import { act } from '../run.ts'
import { plain, shortDid, table, timeText } from '../text.ts'
import { callAsOperator } from './call.ts'

type Pending = Output<(typeof operator)['abilities']['requests']>['requests'][number]
type Issued = Output<(typeof operator)['abilities']['leases']>['leases'][number]

/** The subcommands of `host`: what its owner does while it runs, each a call with the operator's key. */
export const operating = (host: Command): void => {
  requests(host)
  approve(host)
  deny(host)
  leases(host)
  revoke(host)
  policies(host)
  forget(host)
  following(host)
  gc(host)
  callAsOperator(host)
}

const requests = (host: Command) =>
  host
    .command('requests')
    .description('Show who waits for an answer')
    .action(
      act<[], HostPlace>(async ({ output, signal }, place) => {
        const { requests } = await (await operate(place, signal)).call(operator, 'requests', {})
        output.result(
          { requests },
          requests.length === 0 ? '  Nobody waits for an answer.' : requests.map((each) => describe(each)).join('\n\n'),
        )
      }),
    )

interface ApproveOptions extends HostPlace {
  bytes?: number
  ttl?: number
  always?: boolean
}

const approve = (host: Command) =>
  host
    .command('approve <request>')
    .description('Grant a request, named by its code or CID')
    .option('--bytes <size>', 'grant no more than this, such as 2GB', bytesOption)
    .option('--ttl <time>', 'for no longer than this, such as 30d', durationOption)
    .option('--always', 'grant the same to the same space without asking from now on')
    .action(
      act<[string], ApproveOptions>(async ({ output, signal }, { bytes, ttl, always, ...place }, name) => {
        const host = await operate(place, signal)
        const request = await findRequest(host, name)
        const abilities = bytes === undefined ? undefined : request.abilities.map((asked) => atMost(asked, bytes))
        const answer = { request: request.request, ...(abilities && { abilities }), ...(ttl && { ttl }), ...(always && { always }) }
        const { leases } = await host.call(operator, 'approve', answer)
        const what = request.abilities.map(({ can }) => can).join(', ')
        output.result({ request: request.request, leases }, `  granted ${what} to ${shortDid(request.space)}`)
      }),
    )

interface DenyOptions extends HostPlace {
  reason?: string
  always?: boolean
}

const deny = (host: Command) =>
  host
    .command('deny <request>')
    .description('Deny a request, named by its code or CID')
    .option('--reason <text>', 'one sentence that the asking side is told')
    .option('--always', 'deny the same to the same space from now on')
    .action(
      act<[string], DenyOptions>(async ({ output, signal }, { reason, always, ...place }, name) => {
        const host = await operate(place, signal)
        const { request, space } = await findRequest(host, name)
        await host.call(operator, 'deny', { request, ...(reason && { reason }), ...(always && { always }) })
        output.result({ request, denied: true }, `  denied to ${shortDid(space)}`)
      }),
    )

const leases = (host: Command) =>
  host
    .command('leases')
    .description('Show what was leased, and how much of it is used')
    .action(
      act<[], HostPlace>(async ({ output, signal }, place) => {
        const host = await operate(place, signal)
        const all: Issued[] = []
        for await (const lease of issued(host)) all.push(lease)
        const head = ['LEASE', 'WHAT', 'USED', 'SPACE', 'ENDS', ''].map((text) => output.paint('dim', text))
        const rows = all.map(({ lease, can, limits, used, space, expires, state }) => [
          String(lease),
          can,
          usage(limits, used),
          shortDid(space),
          timeText(expires),
          state === 'valid' ? '' : output.paint('yellow', state),
        ])
        output.result({ leases: all }, rows.length === 0 ? '  Nothing was leased.' : table([head, ...rows]))
      }),
    )

const revoke = (host: Command) =>
  host
    .command('revoke <lease>')
    .description('Take a lease back, for good')
    .action(
      act<[string], HostPlace>(async ({ output, signal }, place, name) => {
        const host = await operate(place, signal)
        const { lease, archive, can, space } = await findLease(host, name)
        const { at } = await host.call(revocation, 'revoke', { ucan: lease }, { attach: [extract(archive)] })
        output.result({ revoked: lease, at }, `  took ${can} back from ${shortDid(space)}`)
      }),
    )

const policies = (host: Command) =>
  host
    .command('policies')
    .description('Show the standing answers to requests')
    .action(
      act<[], HostPlace>(async ({ output, signal }, place) => {
        const { policies } = await (await operate(place, signal)).call(operator, 'policies', {})
        const rows = policies.map(({ id, answer, can, limits, space, ttl }) => [
          id,
          answer,
          can,
          amountsText(limits),
          space === '*' ? 'anybody' : shortDid(space),
          ttl > 0 ? `for ${formatDuration(ttl)}` : '',
        ])
        output.result({ policies }, rows.length === 0 ? '  No request is answered without asking.' : table(rows))
      }),
    )

const forget = (host: Command) =>
  host
    .command('forget <policy>')
    .description('Take a standing answer away')
    .action(
      act<[string], HostPlace>(async ({ output, signal }, place, policy) => {
        await (await operate(place, signal)).call(operator, 'forget', { policy })
        output.result({ forgotten: policy }, '  forgotten; from now on it is asked')
      }),
    )

const following = (host: Command) =>
  host
    .command('following')
    .description('Show the hosts whose logs this one follows, and how that stands')
    .action(
      act<[], HostPlace>(async ({ output, signal }, place) => {
        const { hosts } = await (await operate(place, signal)).call(operator, 'following', {})
        const rows = hosts.map(({ url, did, size, contact, problem, forks }) => [
          plain(url),
          did ? shortDid(did) : 'not met',
          `${size} entries`,
          contact === undefined ? 'never in order' : `in order at ${timeText(contact)}`,
          forks.length > 0
            ? output.paint('red', `convicted: ${forks.map(plain).join(' ')}`)
            : problem
              ? output.paint('yellow', plain(problem))
              : '',
        ])
        output.result({ hosts }, rows.length === 0 ? '  No host is followed. Follow one: symbiosis host --follow URL' : table(rows))
      }),
    )

const gc = (host: Command) =>
  host
    .command('gc')
    .description('Remove the blocks that nobody keeps')
    .action(
      act<[], HostPlace>(async ({ output, signal }, place) => {
        const collected = await (await operate(place, signal)).call(operator, 'collect', {})
        const { kept, removed, bytes } = collected
        output.result(collected, `  removed ${removed} blocks, ${formatBytes(bytes)}; ${kept} are kept`)
      }),
    )

async function* issued(host: Operator): AsyncGenerator<Issued> {
  let after: string | undefined
  do {
    const page = await host.call(operator, 'leases', { limit: 1000, ...(after && { after }) })
    yield* page.leases
    after = page.next
  } while (after)
}

const findRequest = async (host: Operator, name: string): Promise<Pending> => {
  const { requests } = await host.call(operator, 'requests', {})
  const { code, match } = { code: name.toLowerCase(), match: requests.find((each) => String(each.request) === name) }
  const found = match ? [match] : requests.filter((each) => each.code.startsWith(code) || String(each.request).startsWith(name))
  return only(found, name, 'No request that waits', 'symbiosis host requests')
}

const findLease = async (host: Operator, name: string): Promise<Issued> => {
  const found: Issued[] = []
  for await (const each of issued(host)) if (String(each.lease).startsWith(name)) found.push(each)
  return only(found, name, 'No lease of this host', 'symbiosis host leases')
}

/** The one that a name or the beginning of a name means. */
const only = <T>([first, ...more]: readonly T[], name: string, nothing: string, list: string): T => {
  if (!first) throw new Failure('NotFound', `${nothing} is called "${name}".`, { hint: `See: ${list}` })
  if (more.length > 0)
    throw new Failure('InvalidInput', `${more.length + 1} of them begin with "${name}".`, { hint: `Write more of it. See: ${list}` })
  return first
}

const atMost = ({ can, limits = {} }: Asked, bytes: number): Asked => ({
  can,
  limits: limits.bytes === undefined ? limits : { ...limits, bytes },
})

const usage = (limits: { readonly [name: string]: number }, used: { readonly [name: string]: number }): string =>
  Object.entries(limits)
    .map(([name, amount]) => `${name === 'bytes' ? formatBytes(used[name] ?? 0) : (used[name] ?? 0)} of ${amountText(name, amount)}`)
    .join(', ')

/** A request in full: what is known first, then what the asking side says of itself. */
const describe = ({ code, request, space, agent, abilities, why, app, origin, ttl, expires }: Pending): string => {
  const says = [app && `"${plain(app)}"`, why && plain(why)].filter(Boolean).join(', ')
  const minutes = Math.max(0, expires - Date.now() / 1000)
  return [
    `  ${code}   ${origin ? plain(origin) : 'a program'} asks for`,
    table(
      abilities.map(({ can, limits = {} }) => [can, amountsText(limits)]),
      '            ',
    ),
    table(
      [
        ['for', formatDuration(ttl)],
        ['space', space],
        ...(agent === space ? [] : [['device', agent]]),
        ...(says ? [['it says', says]] : []),
        ['request', String(request)],
        ['answer', `symbiosis host approve ${code}, within ${formatDuration(Math.round(minutes))}`],
      ],
      '            ',
    ),
  ].join('\n')
}
