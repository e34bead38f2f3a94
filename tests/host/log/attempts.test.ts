import assert from 'node:assert/strict'
import { Attempts } from '../../../host/log/attempts.ts'
import { alice, bob } from '../../fixtures.ts'

describe('attempts to reach logs', () => {
  let elapsed = 0
  const attempts = () => new Attempts({ first: 1, most: 4, elapsed: () => elapsed })
  /** Seconds until another one may be made. */
  const wait = (of: Attempts) => {
    const began = elapsed
    while (!of.mayTry(alice.did)) elapsed++
    return elapsed - began
  }

  it('are made one at a time, whoever asks', async () => {
    const of = attempts()
    let made = 0
    const one = async () => ++made > 0
    await Promise.all([of.run(alice.did, one), of.run(alice.did, one), of.run(bob.did, one)])
    assert.equal(made, 2)
    assert.ok(!of.isRunning(alice.did))
  })

  it('are made again later each time that one failed, and at once when one succeeded', async () => {
    const of = attempts()
    const waits: number[] = []
    for (let times = 0; times < 4; times++) {
      await of.run(alice.did, async () => false)
      waits.push(wait(of))
    }
    assert.deepEqual(waits, [1, 2, 4, 4])
    await of.run(alice.did, async () => true)
    assert.equal(wait(of), 0)
    await of.run(alice.did, async () => false)
    assert.equal(wait(of), 1)
  })

  it('leave nothing behind where nothing was tried', async () => {
    const of = attempts()
    await of.run(alice.did, async () => undefined)
    assert.equal(wait(of), 0)
  })
})
