import { CID } from 'multiformats/cid'

/** What DAG-JSON, parsed as JSON, stands for. */
export const fromDagJson = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(fromDagJson)
  const { '/': special } = value as { '/'?: string | { bytes: string } }
  if (typeof special === 'string') return CID.parse(special)
  if (special) return new Uint8Array(Buffer.from(special.bytes, 'base64'))
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, fromDagJson(field)]))
}
