import type { Runner } from '@symbiosis/conformance'

/** The runner of these tests. */
export const mocha: Runner = { describe, it, before, after, beforeEach, afterEach }
