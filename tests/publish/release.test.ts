import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { copyTree, root, shell } from '../tree.ts'
import { folder, json, workspaces } from './packed.ts'

const NOTES = '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A bell.\n\n## [0.0.9] - 2026-01-01\n\n- A door.\n'

/** A checkout with a change that isn't released, and what `release.ts` makes of it. */
function release({ changeset, notes = NOTES }: { changeset?: string; notes?: string }) {
  const checkout = folder()
  copyTree(checkout)
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'))
  for (const file of readdirSync(join(checkout, '.changeset'))) if (file !== 'config.json') rmSync(join(checkout, '.changeset', file))
  writeFileSync(join(checkout, 'CHANGELOG.md'), notes)
  if (changeset) writeFileSync(join(checkout, '.changeset/bell.md'), changeset)
  const { status, stdout, stderr } = spawnSync(process.execPath, ['release.ts', checkout], { cwd: root, env: shell(), encoding: 'utf8' })
  return { checkout, status, said: stdout + stderr }
}

describe('a release', function () {
  this.timeout(300_000)

  it('gives every package the next version, and what takes it the range', () => {
    const last = json(join(root, 'protocol/package.json')).version as string
    const [major, minor] = last.split('.').map(Number) as [number, number]
    const next = `${major}.${minor + 1}.0`
    // Of one package, and the least that the others then need.
    const { checkout, status, said } = release({ changeset: "---\n'@symbiosis/symbiont': minor\n---\n\nA bell.\n" })
    assert.equal(status, 0, said)

    const lock = json(join(checkout, 'package-lock.json'))
    for (const name of workspaces) {
      const { version, dependencies, peerDependencies } = json(join(checkout, name, 'package.json'))
      assert.equal(version, next, name)
      for (const [sibling, range] of Object.entries({ ...dependencies, ...peerDependencies })) {
        if (sibling.startsWith('@symbiosis/')) assert.equal(range, `^${next}`, `${name} takes ${sibling}`)
      }
      assert.equal(lock.packages[name].version, next, `${name} as it is locked`)
      assert.deepEqual(
        readdirSync(join(checkout, name)).filter((file) => file === 'CHANGELOG.md'),
        [],
        'one changelog for all',
      )
    }
    assert.equal(json(join(checkout, 'package.json')).version, next)
    assert.deepEqual(readdirSync(join(checkout, '.changeset')), ['config.json'])
    assert.doesNotMatch(readFileSync(join(checkout, 'package-lock.json'), 'utf8'), /"resolved": "http/)

    const changelog = readFileSync(join(checkout, 'CHANGELOG.md'), 'utf8')
    assert.deepEqual(
      [...changelog.matchAll(/^## \[(.*?)\]/gm)].map(([, version]) => version),
      ['Unreleased', next, '0.0.9'],
    )
    assert.match(changelog, /## \[Unreleased\]\n\n## \[.*?\] - \d{4}-\d\d-\d\d\n\n### Added\n\n- A bell\.\n/)
  })

  it('is none where nobody asked for one, and where nobody would know what is new', () => {
    assert.notEqual(release({}).status, 0)
    const silent = release({ changeset: "---\n'symbiosis': patch\n---\n\nA bell.\n", notes: NOTES.replace('- A bell.\n', '') })
    assert.notEqual(silent.status, 0)
    assert.deepEqual(readdirSync(join(silent.checkout, '.changeset')).sort(), ['bell.md', 'config.json'], 'nothing is used up')
  })
})
