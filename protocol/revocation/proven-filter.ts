import { cidOf } from '../block.ts'
import type { DID } from '../principal.ts'
import type { FilterEntry } from './entry.ts'
import { decodeFilterHead, type FilterHead } from './filter.ts'
import type { LoggedFilter } from './logged-filter.ts'
import { inLog, unproved } from './proven.ts'
import type { SignedCheckpoint } from './signed-checkpoint.ts'

/** A filter that a host stands by. */
export interface ProvenFilter {
  readonly entry: FilterEntry
  readonly head: FilterHead
  readonly checkpoint: SignedCheckpoint
}

/**
 * Verifies that a host's log claims the filter with this head. That it is the true one, only who has the log's entries can tell; what is verified here
 * convicts the host where it isn't.
 * @throws Failure BadSignature where the log doesn't, or the filter is false on the face of it; Malformed, NotCanonical, TooLarge
 */
export const verifyLoggedFilter = ({ head: bytes, ...logged }: LoggedFilter, host: DID): ProvenFilter => {
  const { entry, checkpoint } = inLog(logged, host)
  if (entry.kind !== 'filter') throw unproved('is of no filter', 'entry')
  if (!cidOf(bytes).equals(entry.root)) throw unproved('is of a filter with another head', 'head')
  if (entry.size > logged.index) throw unproved('claims a filter of more entries than stand before it', 'size')
  return { entry, head: decodeFilterHead(bytes), checkpoint }
}
