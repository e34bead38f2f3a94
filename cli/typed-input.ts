import { asLink, Failure, type JsonSchema, type Value } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'

/**
 * Input as a person types it: DAG-JSON, and where the schema has a link its text alone. That it fits the schema is for the call to say.
 * @throws Failure InvalidInput
 */
export const inputFrom = (text: string, schema: JsonSchema): object => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new Failure('InvalidInput', 'The input is no JSON.', { field: 'input', hint: `Write it like '{ "name": "sea" }'.` }, { cause })
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new Failure('InvalidInput', 'The input is no JSON object.', { field: 'input', hint: `Write it like '{ "name": "sea" }'.` })
  return typed(json, schema) as object
}

const typed = (json: unknown, schema: JsonSchema | undefined): Value => {
  if (typeof json === 'string') return schema?.ipld === 'link' ? (linkOf(json) ?? json) : json
  if (typeof json !== 'object' || json === null) return json as Value
  if (Array.isArray(json)) return json.map((each) => typed(each, schema?.items))
  const special = specialOf(json)
  if (special !== undefined) return special
  return Object.fromEntries(Object.entries(json).map(([field, value]) => [field, typed(value, fieldOf(schema, field))]))
}

const fieldOf = ({ properties, additionalProperties }: JsonSchema = {}, field: string): JsonSchema | undefined =>
  properties && Object.hasOwn(properties, field) ? properties[field] : additionalProperties || undefined

/** Links and bytes of DAG-JSON: `{ "/": "bafy..." }`, `{ "/": { "bytes": "..." } }`. */
const specialOf = (json: object): CID | Uint8Array | undefined => {
  const { '/': content, ...more } = json as { '/'?: unknown }
  if (content === undefined || Object.keys(more).length > 0) return undefined
  if (typeof content === 'string') return linkOf(content)
  const { bytes } = (content ?? {}) as { bytes?: unknown }
  return typeof bytes === 'string' ? new Uint8Array(Buffer.from(bytes, 'base64')) : undefined
}

const linkOf = (text: string): CID | undefined => {
  try {
    return asLink(CID.parse(text))
  } catch {
    return undefined
  }
}
