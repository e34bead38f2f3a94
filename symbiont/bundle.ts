import {
  type Block,
  check,
  cidOf,
  type DID,
  decode,
  decodeCar,
  encode,
  encodeCar,
  extract,
  Failure,
  isDid,
  link,
  list,
  type Proof,
  proofOf,
  struct,
  text,
  ucansOf,
  verifyBlock,
} from '@symbiosis/protocol'
import { base64url } from 'multiformats/bases/base64'
import type { CID } from 'multiformats/cid'

/** A host as a bundle tells of it. Nothing signs this: who answers there has to sign receipts. */
export interface BundleHost {
  did: DID
  name: string
  urls: string[]
}

/** All that a device needs to act: a delegation, the leases that matter for it, and where their hosts are. */
export interface Bundle {
  readonly delegation: Proof
  readonly leases: readonly Proof[]
  readonly hosts: BundleHost[]
}

const KIND = 'symbiosis/bundle@1'
const BOUNDS = { maxBlocks: 512, maxBlockBytes: 64 * 1024 }
const MAX_TOKEN = 4 * 1024 * 1024

const shape = struct({
  [KIND]: struct({
    delegation: link(),
    leases: list(link(), { maxItems: 256 }),
    hosts: list(
      struct({ did: text({ maxLength: 128 }), name: text({ maxLength: 256 }), urls: list(text({ maxLength: 512 }), { maxItems: 16 }) }),
      { maxItems: 64 },
    ),
  }),
})

/** A bundle as one line of text: "u", then base64url (RFC 4648, no padding) of a CAR whose root names the parts. */
export const encodeBundle = ({ delegation, leases, hosts }: Bundle): string => {
  const bytes = encode({
    [KIND]: { delegation: delegation.ucan.cid, leases: leases.map(({ ucan }) => ucan.cid), hosts: hosts.map((host) => ({ ...host })) },
  })
  const root = { cid: cidOf(bytes), bytes }
  const blocks = ucansOf([delegation, ...leases]).map((ucan) => ({ cid: ucan.cid, bytes: ucan.bytes }))
  return base64url.encode(encodeCar({ roots: [root.cid], blocks: [root, ...blocks] }))
}

/**
 * Reads a token, a bundle's CAR, or the archive of a delegation or lease alone, as text or bytes. Forms and hashes are checked, signatures not yet.
 * @throws Failure Malformed, BadHash, NotCanonical, TooLarge, Unsupported
 */
export const readBundle = (token: string | Uint8Array): Bundle => {
  const bytes = typeof token === 'string' ? bytesOf(token) : token
  const { roots, blocks } = decodeCar(bytes, BOUNDS)
  for (const block of blocks) verifyBlock(block)
  const root = blocks.find(({ cid }) => roots[0] && cid.equals(roots[0]))
  if (!root) throw malformed('does not carry its own root')
  const content = decode(root.bytes) as { [KIND]?: { delegation: CID; leases: CID[]; hosts: BundleHost[] } } | null
  const bundle = content?.[KIND]
  if (!bundle) return { delegation: extract(bytes), leases: [], hosts: [] }
  const mismatch = check(shape, content)
  if (mismatch) throw malformed(`has a bad field: ${mismatch.path} ${mismatch.message}`)
  const stranger = bundle.hosts.find(({ did }) => !isDid(did))
  if (stranger) throw malformed('names a host that has no DID')
  const whole = (cid: CID) => complete(proofOf(cid, blocks), blocks)
  return { delegation: whole(bundle.delegation), leases: bundle.leases.map(whole), hosts: bundle.hosts }
}

/** Whether a text is meant as a token, rather than as a CID. */
export const isToken = (text: string): boolean => text.length > 200 && text.startsWith('u')

/** A bundle carries every link; one that is absent was cut out. */
const complete = (proof: Proof, blocks: readonly Block[]): Proof => {
  const here = new Set(blocks.map(({ cid }) => String(cid)))
  const missing = [proof.ucan, ...proof.proofs].flatMap(({ proofs }) => proofs).find((cid) => !here.has(String(cid)))
  if (missing)
    throw new Failure('Malformed', 'The token lacks a link of its chain.', {
      link: String(missing),
      hint: 'Copy all of it, or ask for it again.',
    })
  return proof
}

const bytesOf = (token: string): Uint8Array => {
  const line = token.trim()
  if (line.length > MAX_TOKEN)
    throw new Failure('TooLarge', `A token of ${line.length} characters; ${MAX_TOKEN} are allowed.`, { field: 'token', limit: MAX_TOKEN })
  try {
    const bytes = base64url.decode(line)
    // One spelling: padding, or bits beyond the last byte, would be a second one.
    if (base64url.encode(bytes) === line) return bytes
  } catch {
    // the refusal below says it
  }
  throw malformed('is no text in multibase base64url')
}

const malformed = (what: string) =>
  new Failure('Malformed', `The token ${what}.`, { field: 'token', hint: 'Copy all of it, from the "u" to the end of the line.' })
