import assert from 'node:assert/strict'
import { join } from 'node:path'
import { sqliteStore } from '../../../host/index.ts'
import { Mirror } from '../../../host/log/mirror.ts'
import { folders } from '../../fixtures.ts'
import { Network, revokeAt, soon, taken } from './network.ts'

describe('the entries of a log', () => {
  const folder = folders()

  it('are taken up once where two addresses lead to one host', async () => {
    const network = new Network()
    const a = await network.open('a', { dir: folder() })
    const dir = folder()
    const store = sqliteStore(join(dir, 'host.sqlite'))
    const b = await network.open('b', {
      dir,
      store,
      follow: ['one', 'two'],
      following: { reach: () => network.reach('b', 'http://a/'), backoff: 0.02, maxBackoff: 0.05 },
    })
    try {
      for (let size = 1; size <= 4; size++) {
        const proof = await revokeAt(a)
        await soon(() => taken(b, proof), 'Revoked')
        await soon(
          () => b.host.followed().map((each) => [each.size, each.problem?.name]),
          [
            [size, undefined],
            [size, undefined],
          ],
        )
        const mirror = await Mirror.open(a.did, store)
        assert.deepEqual(await mirror.root(size), mirror.checkpoint?.root)
      }
    } finally {
      await a.close()
      await b.close()
    }
  }).timeout(60_000)
})
