import type { JsonSchema } from '@symbiosis/protocol'
import type { AbilityDescription, Manifest, ServiceDescription } from '@symbiosis/protocol/manifest'
import { formatDuration } from '@symbiosis/symbiont'
import { amountText } from '../lease-table.ts'
import { plain, timeText } from '../text.ts'

/** Pages in Markdown by their file names: one for each service, and one that leads to them. */
export const pagesOf = (manifest: Manifest, services: readonly ServiceDescription[]): Map<string, string> =>
  new Map([
    ['README.md', indexOf(manifest, services)],
    ...services.map((service): [string, string] => [`${service.id}.md`, pageOf(service)]),
  ])

const indexOf = ({ host, seq, expires, endpoints }: Manifest, services: readonly ServiceDescription[]): string => {
  const leases = (service: ServiceDescription) => Object.values(service.abilities).some(({ authority }) => authority === 'leased')
  const listed = (some: readonly ServiceDescription[]) =>
    rows(
      ['service', 'what it does', 'abilities'],
      some.map(({ id, about, abilities }) => [
        `[${id}](${id}.md)`,
        words(about),
        Object.values(abilities)
          .map(({ name }) => code(name))
          .join(', '),
      ]),
    )
  const [leased, others] = [services.filter(leases), services.filter((service) => !leases(service))]
  return page([
    '# What this host leases',
    `\`${host}\` says so in its manifest ${seq}, which is good until ${timeText(expires)}.`,
    ...(endpoints.length > 0 ? [`It is reached at ${endpoints.map(code).join(', ')}.`] : []),
    ...(leased.length > 0 ? [listed(leased)] : []),
    ...(others.length > 0 ? ['## What it answers without a lease', listed(others)] : []),
  ])
}

const pageOf = ({ id, rev, about, abilities, limits, terms }: ServiceDescription): string =>
  page([
    `# ${id}`,
    `${words(about)}. This is revision ${rev}.`,
    ...section(
      'Limits',
      ['limit', 'what it bounds', 'unless asked for'],
      Object.entries(limits).map(([name, limit]) => [
        code(name),
        words(limit.about),
        amountText(limit.unit === 'bytes' ? 'bytes' : name, limit.default),
      ]),
    ),
    ...section(
      'Terms',
      ['term', 'what the host says'],
      Object.entries(terms).map(([name, value]) => [
        code(name),
        words(name === 'maxLease' ? formatDuration(Number(value)) : String(value)),
      ]),
    ),
    ...Object.entries(abilities).flatMap(([can, ability]) => abilityOf(can, ability)),
  ])

const NEEDS = { open: 'open to all', leased: 'needs a lease', operator: 'for operators of the host' } as const
const EFFECT = { read: 'changes nothing', idempotent: 'twice is as good as once', once: 'runs once, however often it arrives' } as const
const STREAM = { none: [], in: ['takes a stream of bytes'], out: ['gives a stream of bytes'] } as const

const abilityOf = (can: string, { about, authority, effect, stream, nb, ok, errors }: AbilityDescription): string[] => [
  `## ${can}`,
  `${words(about)}. ${[NEEDS[authority], EFFECT[effect], ...STREAM[stream]].join('; ').replace(/^./, (first) => first.toUpperCase())}.`,
  ...fields('Takes', nb),
  ...fields('Gives', ok),
  ...Object.entries(errors).flatMap(([name, schema]) => fields(`Fails with ${name}`, schema)),
]

const fields = (title: string, schema: JsonSchema): string[] => {
  const found = [...fieldsOf(schema, '')]
  if (found.length === 0) return [`**${title}** nothing.`]
  return [`**${title}**`, rows(['field', 'what stands there', 'note'], found)]
}

/** Every field, those of fields behind their own. */
function* fieldsOf(schema: JsonSchema, path: string): Generator<string[]> {
  if (schema.items) yield* fieldsOf(schema.items, `${path}[]`)
  if (schema.additionalProperties) yield* fieldsOf(schema.additionalProperties, `${path}{}`)
  for (const option of schema.anyOf ?? []) yield* fieldsOf(option, path)
  // The order of a manifest is that of its bytes, and tells a reader nothing.
  const isNeeded = (name: string) => schema.required?.includes(name) ?? false
  const properties = Object.entries(schema.properties ?? {}).sort(([one], [other]) => Number(isNeeded(other)) - Number(isNeeded(one)))
  for (const [name, field] of properties) {
    const place = path ? `${path}.${name}` : name
    const optional = isNeeded(name) ? '' : 'optional'
    yield [code(place), words(kindOf(field)), [optional, words(field.description ?? '')].filter(Boolean).join('; ')]
    yield* fieldsOf(field, place)
  }
}

/** What a schema admits, in words. */
const kindOf = ({ anyOf, enum: values, ipld, type, items, additionalProperties, ...bounds }: JsonSchema): string => {
  const { minLength, maxLength, minimum, maximum, maxItems, maxProperties } = bounds
  if (anyOf) return anyOf.map(kindOf).join(', or ')
  if (values) return `one of ${values.join(', ')}`
  if (ipld === 'link') return 'a link'
  if (ipld === 'bytes') return `bytes${range(minLength, maxLength)}`
  switch (type) {
    case 'string':
      return `text${range(minLength, maxLength, ' characters')}`
    case 'integer':
      return `a whole number${range(minimum, maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum)}`
    case 'boolean':
      return 'true or false'
    case 'array':
      return `a list${range(undefined, maxItems)} of: ${kindOf(items ?? {})}`
    default:
      return additionalProperties ? `a map${range(undefined, maxProperties)} of: ${kindOf(additionalProperties)}` : 'a map'
  }
}

const range = (least: number | undefined, most: number | undefined, unit = ''): string => {
  if (most === undefined) return least ? `, ${least}${unit} or more` : ''
  return least ? `, ${least} to ${most}${unit}` : `, up to ${most}${unit}`
}

const section = (title: string, head: readonly string[], body: readonly (readonly string[])[]): string[] =>
  body.length > 0 ? [`## ${title}`, rows(head, body)] : []

const rows = (head: readonly string[], body: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

const page = (parts: readonly string[]): string => `${parts.join('\n\n')}\n`

/** What a host wrote, as words and nothing else: neither HTML nor the end of a cell nor links, those included that readers make of bare addresses. */
const words = (text: string): string =>
  plain(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replace(/[\\`*_[\]#>|~@]|(?<=:)\/(?=\/)|(?<=www)\./gi, '\\$&')

const code = (text: string): string => (/^[\w.[\]{}:/-]+$/.test(text) ? `\`${text}\`` : words(text))
