import { type Block, DAG_CBOR, verifyBlock } from '../block.ts'
import { decodeCar, encodeCar } from '../car.ts'
import { Failure } from '../failure.ts'
import { textOf } from '../link.ts'
import { decodeUcan, type Ucan } from '../ucan.ts'
import type { ManifestBounds } from './bounds.ts'
import type { ManifestBlocks } from './build.ts'

/** A manifest with what signs it. */
export interface SignedManifest extends ManifestBlocks {
  readonly signature: Ucan
}

/** As it travels: a CAR whose root is the signature; behind it the manifest's root, then services, less those that the reader has. */
export const encodeManifest = ({ signature, root, services }: SignedManifest, has: (block: Block) => boolean = () => false): Uint8Array =>
  encodeCar({
    roots: [signature.cid],
    blocks: [{ cid: signature.cid, bytes: signature.bytes }, root, ...services.filter((service) => !has(service))],
  })

/** What a CAR has of a manifest: that it is all, and whose, is for `verifyManifest` to find. */
export interface Packed {
  readonly signature: Ucan
  readonly root: Block
  readonly services: readonly Block[]
}

/**
 * Reads the CAR of a manifest. Each block has its own hash, and stands there once.
 * @throws Failure TooLarge, Malformed, BadHash, NotCanonical, Unsupported
 */
export const decodeManifest = (bytes: Uint8Array, bounds: ManifestBounds): Packed => {
  const { manifestBytes, manifestBlockBytes, services: most } = bounds
  if (bytes.length > manifestBytes)
    throw new Failure('TooLarge', `A manifest of ${bytes.length} bytes; ${manifestBytes} are allowed.`, {
      field: 'manifestBytes',
      limit: manifestBytes,
      asked: bytes.length,
    })
  const { roots, blocks } = decodeCar(bytes, { maxBlocks: most + 2, maxBlockBytes: manifestBlockBytes })
  const seen = new Set<string>()
  for (const block of blocks) {
    mustBePlain(block)
    verifyBlock(block)
    const link = textOf(block.cid)
    if (seen.has(link)) throw new Failure('NotCanonical', 'A manifest has a block twice.', { link })
    seen.add(link)
  }
  const [first, root, ...services] = blocks
  if (!first || !root || roots.length !== 1 || !roots[0]?.equals(first.cid))
    throw new Failure('Malformed', 'A manifest does not begin with its signature and its root.')
  return { signature: decodeUcan(first.cid, first.bytes), root, services }
}

/** One block, one CID: under a second one a service would be another. */
const mustBePlain = ({ cid }: Block): void => {
  if (cid.code !== DAG_CBOR || cid.multihash.code !== 0x12 || cid.multihash.size !== 32)
    throw new Failure('NotCanonical', 'A block of a manifest is not named by CIDv1, dag-cbor and sha2-256.', { link: String(cid) })
}
