import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import fc from 'fast-check'
import { HOSTS, schedule } from './schedule.ts'
import { Sea, Simulation } from './simulation.ts'

/** `npm run test:schedules` runs many more. */
const SCHEDULES = Number(process.env.SCHEDULES ?? 100)
const SEED = Number(process.env.SEED ?? 1)

describe('whatever happens to hosts, their network and their clocks', () => {
  const sea = new Sea(existsSync('/dev/shm') ? '/dev/shm' : undefined)
  after(() => sea.remove())

  it('nothing revoked is accepted where that was acknowledged, nor elsewhere past the bound; and all else is', async () => {
    const seen = { accepted: 0, refused: 0 }
    await fc.assert(
      fc.asyncProperty(schedule, async (events) => {
        const simulation = new Simulation(sea)
        await simulation.run(HOSTS, events)
        seen.accepted += simulation.seen.accepted
        seen.refused += simulation.seen.refused
      }),
      { numRuns: SCHEDULES, seed: SEED },
    )
    // A schedule in which nothing happens proves nothing.
    assert.ok(seen.accepted > SCHEDULES && seen.refused > SCHEDULES, JSON.stringify(seen))
  }).timeout(0)
})
