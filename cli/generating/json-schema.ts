import type { JsonSchema } from '@symbiosis/protocol'
import type { Manifest, ServiceDescription } from '@symbiosis/protocol/manifest'

/** What a schema is to tools that know JSON Schema and nothing of IPLD. */
type Document = { readonly [word: string]: unknown }

/**
 * A service as one JSON Schema document (2020-12), for values in DAG-JSON: `$defs` has `add.input`, `add.output` and `add.errors.NotFound`. Input is closed.
 * Output is open, since a later revision of the service may add to it.
 */
export const jsonSchemaOf = ({ host, seq }: Manifest, { id, rev, about, abilities }: ServiceDescription): Document => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: id,
  description: about,
  $comment: `Revision ${rev}, from manifest ${seq} of ${host}`,
  $defs: Object.fromEntries(
    Object.values(abilities).flatMap(({ name, about: description, nb, ok, errors }) => [
      [`${name}.input`, { description, ...asJson(nb, false) }],
      [`${name}.output`, asJson(ok, true)],
      ...Object.entries(errors).map(([error, schema]) => [`${name}.errors.${error}`, asJson(schema, true)]),
    ]),
  ),
})

const asJson = ({ ipld, maxLength, minLength, ...schema }: JsonSchema, open: boolean): Document => {
  const { properties, items, additionalProperties, anyOf, description, ...rest } = schema
  const described = { ...rest, ...(description !== undefined && { description }) }
  if (ipld === 'link') return { ...described, ...special({ type: 'string' }) }
  if (ipld === 'bytes') {
    // Base 64 without padding.
    const [least, most] = [minLength, maxLength].map((length) => length && Math.ceil((length * 4) / 3))
    const text = {
      type: 'string',
      contentEncoding: 'base64',
      ...(least && { minLength: least }),
      ...(most !== undefined && { maxLength: most }),
    }
    return { ...described, ...special({ type: 'object', properties: { bytes: text }, required: ['bytes'], additionalProperties: false }) }
  }
  const each = (some: { readonly [name: string]: JsonSchema }) =>
    Object.fromEntries(Object.entries(some).map(([name, below]) => [name, asJson(below, open)]))
  return {
    ...described,
    ...(minLength !== undefined && { minLength }),
    ...(maxLength !== undefined && { maxLength }),
    ...(properties && { properties: each(properties) }),
    ...(items && { items: asJson(items, open) }),
    ...(additionalProperties !== undefined && { additionalProperties: additionalProperties ? asJson(additionalProperties, open) : open }),
    ...(anyOf && { anyOf: anyOf.map((option) => asJson(option, open)) }),
  }
}

/** What JSON lacks stands in DAG-JSON as a map with the one key "/". */
const special = (content: Document): Document => ({
  type: 'object',
  properties: { '/': content },
  required: ['/'],
  additionalProperties: false,
})
