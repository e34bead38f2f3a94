import assert from 'node:assert/strict'
import { dag } from '@symbiosis/capabilities/dag'
import { type Calls, push } from '@symbiosis/capabilities/dag/symbiont'
import type { Answered, Code, Refusal } from '@symbiosis/protocol'
import type { Downloaded, Refused, Symbiont } from '@symbiosis/symbiont'
import { shelf } from './world.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <T extends true>(): T => true as T

/** Never run: the compiler is the test. */
const typed = async (symbiont: Symbiont, body: ReadableStream<Uint8Array>): Promise<void> => {
  const things = symbiont.use(shelf)
  const put = await things.put({ name: 'lamp', size: 2 })
  same<Same<typeof put, { things: number }>>()
  await things.list()
  await things.list({}, { host: 'attic' })
  const poured = await things.pour({ bytes: 3 })
  same<Same<typeof poured, Downloaded<{ bytes: number }>>>()
  await things.fill({}, { body })

  // @ts-expect-error a field is missing
  await things.put({})
  // @ts-expect-error there is no input
  await things.put()
  // @ts-expect-error a field too many
  await things.put({ name: 'lamp', colour: 'red' })
  // @ts-expect-error of another type
  await things.put({ name: 7 })
  // @ts-expect-error no such ability
  await things.burn({})
  // @ts-expect-error what streams in needs a body
  await things.fill({})
  // @ts-expect-error what doesn't takes none
  await things.list({}, { body })

  const tried = await symbiont.try(shelf).put({ name: 'lamp' })
  if (tried.error) {
    same<Same<typeof tried.ok, undefined>>()
    if (tried.error.name === 'Taken') same<Same<typeof tried.error.by, string>>()
    else same<Same<typeof tried.error.name, Code>>()
    if (tried.error.name === 'Revoked') same<Same<typeof tried.error, Refused>>()
    // @ts-expect-error not an error of this ability
    if (tried.error.name === 'Elsewhere') return
  } else same<Same<typeof tried.ok, { things: number }>>()

  const answered = await symbiont.call(shelf, 'put', { name: 'lamp' })
  same<Same<typeof answered, Answered<{ things: number }>>>()
  if (answered.result.error) same<Same<typeof answered.result.error, Refusal>>()

  // What services bring for the symbiont's side takes one as it is.
  const calls: Calls = symbiont
  await push(calls, { root: undefined as never, blocks: undefined as never })
  await symbiont.use(dag).import({ root: undefined as never }, { body })
}

describe('the types of the doors', () => {
  it('follow from the contract, and the compiler holds callers to them', () => assert.equal(typeof typed, 'function'))
})
