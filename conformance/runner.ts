import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * The functions of a test runner. Those of `node:test` and of mocha fit as they are; of vitest, `beforeAll` is `before` and `afterAll` is `after`.
 * Some tests take seconds: let a test have 60.
 */
export interface Runner {
  describe(name: string, body: () => void): unknown
  it(name: string, test: () => void | Promise<void>): unknown
  before(hook: () => void | Promise<void>): unknown
  after(hook: () => void | Promise<void>): unknown
  beforeEach(hook: () => void | Promise<void>): unknown
  afterEach(hook: () => void | Promise<void>): unknown
}

/** Temporary folders of one suite, removed after it. */
export const folders = ({ after }: Runner): (() => string) => {
  const made: string[] = []
  after(() => {
    for (const path of made) rmSync(path, { recursive: true, force: true })
  })
  return () => {
    const path = mkdtempSync(join(tmpdir(), 'symbiosis-conformance-'))
    made.push(path)
    return path
  }
}
