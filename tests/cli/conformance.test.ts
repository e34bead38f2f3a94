import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Checked } from '@symbiosis/conformance'
import { dagJson } from '@symbiosis/protocol/manifest'
import { jarSamples } from '../conformance/jar-samples.ts'
import { openWrongHost } from '../conformance/wrong-host.ts'
import { folders, World } from '../fixtures.ts'
import { root } from '../tree.ts'
import { documents, Place } from './command.ts'

describe('symbiosis conformance', function () {
  this.timeout(180_000)

  const place = new Place()
  const folder = folders()
  after(() => place.end())

  it('finds our host in order', async () => {
    const host = await place.host(['--approve', 'all'])
    const { ok, checked } = await place.wallet('any').ok('conformance', host.url)
    assert.equal(ok, true)
    assert.ok(checked.length > 120)
    assert.equal(await host.stop(), 0)
  })

  it('holds the services of others to what they say, by calls that work', async () => {
    const folder = place.path('packages', 'jar')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'jar', type: 'module', exports: { './host': './host.mjs' } }))
    const source = JSON.stringify(join(root, 'tests/attacks/jar.ts'))
    writeFileSync(join(folder, 'host.mjs'), `import { jarService } from ${source}\nexport default () => jarService()`)
    const samples = place.path('samples.json')
    const write = (more: readonly object[]) => writeFileSync(samples, dagJson([...jarSamples, ...more] as never))
    const host = await place.host(['--approve', 'all', '--service', folder])
    const look = async (...args: string[]) => {
      const { code, stdout } = await place.run(['conformance', host.url, '--service', 'jar', '--json', ...args])
      return { code, checked: documents(stdout)[0].checked as Checked[] }
    }
    write([])
    const seen = await look('--samples', samples)
    assert.deepEqual([seen.code, seen.checked.filter(({ ok }) => !ok)], [0, []])

    write([{ ability: 'jar/look', error: 'Full' }])
    const wrong = await look('--samples', samples, '--without', 'streams', '--without', 'renewing')
    const broken = wrong.checked.filter(({ ok }) => !ok)
    assert.deepEqual([wrong.code, broken.map(({ rule }) => rule)], [1, ['answers as its manifest says, to the last field']])

    const unseen = await look()
    assert.equal(unseen.code, 1)
    assert.ok(unseen.checked.some(({ outcome }) => outcome === 'unseen'))

    writeFileSync(samples, JSON.stringify([{ ability: 'jar/look', uses: { bytes: 'many' } }]))
    assert.equal((await place.wallet('any').refused(1, 'conformance', host.url, '--samples', samples)).name, 'Malformed')
    assert.equal((await place.wallet('any').refused(1, 'conformance', host.url, '--samples', place.path('none'))).name, 'NotFound')
    assert.equal(await host.stop(), 0)
  })

  it('ends with 1 and says which rule is broken', async () => {
    const world = await World.open({ dir: folder(), now: () => Math.floor(Date.now() / 1000), manifestLife: 3600 })
    const tooLong = {
      answer: ({ out }: { out: object }) => ((out as { error?: { name: string } }).error?.name === 'TooLong' ? { ok: {} } : out) as never,
    }
    const wrong = await openWrongHost(world.host, world.signer, tooLong)
    const { code, stdout } = await place.run(['conformance', wrong.url, '--no-leases', '--open', 'jar/peek', '--json'])
    const table = await place.run(['conformance', wrong.url, '--no-leases', '--open', 'jar/peek'])
    wrong.close()
    await world.close()
    assert.equal(code, 1)
    const failed = documents(stdout)[0].checked.filter(({ ok }: { ok: boolean }) => !ok)
    assert.deepEqual(
      failed.map(({ rule }: { rule: string }) => rule),
      [
        'refuses by codes of the closed list, and tells nothing of its inside',
        'refuses a call that lives for a day',
        'refuses a call that never ends',
      ],
    )
    const lines = table.stdout.trimEnd().split('\n')
    assert.equal(table.code, 1)
    assert.ok(lines.includes('  authorization') && lines.includes('    ✗ refuses a call that never ends'))
    assert.match(lines.at(-1) ?? '', /^ {2}(\d+) of \d+ rules hold, 3 are broken$/)
  })

  it('ends with 3 where nothing answers', async () => {
    assert.equal((await place.wallet('any').refused(3, 'conformance', 'http://127.0.0.1:1')).name, 'Unavailable')
  })
})
