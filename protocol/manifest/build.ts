import { type Block, cidOf } from '../block.ts'
import { encode } from '../cbor.ts'
import type { Signer } from '../principal.ts'
import { issueUcan, type Ucan } from '../ucan.ts'
import { type ManifestRoot, type ServiceDescription, VERSION } from './shape.ts'

/** A manifest as blocks. */
export interface ManifestBlocks {
  readonly root: Block
  /** In the order of the services' ids. */
  readonly services: readonly Block[]
}

/** What a host says of itself, before it has a number. */
export type ManifestContent = Omit<ManifestRoot, 'v' | 'seq' | 'prev' | 'services'> & { readonly services: readonly ServiceDescription[] }

const blockOf = (value: unknown): Block => {
  const bytes = encode(value)
  return { cid: cidOf(bytes), bytes }
}

/**
 * The blocks of a manifest. The same content gives the same blocks, and a service that stays as it was keeps its CID.
 * @throws TypeError for two services with one id
 */
export const buildManifest = (content: ManifestContent, { seq, prev }: Pick<ManifestRoot, 'seq' | 'prev'>): ManifestBlocks => {
  const sorted = [...content.services].sort((a, b) => (a.id < b.id ? -1 : 1))
  const services = sorted.map(blockOf)
  const links = new Map(sorted.map(({ id }, index) => [id, (services[index] as Block).cid]))
  if (links.size !== sorted.length) throw new TypeError('Two services of a manifest have one id.')
  const { host, log, endpoints } = content
  return { root: blockOf({ v: VERSION, host, seq, prev, log, endpoints, services: links }), services }
}

/** What a manifest is signed by: `nb` has its root and number. */
export const PUBLISH = 'manifest/publish'

/** Signs a manifest, for as long as it may be believed without asking again: until `expiration`, Unix seconds. */
export const signManifest = (signer: Signer, { root, seq, expiration }: { root: Block; seq: number; expiration: number }): Promise<Ucan> =>
  issueUcan(signer, {
    audience: signer.did,
    capabilities: [{ can: PUBLISH, with: signer.did, nb: { root: root.cid, seq } }],
    expiration,
  })
