import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

describe('npm run bench -- --quick --json', () => {
  it('prints one document of rows', async () => {
    // No figure is judged here: what a machine can do while it tests says nothing.
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'run.ts'), '--quick', '--json'])
    assert.equal(stderr, '')
    const { machine, node, rows, ...rest } = JSON.parse(stdout)
    assert.deepEqual(rest, {})
    assert.deepEqual(Object.keys(machine), ['cpu', 'cores', 'platform'])
    assert.equal(node, process.version)
    for (const row of rows) {
      assert.deepEqual(Object.keys(row), ['name', 'value', 'unit', 'goal', 'holds'])
      assert.ok(Number.isFinite(row.value) && row.value > 0, JSON.stringify(row))
      assert.ok(row.goal === null ? row.holds === null : typeof row.holds === 'boolean', JSON.stringify(row))
    }
    const names = rows.map(({ name, unit }: { name: string; unit: string }) => `${name}, ${unit}`)
    assert.equal(new Set(names).size, names.length, 'no figure stands there twice')
    for (const part of ['anchor', 'server part, owner chain 10', 'symbiont, ', 'over HTTP', 'durable, ']) {
      assert.ok(
        names.some((name: string) => name.startsWith(part)),
        part,
      )
    }
  }).timeout(120_000)
})
