import { existsSync } from 'node:fs'
import { type InspectedLink, type Inspection, inspect as lookInto, type Symbiont } from '@symbiosis/symbiont'
import type { Command } from 'commander'
import { amountsText } from '../lease-table.ts'
import type { Output } from '../output.ts'
import { act } from '../run.ts'
import { argumentOrStdin } from '../stdin.ts'
import { plain, shortDid, table, timeText } from '../text.ts'
import { openSymbiont, walletFile } from '../wallet.ts'

export const inspect = (program: Command): Command =>
  program
    .command('inspect <token>')
    .description('Show what a token says, link by link, and what would fail; - reads it from stdin')
    .action(
      act<[string]>(async (run, _, token) => {
        const text = await argumentOrStdin(token, '  The token, then Enter: ', run)
        // Without a wallet none is made: a token can be read by anybody.
        await using symbiont = existsSync(walletFile(run.globals.home)) ? await openSymbiont(run) : undefined
        const inspection = lookInto(text, { revoked: (cid) => symbiont?.isRevoked(cid) ?? false })
        run.output.result(inspection, describe(inspection, symbiont, run.output))
      }),
    )

const describe = (inspection: Inspection, symbiont: Symbiont | undefined, output: Output): string => {
  const { kind, subject, chain, usable, problems, leases, hosts } = inspection
  const { paint } = output
  const dim = (text: string) => paint('dim', text)
  const verdict = (good: boolean) => (good ? paint('green', 'good') : paint('red', 'of no use'))
  const names = namesOf(subject, symbiont, hosts)
  const problemLines = problems.map(({ code, message }) => `      ${paint('red', code)}   ${plain(message)}`)
  return [
    `  a ${kind}, ${verdict(usable)}`,
    '',
    ...tree(chain, names, output),
    ...(problemLines.length > 0 ? ['', '    what would fail', ...problemLines] : []),
    ...leases.flatMap((lease) => [
      '',
      `  with a lease, ${verdict(lease.usable)}`,
      '',
      ...tree(lease.chain, names, output),
      ...lease.problems.map(({ code, message }) => `      ${paint('red', code)}   ${plain(message)}`),
    ]),
    ...(hosts.length > 0
      ? [
          '',
          dim('  hosts'),
          table(
            hosts.map(({ name, did, urls }) => [plain(name), did, urls.map(plain).join(' ')]),
            '    ',
          ),
        ]
      : []),
  ].join('\n')
}

/** DIDs by what the reader calls them. */
const namesOf = (subject: string, symbiont: Symbiont | undefined, hosts: Inspection['hosts']) => (did: string) => {
  if (did === symbiont?.agent) return 'this device'
  const host = hosts.find((each) => each.did === did) ?? symbiont?.hosts().find((each) => each.did === did)
  if (host) return `${plain(host.name)} (${shortDid(did)})`
  return did === subject ? `the space ${shortDid(did)}` : shortDid(did)
}

/** From the root down, as authority flows; where a link has several above it, each is shown on its way. */
const tree = (link: InspectedLink, names: (did: string) => string, output: Output, last = true): string[] => {
  const above = link.above.flatMap((each, at) => tree(each, names, output, at === link.above.length - 1))
  const depth = depthOf(link)
  const indent = `    ${'   '.repeat(depth)}${depth > 0 ? (last ? '└─ ' : '├─ ') : ''}`
  const under = ' '.repeat(indent.length + 2)
  const [head, ...rest] = linkLines(link, names, output)
  return [...above, `${indent}${head}`, ...rest.map((line) => `${under}${line}`)]
}

const depthOf = ({ above }: InspectedLink): number => (above.length === 0 ? 0 : 1 + Math.max(...above.map(depthOf)))

const linkLines = (link: InspectedLink, names: (did: string) => string, { paint }: Output): string[] => {
  const { cid, issuer, audience, capabilities, expiration, narrows, problems, signed } = link
  const what = capabilities.map(({ can, nb }) => {
    const limits = can.startsWith('lease/') ? amountsText((nb ?? {}) as { [name: string]: number }) : ''
    return `${can.replace(/^lease\//, '')}${limits && ` (${limits})`}`
  })
  const notes = [
    expiration === null ? 'for good' : `until ${timeText(expiration)}`,
    ...(narrows.length > 0 ? [`narrows ${narrows.join(', ')}`] : []),
    ...(signed ? [] : ['not signed']),
  ]
  const mark = problems.length > 0 ? paint('red', '✗') : paint('green', '✓')
  return [`${mark} ${names(issuer)} → ${names(audience)}`, `${paint('bold', what.join(', '))}   ${notes.join(', ')}`, paint('dim', cid)]
}
