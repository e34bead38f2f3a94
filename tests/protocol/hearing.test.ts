import assert from 'node:assert/strict'
import { BOUNDS, type DID, type Guard, homeLogsFact } from '@symbiosis/protocol'
import { type Heard, heardOf } from '../../protocol/hearing.ts'
import { alice, bob, given, laptop, mallory, NOW, phone } from '../fixtures.ts'

describe('what of a path was heard of', () => {
  const log = { did: bob.did, url: 'https://host.example/' }
  const over = { facts: [homeLogsFact([log])] }
  const guard = (contact?: (did: DID) => number | undefined): Guard => ({
    host: mallory.did,
    now: NOW,
    maxLife: 600,
    bounds: BOUNDS,
    ability: () => undefined,
    revocations: () => [],
    ...(contact && { contact }),
  })
  const told = ({ stale, aging }: Heard) => [stale.length, aging.length]
  const heard = async (ago: number, fresh: number | null, stale: number | null) => {
    const path = [(await given(alice, phone, alice.did, over)).ucan]
    return told(
      heardOf(
        path,
        'owner',
        { fresh, stale },
        guard(() => NOW - ago),
      ),
    )
  }

  it('is fresh to the second, then due, then stale', async () => {
    assert.deepEqual(await heard(60, 60, 120), [0, 0])
    assert.deepEqual(await heard(61, 60, 120), [0, 1])
    assert.deepEqual(await heard(120, 60, 120), [0, 1])
    assert.deepEqual(await heard(121, 60, 120), [1, 0])
    assert.deepEqual(await heard(0, 0, 0), [0, 0])
    assert.deepEqual(await heard(1, 0, 0), [1, 0])
  })

  it('has no bound where there is none', async () => {
    assert.deepEqual(await heard(NOW, null, null), [0, 0])
    assert.deepEqual(await heard(NOW, 60, null), [0, 1])
    assert.deepEqual(await heard(NOW, null, 60), [1, 0])
  })

  it('counts for nothing where it lies ahead by more than clocks differ', async () => {
    assert.deepEqual(await heard(-60, 60, 120), [0, 0])
    assert.deepEqual(await heard(-61, 60, 120), [1, 0])
    assert.deepEqual(await heard(-61, 60, null), [0, 1])
  })

  it('is nothing where nobody tells', async () => {
    const path = [(await given(alice, phone, alice.did, over)).ucan]
    const { stale } = heardOf(path, 'lease', { fresh: 60, stale: 120 }, guard())
    assert.deepEqual(stale, [{ log, link: String(path[0]?.cid), chain: 'lease' }])
  })

  it('is asked of every link', async () => {
    const upper = await given(alice, laptop, alice.did, over)
    const lower = await given(laptop, phone, alice.did, { proofs: [upper], ...over })
    assert.deepEqual(told(heardOf([upper.ucan, lower.ucan], 'owner', { fresh: 60, stale: 120 }, guard())), [2, 0])
  })
})
