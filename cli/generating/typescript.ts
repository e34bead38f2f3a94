import type { JsonSchema } from '@symbiosis/protocol'
import type { AbilityDescription, Manifest, ServiceDescription } from '@symbiosis/protocol/manifest'
import { plain } from '../text.ts'

/**
 * TypeScript for clients that a symbiont makes of a manifest: `await symbiont.dynamic<PinClient>('pin')`, and `tryDynamic` with the same. What a host wrote ends up in code that people compile. So
 * texts stand in comments that they can't end, and names are names or quoted.
 */
export const typescriptOf = ({ host, seq }: Manifest, services: readonly ServiceDescription[]): string =>
  [
    `// Written by "symbiosis types", from manifest ${seq} of ${host}. It is not meant to be edited.`,
    "import type { Promised, SymbiontCallOptions } from '@symbiosis/symbiont'",
    "import type { CID } from 'multiformats/cid'",
    ...services.flatMap(clientOf),
    '',
  ].join('\n')

const clientOf = (service: ServiceDescription): string[] => {
  const client = clientName(service.id)
  const abilities = Object.values(service.abilities)
  return [
    '',
    comment(`${service.about}. For \`symbiont.dynamic<${client}>('${service.id}')\`, or \`tryDynamic\`.`),
    `export interface ${client} {`,
    ...abilities.flatMap((ability) => [indent(comment(about(ability))), indent(methodOf(client, ability))]),
    '}',
    '',
    `export declare namespace ${client} {`,
    ...abilities.flatMap(({ name, nb, ok, errors }) => [
      `  export type ${upper(name)}Input = ${indent(typeOf(nb)).trimStart()}`,
      `  export type ${upper(name)}Output = ${indent(typeOf(ok)).trimStart()}`,
      ...(Object.keys(errors).length > 0
        ? [`  export interface ${upper(name)}Errors ${indent(fieldsOf(errors, Object.keys(errors))).trimStart()}`]
        : []),
    ]),
    '}',
  ]
}

/**
 * `PinClient` for `pin`. No two ids have one name, and none has that of something else: what is lost with a dash shows in a capital or an underscore.
 */
const clientName = (id: string): string => {
  const parts = id.split('-').map((part) => (part === '' ? '_' : /^\d/.test(part) ? `_${part}` : upper(part)))
  return `${parts.join('')}Client`
}

const upper = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`

const about = ({ about, errors, authority }: AbilityDescription): string => {
  const names = Object.keys(errors)
  const needs = { open: 'Open to all', leased: 'Needs a lease', operator: 'For operators' }[authority]
  return `${about}. ${needs}.${names.length > 0 ? ` Fails with ${names.join(', ')}.` : ''}`
}

const methodOf = (client: string, { name, nb, stream, errors }: AbilityDescription): string => {
  const body = stream === 'in' ? 'options: SymbiontCallOptions & { body: ReadableStream<Uint8Array> }' : 'options?: SymbiontCallOptions'
  // Only what stands last may be left out.
  const may = stream !== 'in' && (nb.required ?? []).length === 0 ? '?' : ''
  const output = `${client}.${upper(name)}Output`
  const answer = stream === 'out' ? `{ ok: ${output}; body: ReadableStream<Uint8Array> }` : output
  const fails = Object.keys(errors).length > 0 ? `, ${client}.${upper(name)}Errors` : ''
  return `${name}(input${may}: ${client}.${upper(name)}Input, ${body}): Promised<${answer}${fails}>`
}

/** The type of what a schema admits. */
const typeOf = (schema: JsonSchema): string => {
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' | ') || 'never'
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if (schema.ipld === 'link') return 'CID'
  if (schema.ipld === 'bytes') return 'Uint8Array'
  switch (schema.type) {
    case 'string':
      return 'string'
    case 'integer':
      return 'number'
    case 'boolean':
      return 'boolean'
    case 'array':
      return `Array<${typeOf(schema.items ?? {})}>`
    case 'object':
      return schema.properties
        ? fieldsOf(schema.properties, schema.required ?? [])
        : `{ [key: string]: ${typeOf(schema.additionalProperties || {})} }`
    default:
      return 'unknown'
  }
}

const fieldsOf = (fields: { readonly [field: string]: JsonSchema }, required: readonly string[]): string => {
  const lines = Object.entries(fields).flatMap(([field, schema]) => [
    ...(schema.description ? [comment(schema.description)] : []),
    `${/^[A-Za-z_$][\w$]*$/.test(field) ? field : JSON.stringify(field)}${required.includes(field) ? '' : '?'}: ${typeOf(schema)}`,
  ])
  return lines.length > 0 ? `{\n${lines.map(indent).join('\n')}\n}` : 'Record<never, never>'
}

const comment = (text: string): string => `/** ${plain(text).replaceAll('*/', '* /').trim()} */`

const indent = (text: string): string => text.replace(/^(?=.)/gm, '  ')
