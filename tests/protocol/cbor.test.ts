import assert from 'node:assert/strict'
import { cidOf, encode } from '@symbiosis/protocol'
import { sameValue } from '../../protocol/cbor.ts'

describe('two values', () => {
  const value = () => ({ a: [1, 'two', Uint8Array.of(3)], b: cidOf(encode(4)) })

  it('are the same where they are written the same', () => {
    assert.ok(sameValue(value(), value()))
    assert.ok(sameValue({ b: 1, a: 2 }, { a: 2, b: 1 }))
    assert.ok(!sameValue(value(), { ...value(), b: cidOf(encode(5)) }))
    assert.ok(!sameValue('1', 1))
  })

  it('are not the same where one is absent, or both are', () => {
    assert.deepEqual([sameValue(undefined, null), sameValue(null, undefined), sameValue(undefined, undefined)], [false, false, false])
  })
})
