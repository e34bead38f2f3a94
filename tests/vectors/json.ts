import { CID } from 'multiformats/cid'
import type { Base64, DagJson } from './format.ts'

export const toBase64 = (bytes: Uint8Array): Base64 => Buffer.from(bytes).toString('base64')
export const fromBase64 = (text: Base64): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))

export const toDagJson = (value: unknown): DagJson => {
  if (value === null || typeof value !== 'object') return value as DagJson
  if (value instanceof Uint8Array) return { '/': { bytes: toBase64(value).replaceAll('=', '') } }
  const cid = (value as { asCID?: unknown }).asCID === value ? CID.asCID(value as CID) : undefined
  if (cid) return { '/': String(cid) }
  if (Array.isArray(value)) return value.map(toDagJson)
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, field]) => [key, toDagJson(field)]))
}
