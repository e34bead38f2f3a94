import { fromBase64, toDagJson } from '../json.ts'
import { Refusal } from '../refusal.ts'
import { type Block, checkCid, cidOf, isLink, readCar, readCbor, readUcan } from '../strict.ts'
import type { Bounds, ManifestVector, Read } from './format.ts'
import { checkService } from './plain-service.ts'

/** What a vector expects, by stock libraries and plain words: nothing of the protocol's code is used. */
export const readPlainly = async (vector: ManifestVector, fileBounds: Bounds): Promise<Read> => {
  const bounds = { ...fileBounds, ...vector.bounds } as { readonly [bound: string]: number }
  const { host, now, seen } = vector
  const bytes = fromBase64(vector.manifest)
  if (bytes.length > (bounds.manifestBytes as number)) throw new Refusal('TooLarge')
  const most = { maxBlocks: (bounds.services as number) + 2, maxBlockBytes: bounds.manifestBlockBytes as number }
  const { roots, blocks } = await readCar(bytes, most)
  for (const block of blocks) await checkCid(block)
  const names = blocks.map(({ cid }) => String(cid))
  if (new Set(names).size !== names.length) throw new Refusal('NotCanonical')
  if (blocks.length < 2 || roots.length !== 1 || String(roots[0]) !== names[0]) throw new Refusal('Malformed')
  const [first, rootBlock, ...services] = blocks as [Block, Block, ...Block[]]
  const { root, seq, expires } = readSignature(first, host, now, bounds)
  if (root !== names[1]) throw new Refusal('Malformed')
  const model = readRoot(readCbor(rootBlock.bytes) as Model)
  if (model.host !== host) throw new Refusal('WrongAudience')
  if (model.seq !== seq) throw new Refusal('BadSignature')
  if (seen && seq < seen.seq) throw new Refusal('Replayed')
  if (seen && seq === seen.seq && root !== seen.root) throw new Refusal('BadSignature')
  return { seq, root, expires, endpoints: model.endpoints, services: await readServices(model.services, services, vector, bounds) }
}

type Model = { readonly [field: string]: unknown }
interface Root {
  host: string
  seq: number
  endpoints: string[]
  services: { [id: string]: unknown }
}

const readSignature = (block: Block, host: string, now: number, { manifestLife = 0 }: Bounds) => {
  const { issuer, capabilities, expiration, notBefore = 0, signed } = readUcan(block.bytes)
  if (issuer !== host) throw new Refusal('WrongAudience')
  const [{ can, with: resource, nb } = { can: '', with: '' }, ...more] = capabilities
  const fields = Object.keys(nb ?? {})
    .sort()
    .join()
  const isOne = can === 'manifest/publish' && resource === host && more.length === 0 && fields === 'root,seq'
  if (!isOne || !isLink(nb?.root) || !Number.isInteger(nb?.seq)) throw new Refusal('Malformed')
  if (!signed) throw new Refusal('BadSignature')
  if (expiration === null || expiration - now > manifestLife + 60) throw new Refusal('TooLong')
  if (now - expiration > 60) throw new Refusal('Expired')
  if (notBefore - now > 60) throw new Refusal('TooEarly')
  return { root: String(nb.root), seq: nb.seq as number, expires: expiration }
}

const readRoot = (model: Model): Root => {
  if (typeof model.v === 'number' && model.v !== 1) throw new Refusal('Unsupported')
  const { v, host, seq, prev, log, endpoints, services, ...more } = model
  const isText = (value: unknown) => typeof value === 'string'
  const isGood =
    v === 1 &&
    isText(host) &&
    Number.isInteger(seq) &&
    (seq as number) >= 1 &&
    (prev === undefined || isLink(prev)) &&
    isText((log as Model | null)?.key) &&
    Array.isArray(endpoints) &&
    endpoints.every(isText) &&
    Object.values(services as object).every(isLink) &&
    Object.keys(more).length === 0
  if (!isGood) throw new Refusal('Malformed')
  return model as unknown as Root
}

const readServices = async (
  links: Root['services'],
  brought: readonly Block[],
  { have = [] }: ManifestVector,
  bounds: Bounds,
): Promise<Read['services']> => {
  const ids = Object.keys(links).sort()
  if (ids.length > (bounds.services as number)) throw new Refusal('TooLarge')
  const kept = await Promise.all(have.map(fromBase64).map(async (bytes) => ({ cid: await cidOf(bytes), bytes })))
  const found = ids.map((id) => [...brought, ...kept].find(({ cid }) => String(cid) === String(links[id])))
  if (found.includes(undefined)) throw new Refusal('Malformed')
  const inOrder = found.filter((block) => brought.includes(block as Block))
  if (inOrder.length !== brought.length || inOrder.some((block, index) => block !== brought[index])) throw new Refusal('NotCanonical')
  const read = ids.map((id, index) => {
    const service = readCbor((found[index] as Block).bytes)
    checkService(id, service, bounds)
    return [id, toDagJson(service)]
  })
  return Object.fromEntries(read)
}
