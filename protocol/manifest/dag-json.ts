import { base64 } from '../base64.ts'
import { decode, type Value } from '../cbor.ts'
import { asLink, textOf } from '../link.ts'
import type { SignedManifest } from './packing.ts'

/**
 * A value as DAG-JSON: links and bytes as maps under "/", keys in order, no spaces. Text at once, since a JavaScript object would put keys that look like
 * numbers first. Source: https://ipld.io/specs/codecs/dag-json/spec/
 */
export const dagJson = (value: Value): string => {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (value instanceof Uint8Array) return `{"/":{"bytes":"${base64(value).replaceAll('=', '')}"}}`
  const cid = asLink(value)
  if (cid) return `{"/":"${textOf(cid)}"}`
  if (Array.isArray(value)) return `[${value.map(dagJson).join(',')}]`
  const map = value as { readonly [key: string]: Value }
  return `{${Object.keys(map)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${dagJson(map[key] as Value)}`)
    .join(',')}}`
}

/**
 * A manifest for people with curl, and for languages without CAR: its blocks by what they are. Whoever writes each as DAG-CBOR again has the bytes that the
 * links are of.
 */
export const manifestJson = ({ signature, root, services }: SignedManifest): string => {
  const described = services.map(({ bytes }) => decode(bytes) as { readonly id: string; readonly [field: string]: Value })
  return dagJson({
    signature: decode(signature.bytes),
    manifest: decode(root.bytes),
    services: Object.fromEntries(described.map((service) => [service.id, service])),
  })
}
