import type { CID } from 'multiformats/cid'
import { type Block, cidOf } from '../block.ts'
import { decode, type Value } from '../cbor.ts'
import { CLOCK_SKEW } from '../clock.ts'
import { Failure } from '../failure.ts'
import { asLink, textOf } from '../link.ts'
import type { DID } from '../principal.ts'
import { mustMatch } from '../schema.ts'
import { isSigned, type Ucan } from '../ucan.ts'
import { MANIFEST_BOUNDS, type ManifestBounds } from './bounds.ts'
import { PUBLISH } from './build.ts'
import { decodeManifest } from './packing.ts'
import { mustBeService } from './service-shape.ts'
import { type ManifestRoot, rootShape, type ServiceDescription, VERSION } from './shape.ts'

/** A manifest that the host was found to have signed, and that is good now. */
export interface Manifest extends Omit<ManifestRoot, 'v' | 'services'> {
  readonly root: CID
  /** Until when it may be believed without asking again, Unix seconds. */
  readonly expires: number
  /** By id, in the order of the ids. */
  readonly services: ReadonlyMap<string, ServiceDescription>
  /** Of the services, to be handed to the next verification as `have`. */
  readonly blocks: readonly Block[]
}

/** The last manifest that was seen of a host. */
export interface SeenManifest {
  readonly seq: number
  /** Text of its root's CID. */
  readonly root: string
}

/** Whose manifest has to come, and what is known of it. */
export interface ManifestExpectation {
  /** Whose manifest it has to be. */
  host: DID
  /** Unix seconds. */
  now: number
  /** What was seen before: nothing older is believed after it. */
  seen?: SeenManifest
  /** Blocks of services that are here, and may be missing there. */
  have?: readonly Block[]
  bounds?: Partial<ManifestBounds>
}

/**
 * Reads a manifest and holds it to whom it is expected from.
 * @throws Failure WrongAudience (another's), BadSignature, Expired, TooEarly, TooLong (good for too long), Replayed (older than one seen), Malformed (also
 * where a block is missing: see `link`), NotCanonical, BadHash, Unsupported (an unknown `v`, an unknown kind of schema), TooLarge
 */
export const verifyManifest = (bytes: Uint8Array, { host, now, seen, have = [], ...rest }: ManifestExpectation): Manifest => {
  const bounds = { ...MANIFEST_BOUNDS, ...rest.bounds }
  const { signature, root: rootBlock, services: brought } = decodeManifest(bytes, bounds)
  const signed = mustBeSigned(signature, host)
  const expires = mustBeInTime(signature, now, bounds)
  if (!signed.root.equals(rootBlock.cid))
    throw new Failure('Malformed', 'A manifest lacks the root that its signature names.', { link: textOf(signed.root) })
  const { services: links, v: _, ...root } = readRoot(rootBlock.bytes)
  if (root.host !== host) throw wrongHost(root.host, host)
  if (root.seq !== signed.seq) throw new Failure('BadSignature', 'A manifest has another number than its signature.', { field: 'seq' })
  if (seen) mustFollow(root, rootBlock.cid, seen)
  if (Object.keys(links).length > bounds.services)
    throw new Failure('TooLarge', `A manifest names more than ${bounds.services} services.`, { field: 'services', limit: bounds.services })
  const blocks = blocksOf(links, brought, have)
  const services = new Map(blocks.map(([id, { bytes: service }]) => [id, mustBeService(decode(service), id, bounds)]))
  return { ...root, root: rootBlock.cid, expires, services, blocks: blocks.map(([, block]) => block) }
}

const wrongHost = (by: string, expected: DID) =>
  new Failure('WrongAudience', `The manifest is of ${by.slice(0, 80)}, not of ${expected}.`, {
    by,
    hint: 'Ask the owner of the host for its address and DID.',
  })

const mustBeSigned = (ucan: Ucan, host: DID): { root: CID; seq: number } => {
  const link = textOf(ucan.cid)
  if (ucan.issuer !== host) throw wrongHost(ucan.issuer, host)
  const [capability, ...more] = ucan.capabilities
  const root = asLink(capability?.nb?.root)
  const seq = capability?.nb?.seq
  const says = capability?.can === PUBLISH && capability.with === host && more.length === 0
  if (!says || !root || typeof seq !== 'number' || Object.keys(capability.nb ?? {}).length !== 2)
    throw new Failure('Malformed', 'What comes with a manifest is no signature of one.', { link })
  if (!isSigned(ucan)) throw new Failure('BadSignature', 'The host did not sign this manifest.', { link })
  return { root, seq }
}

const mustBeInTime = ({ cid, expiration, notBefore = 0 }: Ucan, now: number, { manifestLife }: ManifestBounds): number => {
  const link = textOf(cid)
  if (expiration === null || expiration > now + manifestLife + CLOCK_SKEW)
    throw new Failure('TooLong', `A manifest is signed for more than ${manifestLife} seconds.`, {
      link,
      field: 'manifestLife',
      limit: manifestLife,
      hint: 'Whoever could keep newer ones away would be believed for as long: ask the owner of the host.',
    })
  if (expiration + CLOCK_SKEW < now)
    throw new Failure('Expired', 'The signature of the manifest has ended.', {
      link,
      at: expiration,
      hint: 'Somebody keeps newer ones away, or the host has not run since: ask the host itself.',
    })
  if (notBefore > now + CLOCK_SKEW) throw new Failure('TooEarly', 'The signature of the manifest has not begun.', { link, at: notBefore })
  return expiration
}

const readRoot = (bytes: Uint8Array): ManifestRoot => {
  const value = decode(bytes)
  const version = (value as { readonly v?: Value } | null)?.v
  if (typeof version === 'number' && version !== VERSION)
    throw new Failure('Unsupported', `A manifest is of version ${version}; ${VERSION} is read here.`, {
      field: 'v',
      hint: 'Use a newer version of Symbiosis.',
    })
  mustMatch(rootShape, value, 'A manifest', 'Malformed')
  return value as unknown as ManifestRoot
}

/**
 * Who could bring an older manifest back could bring back what the host has taken out of it.
 * @throws Failure Replayed for an older one, BadSignature for another one with the same number
 */
export const mustFollow = ({ seq }: { seq: number }, root: CID, seen: SeenManifest): void => {
  if (seq > seen.seq || (seq === seen.seq && textOf(root) === seen.root)) return
  const hint = 'Somebody brings old ones back, or the host was set back: ask its owner. If that is so, forget the host and pair again.'
  if (seq === seen.seq)
    throw new Failure('BadSignature', `The host has signed two manifests with the number ${seq}.`, { field: 'root', hint })
  throw new Failure('Replayed', `The manifest has the number ${seq}, where ${seen.seq} was seen before.`, {
    field: 'seq',
    limit: seen.seq,
    asked: seq,
    hint,
  })
}

/** A block for each service, from what came or what is here. What is neither is missing, and what nothing names has no place. */
const blocksOf = (links: ManifestRoot['services'], brought: readonly Block[], have: readonly Block[]): [string, Block][] => {
  const byLink = new Map([...have, ...brought].map((block) => [textOf(block.cid), block]))
  const entries = Object.entries(links).sort(([a], [b]) => (a < b ? -1 : 1))
  const blocks = entries.map(([id, cid]): [string, Block] => {
    const block = byLink.get(textOf(cid))
    // Those that are here say themselves what they are called.
    if (!block || !cidOf(block.bytes).equals(cid))
      throw new Failure('Malformed', `A manifest lacks the block of "${id.slice(0, 64)}".`, { link: textOf(cid) })
    return [id, block]
  })
  const named = blocks.map(([, block]) => block)
  const expected = named.filter((block) => brought.includes(block))
  if (brought.length !== expected.length || brought.some((block, index) => block !== expected[index]))
    throw new Failure('NotCanonical', 'A manifest has blocks that it does not name, or in another order.')
  return blocks
}
