import assert from 'node:assert/strict'
import { didFromPublicKey, exceeds, leaseOf, leases, type Ucan } from '@symbiosis/protocol'

describe('a lease', () => {
  const host = didFromPublicKey(new Uint8Array(32).fill(1))
  const ucan = (can: string, expiration: number | null = 1000, more: string[] = []) =>
    ({ capabilities: [can, ...more].map((each) => ({ can: each, with: host })), expiration }) as unknown as Ucan
  const parent = ucan('lease/pin/*')

  it('is within the one above it where it says no more, and ends no later', () => {
    assert.equal(exceeds(ucan('lease/pin/add'), parent, { bytes: 5 }, { bytes: 5 }), undefined)
    assert.equal(exceeds(ucan('lease/pin/*', 1000), parent, { bytes: 5 }, {}), undefined)
    assert.match(exceeds(ucan('lease/pin/add', 1001), parent, {}, {}) ?? '', /ends after/)
    assert.match(exceeds(ucan('lease/pin/add'), parent, { bytes: 6 }, { bytes: 5 }) ?? '', /bytes/)
    assert.match(exceeds(ucan('lease/dag/get'), parent, {}, {}) ?? '', /more abilities/)
  })

  it('is nothing that never ends, on either side', () => {
    assert.match(exceeds(ucan('lease/pin/add', null), parent, {}, {}) ?? '', /ends after/)
    assert.match(exceeds(ucan('lease/pin/add', 0), ucan('lease/pin/*', null), {}, {}) ?? '', /ends after/)
  })

  it('is nothing that is no lease, on either side', () => {
    for (const other of [
      ucan('pin/add'),
      ucan('lease/*'),
      ucan('a/lease/pin/*'),
      ucan('lease/pin/add/b'),
      ucan('lease/pin/add', 1000, ['lease/pin/add']),
    ]) {
      assert.match(exceeds(other, parent, {}, {}) ?? '', /more abilities/)
      assert.match(exceeds(ucan('lease/pin/add'), other, {}, {}) ?? '', /more abilities/)
      assert.equal(leaseOf(other), undefined)
      assert.equal(leases(other, 'pin/add'), false)
    }
    assert.equal(leases(parent, 'pin/add'), true)
    assert.equal(leases(parent, 'pinball/add'), false)
  })
})
