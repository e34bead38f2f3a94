import { asLink, type JsonSchema, type Value } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'

/**
 * The value that parsed DAG-JSON stands for: `{ "/": "bafy..." }` is a link, `{ "/": { "bytes": "..." } }`, in base 64 without padding, bytes. Where a schema
 * has a link its text alone will do. What has neither form stays as it is, and fits no schema.
 * Source: https://ipld.io/specs/codecs/dag-json/spec/
 */
export const fromDagJson = (json: unknown, schema?: JsonSchema): Value => {
  if (typeof json === 'string') return schema?.ipld === 'link' ? (linkOf(json) ?? json) : json
  if (typeof json !== 'object' || json === null) return json as Value
  if (Array.isArray(json)) return json.map((each) => fromDagJson(each, schema?.items))
  const special = specialOf(json)
  if (special !== undefined) return special
  return Object.fromEntries(Object.entries(json).map(([field, value]) => [field, fromDagJson(value, fieldOf(schema, field))]))
}

const fieldOf = ({ properties, additionalProperties }: JsonSchema = {}, field: string): JsonSchema | undefined =>
  properties && Object.hasOwn(properties, field) ? properties[field] : additionalProperties || undefined

const specialOf = (json: object): CID | Uint8Array | undefined => {
  const { '/': content, ...more } = json as { '/'?: unknown }
  if (content === undefined || Object.keys(more).length > 0) return undefined
  if (typeof content === 'string') return linkOf(content)
  const { bytes } = (content ?? {}) as { bytes?: unknown }
  return typeof bytes === 'string' ? bytesOf(bytes) : undefined
}

const linkOf = (text: string): CID | undefined => {
  try {
    return asLink(CID.parse(text))
  } catch {
    return undefined
  }
}

/** Node takes what is no base 64 for its end: a body that was bent would be sent cut. */
const bytesOf = (text: string): Uint8Array | undefined => {
  const bytes = Buffer.from(text, 'base64')
  const isWhole = bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '')
  return isWhole ? new Uint8Array(bytes) : undefined
}
