import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Proof } from '@symbiosis/protocol'
import { alice, bob, expect, given, HOUR, mallory, NOW, phone, setTheStage, World } from '../fixtures.ts'
import { jarringService, jarService } from './jar.ts'

describe('the lease chain', () => {
  const stage = setTheStage(() => ({ services: [jarService(), jarringService()] }))
  const look = (space: typeof alice, proofs: readonly Proof[], can = 'jar/look') => stage.world.call(space, { can, proofs })

  it('leads from the host to the space', async () => {
    await expect(look(alice, [stage.lease]), 'ok')
    await expect(look(alice, []), 'NoLease')
    await expect(stage.world.call(phone, { subject: alice.did, proofs: [stage.device] }), 'NoLease')
  })

  it('is of this host: another one leases nothing here', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'symbiosis-'))
    const other = await World.open({ dir })
    try {
      await expect(look(alice, [await other.lease(alice)]), 'NoLease')
      // Signed by the other, and about this one; and the other way round.
      await expect(look(alice, [await stage.world.sublease(other.signer, alice)]), 'NoLease')
      await expect(look(alice, [await stage.world.lease(alice, { host: other.did })]), 'NoLease')
      await expect(
        look(alice, [await stage.world.sublease(other.signer, alice, { proofs: [await stage.world.lease(other.signer)] })]),
        'ok',
      )
    } finally {
      await other.close()
      rmSync(dir, { recursive: true })
    }
  })

  it('is for this space', async () => {
    await expect(look(bob, [stage.lease]), 'NoLease', { link: String(stage.lease.ucan.cid) })
    await expect(look(mallory, [await stage.world.lease(bob), stage.lease]), 'NoLease')
  })

  it('is for the space and not for its agent', async () => {
    const { world, device } = stage
    const toAgent = await world.lease(phone)
    await expect(world.call(phone, { subject: alice.did, proofs: [device, toAgent] }), 'NoLease')
    await expect(world.call(phone, { subject: alice.did, proofs: [device, await world.lease(alice)] }), 'ok')
    // The agent can't lease its own onward to the space either, unless it is a space with a lease: then it is metered as one.
    await expect(world.call(phone, { subject: alice.did, proofs: [device, await world.sublease(phone, alice)] }), 'NoLease')
  })

  it('covers abilities by whole segments, and never everything', async () => {
    const shown = async (can: string, claim?: string) => look(alice, [await stage.world.lease(alice, { can })], claim)
    await expect(shown('lease/jar/*'), 'ok')
    await expect(shown('lease/jar/look'), 'ok')
    await expect(shown('lease/jar/put'), 'NoLease')
    await expect(shown('lease/jarring/*'), 'NoLease')
    await expect(shown('lease/jar/*', 'jarring/look'), 'NoLease')
    for (const can of ['*', 'ucan:*', 'lease/*', 'jar/*', 'jar/look', 'lease/jar/look/*', 'lease/lease/jar/look'])
      await expect(shown(can), 'NoLease')
  })

  it('is one capability over the host', async () => {
    const { world } = stage
    const capability = { can: 'lease/jar/*', with: world.did }
    const lease = (capabilities: object[]) => given(world.signer, alice, world.did, { capabilities: capabilities as never })
    await expect(look(alice, [await lease([capability])]), 'ok')
    await expect(look(alice, [await lease([capability, { can: 'lease/jarring/*', with: world.did }])]), 'NoLease')
    await expect(look(alice, [await lease([{ ...capability, with: alice.did }])]), 'NoLease')
    await expect(look(alice, [await lease([{ can: '*', with: 'ucan:*' }])]), 'NoLease')
  })

  it('states limits that the service has, and no others', async () => {
    const shown = async (nb: Record<string, unknown>) => look(alice, [await stage.world.lease(alice, { nb })])
    await expect(shown({}), 'ok')
    await expect(shown({ bytes: 10, things: 0 }), 'ok')
    for (const nb of [
      { maxSize: 1 },
      { constructor: 1 },
      { toString: 1 },
      { bytes: -1 },
      { bytes: 1.5 },
      { bytes: '10' },
      { bytes: null },
      { bytes: { most: 1 } },
    ]) {
      await expect(shown(nb), 'NoLease', { chain: 'lease' })
      await expect(look(alice, [await stage.world.lease(alice, { nb }), stage.lease]), 'ok')
    }
  })

  describe('of a sub-lease', () => {
    /** What bob can do with a sub-lease of alice's, made of a lease that this host gave her. */
    const through = async (above: object, below: object, can = 'jar/look', nb = {}) => {
      const parent = await stage.world.lease(alice, above)
      return stage.world.call(bob, { can, nb, proofs: [await stage.world.sublease(alice, bob, { proofs: [parent], ...below })] })
    }

    it('is as good as a lease', async () => {
      await expect(through({}, {}), 'ok')
      await expect(through({ nb: { bytes: 10 } }, { nb: { bytes: 10 } }), 'ok')
      await expect(through({ nb: { bytes: 10 } }, { nb: { bytes: 9 }, expiration: NOW + 1 }), 'ok')
      await expect(through({}, { nb: { bytes: 5 } }), 'ok')
    })

    it('may not be wider', async () => {
      await expect(through({ can: 'lease/jar/look' }, { can: 'lease/jar/look' }), 'ok')
      await expect(through({ can: 'lease/jar/look' }, { can: 'lease/jar/*' }), 'NoLease')
      await expect(through({ can: 'lease/jar/look' }, { can: 'lease/jar/put' }, 'jar/put', { thing: 'x' }), 'NoLease')
      await expect(through({ can: 'lease/jar/*' }, { can: 'lease/jarring/look' }, 'jarring/look'), 'NoLease')
    })

    it('may not be for more', async () => {
      await expect(through({ nb: { bytes: 10 } }, { nb: { bytes: 11 } }), 'NoLease', { chain: 'lease' })
      await expect(through({ nb: { bytes: 10, things: 1 } }, { nb: { bytes: 1, things: 2 } }), 'NoLease')
    })

    it('may not be for more than a lease further above, past one that says nothing', async () => {
      const top = await stage.world.lease(alice, { nb: { bytes: 10 } })
      const middle = await stage.world.sublease(alice, phone, { proofs: [top] })
      const last = (bytes: number) => stage.world.sublease(phone, bob, { nb: { bytes }, proofs: [middle] })
      await expect(look(bob, [await last(10)]), 'ok')
      await expect(look(bob, [await last(11)]), 'NoLease')
    })

    it('may not end later', async () => {
      await expect(through({ expiration: NOW + HOUR }, { expiration: NOW + HOUR }), 'ok')
      await expect(through({ expiration: NOW + HOUR }, { expiration: NOW + HOUR + 1 }), 'NoLease')
      await expect(through({ expiration: NOW + HOUR }, { expiration: null }), 'NoLease')
    })

    it('falls with the lease above', async () => {
      await expect(through({ expiration: NOW - 61 }, { expiration: NOW - 61 }), 'Expired', { chain: 'lease' })
      await expect(through({ notBefore: NOW + 61 }, {}), 'TooEarly', { chain: 'lease' })
      await expect(through({ host: bob.did }, {}), 'NoLease')
    })

    it('comes from the one who has the lease', async () => {
      const { world, lease } = stage
      await expect(look(bob, [await world.sublease(mallory, bob, { proofs: [lease] })]), 'NoLease')
      await expect(look(bob, [await world.sublease(mallory, bob)]), 'NoLease')
      await expect(look(bob, [await world.sublease(bob, bob, { proofs: [lease] })]), 'NoLease')
    })

    it('needs the lease above to come along', async () => {
      const { world, lease } = stage
      const below = await world.sublease(alice, bob, { proofs: [lease] })
      await expect(look(bob, [below]), 'ok')
      await expect(look(bob, [{ ucan: below.ucan, proofs: [] }]), 'NoLease')
    })
  })
})
