import assert from 'node:assert/strict'
import { program } from './chromium.ts'

describe('the browser of these tests', () => {
  it('is there, or the one who runs them is told what to install', () => {
    assert.ok(program())
    for (const environment of [{ PATH: '/nowhere' }, { CHROMIUM: '/nowhere/chromium' }, {}])
      assert.throws(() => program(environment), /apt-get install chromium/)
  })
})
