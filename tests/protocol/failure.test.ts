import assert from 'node:assert/strict'
import { Failure, toRefusal } from '@symbiosis/protocol'

describe('a failure', () => {
  it('is one, too, where it comes from another copy of the package', async () => {
    // As a service has it that was installed apart from its host.
    const copy = '../../protocol/failure.ts?copy'
    const { Failure: Other } = (await import(copy)) as { Failure: typeof Failure }
    assert.notEqual(Other, Failure)
    const thrown = new Other('Denied', 'No.', { hint: 'Ask.' })
    assert.ok(thrown instanceof Failure)
    assert.deepEqual(toRefusal(thrown), { name: 'Denied', message: 'No.', hint: 'Ask.' })
  })

  it('is nothing else', () => {
    for (const other of [undefined, null, 1, 'Denied', {}, new Error('Denied'), { name: 'Denied', message: 'No.' }]) {
      assert.ok(!(other instanceof Failure))
      assert.equal(toRefusal(other).name, 'Internal')
    }
  })
})
