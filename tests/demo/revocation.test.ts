import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

describe('npm run demo:revocation', () => {
  it('ends with four hosts that agree', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'revocation.ts')])
    assert.match(stdout, /all 4 hosts refuse all 3 delegations/)
    assert.match(stdout, /no host was caught lying/)
  }).timeout(120_000)
})
