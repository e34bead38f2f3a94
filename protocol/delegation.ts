import type { CID } from 'multiformats/cid'
import { base64url } from './base64.ts'
import { type Block, cidOf, verifyBlock } from './block.ts'
import { decodeCar, encodeCar } from './car.ts'
import { decode, encode } from './cbor.ts'
import { Failure } from './failure.ts'
import { asLink, textOf } from './link.ts'
import type { DID, Signer } from './principal.ts'
import { type Capability, type Claims, decodeUcan, issueUcan, type Ucan } from './ucan.ts'

/** A UCAN with the UCANs that prove it: what is handed on, kept in wallets, and shown with calls. */
export interface Proof {
  readonly ucan: Ucan
  /** The UCANs below `ucan`'s `prf`, as far as they are at hand, each once. */
  readonly proofs: readonly Ucan[]
}

const VARIANT = 'ucan@0.9.1'
const ARCHIVE_BOUNDS = { maxBlocks: 256, maxBlockBytes: 64 * 1024 }

/** Delegates (or leases onward): signs the capabilities to `audience`, on the strength of `proofs`. */
export const delegate = async (
  signer: Signer,
  delegation: {
    audience: DID
    capabilities: readonly Capability[]
    expiration: number | null
    notBefore?: number
    facts?: Claims['facts']
    proofs?: readonly Proof[]
  },
): Promise<Proof> => {
  const { audience, capabilities, expiration, notBefore, facts, proofs = [] } = delegation
  const ucan = await issueUcan(signer, {
    audience,
    capabilities,
    expiration,
    ...(notBefore !== undefined && { notBefore }),
    ...(facts && { facts }),
    proofs: proofs.map((proof) => proof.ucan.cid),
    // Two delegations that say the same must not share a CID, or revoking one would revoke both.
    nonce: nonce(),
  })
  return { ucan, proofs: ucansOf(proofs) }
}

const NONCE_BYTES = 9
/** Bytes for many nonces at a time: asking the runtime costs as much as a tenth of a signature. */
const random = new Uint8Array(128 * NONCE_BYTES)
let used = random.length

/** Twelve letters that nobody has used before. */
export const nonce = (): string => {
  if (used === random.length) {
    crypto.getRandomValues(random)
    used = 0
  }
  used += NONCE_BYTES
  return base64url(random.subarray(used - NONCE_BYTES, used))
}

/** All UCANs of some proofs, each once. */
export const ucansOf = (proofs: readonly Proof[]): Ucan[] => {
  const ucans = new Map<string, Ucan>()
  for (const { ucan, proofs: below } of proofs) for (const each of [...below, ucan]) ucans.set(textOf(each.cid), each)
  return [...ucans.values()]
}

/** The bytes that `Delegation.extract` of @ucanto/core reads. */
export const archive = ({ ucan, proofs }: Proof): Uint8Array => {
  const bytes = encode({ [VARIANT]: ucan.cid })
  const root = { cid: cidOf(bytes), bytes }
  return encodeCar({ roots: [root.cid], blocks: [...proofs, ucan, root].map((block) => ({ cid: block.cid, bytes: block.bytes })) })
}

/**
 * Reads an archive. Forms and hashes are checked, signatures are not: whoever relies on a proof is told by a host, or by `inspect`.
 * @throws Failure Malformed, NotCanonical, BadHash, TooLarge
 */
export const extract = (bytes: Uint8Array): Proof => {
  const { roots, blocks } = decodeCar(bytes, ARCHIVE_BOUNDS)
  const root = blocks.find(({ cid }) => roots[0] && cid.equals(roots[0]))
  const cid = root && asLink((decode(root.bytes) as { [VARIANT]?: unknown } | null)?.[VARIANT])
  if (!cid) throw new Failure('Malformed', 'These bytes are no archive of a delegation.')
  return proofOf(cid, blocks)
}

/**
 * The proof with the given CID among blocks that came in any order, and what it names of them.
 * @throws Failure Malformed (absent), NotCanonical, BadHash
 */
export const proofOf = (cid: CID, blocks: readonly Block[]): Proof => {
  const byCid = new Map(blocks.map((block) => [textOf(block.cid), block]))
  const found = new Map<string, Ucan>()
  const visit = (link: CID): void => {
    const block = byCid.get(textOf(link))
    if (!block || found.has(textOf(link))) return
    verifyBlock(block)
    const ucan = decodeUcan(block.cid, block.bytes)
    found.set(textOf(link), ucan)
    for (const proof of ucan.proofs) visit(proof)
  }
  visit(cid)
  const ucan = found.get(textOf(cid))
  if (!ucan) throw new Failure('Malformed', 'An archive lacks the delegation that it names.', { link: textOf(cid) })
  found.delete(textOf(cid))
  return { ucan, proofs: [...found.values()] }
}
