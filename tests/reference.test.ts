import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './tree.ts'

describe('the reference', function () {
  this.timeout(120_000)
  const folder = mkdtempSync(join(tmpdir(), 'symbiosis-reference-'))
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('is made of what all public exports say of themselves', () => {
    execFileSync(process.execPath, ['reference/make.ts', folder], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })
    assert.ok(existsSync(join(folder, 'index.html')))
    assert.ok(existsSync(join(folder, 'classes/_symbiosis_symbiont.Symbiont.html')))
  })
})
