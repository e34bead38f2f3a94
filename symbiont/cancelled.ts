import { Failure } from '@symbiosis/protocol'

/** The failure of a call that its caller gave up; what the caller aborted with is its `cause`. */
export const cancelled = (cause: unknown): Failure => new Failure('Cancelled', 'The call was cancelled before it was done.', {}, { cause })
