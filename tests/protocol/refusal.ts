import assert from 'node:assert/strict'
import { Failure } from '@symbiosis/protocol'

/** That `run` is refused with this code and these details. */
export const refuses = (run: () => unknown, name: string, details: Record<string, unknown> = {}): void => {
  assert.throws(run, (thrown) => isRefusal(thrown, name, details))
}

export const rejects = (promise: Promise<unknown>, name: string, details: Record<string, unknown> = {}): Promise<void> =>
  assert.rejects(promise, (thrown) => isRefusal(thrown, name, details))

const isRefusal = (thrown: unknown, name: string, details: Record<string, unknown>): true => {
  if (!(thrown instanceof Failure)) throw thrown
  assert.equal(thrown.name, name, thrown.message)
  for (const [field, value] of Object.entries(details)) assert.deepEqual(thrown.details[field], value, field)
  return true
}
