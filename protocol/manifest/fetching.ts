import type { Block } from '../block.ts'
import { unwrap } from '../failure.ts'
import { type Caller, invoke } from '../invoke.ts'
import type { SignedCheckpoint } from '../revocation/signed-checkpoint.ts'
import type { ManifestBounds } from './bounds.ts'
import { verifyLoggedManifest } from './logged.ts'
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

/** A manifest that its host's log was shown to have. */
export interface LoggedManifest extends Manifest {
  /** What the log was then. */
  readonly checkpoint: SignedCheckpoint
}

/**
 * Asks a host for its manifest, and verifies it and that the host's log has it.
 * @throws Failure, as `verifyManifest`, `verifyLoggedManifest` and `invoke` do
 */
export const fetchManifest = async (
  caller: Caller,
  { have = [], signal, ...expectation }: FetchManifestOptions = {},
): Promise<LoggedManifest> => {
  const input = have.length > 0 ? { have: have.map(({ cid }) => cid) } : {}
  const { result } = await invoke(caller, manifest, 'get', input, { ...(signal && { signal }) })
  const { manifest: bytes, log } = unwrap(result)
  const read = verifyManifest(bytes, { host: caller.host, now: caller.now(), have, ...expectation })
  return { ...read, checkpoint: verifyLoggedManifest(read, log) }
}
