import type { InspectedLink, Problem, Symbiont } from '@symbiosis/symbiont'
import { amountsText } from './lease-table.ts'
import type { Output } from './output.ts'
import { plain, shortDid, timeText } from './text.ts'

/** DIDs by what the reader calls them. */
export const namesOf =
  (subject: string, symbiont: Symbiont | undefined, hosts: readonly { did: string; name: string }[]) => (did: string) => {
    if (did === symbiont?.agent) return 'this device'
    const host = hosts.find((each) => each.did === did) ?? symbiont?.hosts().find((each) => each.did === did)
    if (host) return `${plain(host.name)} (${shortDid(did)})`
    return did === subject ? `the space ${shortDid(did)}` : shortDid(did)
  }

/** From the root down, as authority flows; where a link has several above it, each is shown on its way. */
export const tree = (link: InspectedLink, names: (did: string) => string, output: Output, last = true): string[] => {
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

export const problemLines = (problems: readonly Problem[], { paint }: Output): string[] =>
  problems.map(({ code, message }) => `      ${paint('red', code)}   ${plain(message)}`)
