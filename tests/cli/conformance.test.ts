import assert from 'node:assert/strict'
import { openWrongHost } from '../conformance/wrong-host.ts'
import { folders, World } from '../fixtures.ts'
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
    assert.ok(checked.length > 70)
    assert.equal(await host.stop(), 0)
  })

  it('ends with 1 and says which rule is broken', async () => {
    const world = await World.open({ dir: folder(), now: () => Math.floor(Date.now() / 1000), manifestLife: 3600 })
    const tooLong = {
      answer: ({ out }: { out: object }) => ((out as { error?: { name: string } }).error?.name === 'TooLong' ? { ok: {} } : out) as never,
    }
    const wrong = await openWrongHost(world.host, world.signer, tooLong)
    const { code, stdout } = await place.run(['conformance', wrong.url, '--no-leases', '--open', 'jar/peek', '--json'])
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
  })

  it('ends with 3 where nothing answers', async () => {
    assert.equal((await place.wallet('any').refused(3, 'conformance', 'http://127.0.0.1:1')).name, 'Unavailable')
  })
})
