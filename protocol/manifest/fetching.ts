import type { Block } from '../block.ts'
import { unwrap } from '../failure.ts'
import { type Caller, invoke } from '../invoke.ts'
import type { ManifestBounds } from './bounds.ts'
import { manifest } from './service.ts'
import { type Manifest, type SeenManifest, verifyManifest } from './verify.ts'

/** What is known before a manifest is asked for. */
export interface FetchManifestOptions {
  /** What was seen of that host before. */
  seen?: SeenManifest
  /** Services that are at hand: those of them that are still as they were are not sent again. */
  have?: readonly Block[]
  bounds?: Partial<ManifestBounds>
  signal?: AbortSignal
}

/**
 * Asks a host for its manifest and verifies it.
 * @throws Failure, as `verifyManifest` and `invoke` do
 */
export const fetchManifest = async (
  caller: Caller,
  { have = [], signal, ...expectation }: FetchManifestOptions = {},
): Promise<Manifest> => {
  const input = have.length > 0 ? { have: have.map(({ cid }) => cid) } : {}
  const { result } = await invoke(caller, manifest, 'get', input, { ...(signal && { signal }) })
  return verifyManifest(unwrap(result).manifest, { host: caller.host, now: caller.now(), have, ...expectation })
}
