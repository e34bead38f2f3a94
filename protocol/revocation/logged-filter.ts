import { bytes, type Infer, struct } from '../schema.ts'
import { loggedFields } from './logged.ts'

/** That a filter is a host's, without its shards: its entry, and the head that the entry links to. */
export const loggedFilter = struct({ ...loggedFields, head: bytes({ maxLength: 256, description: 'See `decodeFilterHead`' }) })

/** A filter's head, where it stands in its log, and what proves it. */
export type LoggedFilter = Infer<typeof loggedFilter>
