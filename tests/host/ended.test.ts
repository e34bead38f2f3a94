import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { queryObjects } from 'node:v8'
import { Host } from '@symbiosis/host'
import { folders, World } from '../fixtures.ts'

describe('a host that has ended', () => {
  const folder = folders()

  it('is let go of with all that it held: one process may see many', async () => {
    const before = queryObjects(Host, { format: 'count' })
    for (let times = 0; times < 3; times++) await (await World.open({ dir: folder() })).close()
    // Its patience with calls under way lasts some seconds.
    for (let tries = 0; tries < 100 && queryObjects(Host, { format: 'count' }) > before; tries++) await sleep(100)
    // Those of other tests may go meanwhile.
    assert.ok(queryObjects(Host, { format: 'count' }) <= before)
  }).timeout(60_000)
})
