import { CAR_TYPE, Failure, type Page } from '@symbiosis/protocol'
import { encodeManifest, manifestJson, type SignedManifest } from '@symbiosis/protocol/manifest'
import type { Publisher } from './publisher.ts'

/** Where a host tells what it leases to whoever has HTTP and nothing else (RFC 8615). */
export const WELL_KNOWN = '/.well-known/symbiosis'

const DAG_JSON_TYPE = 'application/vnd.ipld.dag-json'

/** The manifest as a CAR for who accepts that, else as DAG-JSON; `?format=car` and `?format=dag-json` say so in the address. */
export const manifestPage = (publisher: Publisher, query: string, accept: string): Page => {
  const format = new URLSearchParams(query).get('format') ?? (accept.includes(CAR_TYPE) ? 'car' : 'dag-json')
  if (format !== 'car' && format !== 'dag-json')
    throw new Failure('Unsupported', 'The manifest is not told in that format.', { supported: ['car', 'dag-json'] })
  const manifest = publisher.current()
  return {
    status: 200,
    type: format === 'car' ? CAR_TYPE : DAG_JSON_TYPE,
    body: bodiesOf(manifest)[format],
    open: true,
    // It may be kept, and is asked for again each time: what is unchanged costs its headers.
    cache: 'no-cache',
    etag: `"${manifest.signature.cid}.${format}"`,
  }
}

type Bodies = Record<'car' | 'dag-json', string | Uint8Array>

/** Written once for each manifest: strangers ask for it, and writing costs more than sending. */
const bodies = new WeakMap<SignedManifest, Bodies>()

const bodiesOf = (manifest: SignedManifest): Bodies => {
  const written = bodies.get(manifest) ?? { car: encodeManifest(manifest), 'dag-json': `${manifestJson(manifest)}\n` }
  bodies.set(manifest, written)
  return written
}
