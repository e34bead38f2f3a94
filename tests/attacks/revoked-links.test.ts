import type { LocalSigner, Proof } from '@symbiosis/protocol'
import { alice, bob, expect, given, laptop, mallory, phone, setTheStage, type World } from '../fixtures.ts'

const revoke = (world: World, by: LocalSigner, proof: Proof, over: { subject?: string; proofs?: readonly Proof[] } = {}) =>
  world.call(by, { can: 'ucan/revoke', nb: { ucan: proof.ucan.cid }, attach: [proof], ...over })

/** Every link of both chains, and everybody who stands in them: who may take it back, and what falls with it. */
describe('a link that is revoked', () => {
  const stage = setTheStage()
  const SPACES = [alice, phone, laptop]

  /** host -> alice -> phone -> laptop, of leases. */
  const leased = async (): Promise<Proof[]> => {
    const { world } = stage
    const first = await world.lease(alice)
    const second = await world.sublease(alice, phone, { proofs: [first] })
    return [first, second, await world.sublease(phone, laptop, { proofs: [second] })]
  }
  const through = (chain: readonly Proof[], at: number) => stage.world.call(SPACES[at] as LocalSigner, { proofs: [chain[at] as Proof] })

  it('in a chain of leases takes all below it along, and nothing above it', async () => {
    const { world } = stage
    for (const at of [0, 1, 2]) {
      // Whoever issued it or one above it, and who received it; nobody below, and nobody beside.
      const may = [world.signer, ...SPACES.slice(0, at + 1)]
      const mayNot = [...SPACES.slice(at + 1), mallory, bob]
      for (const by of may) {
        const chain = await leased()
        const link = chain[at] as Proof
        for (const stranger of mayNot) await expect(revoke(world, stranger, link), 'NotRevoker')
        for (const below of [0, 1, 2]) await expect(through(chain, below), 'ok')
        await expect(revoke(world, by, link), 'ok')
        for (const below of [0, 1, 2]) {
          if (below < at) await expect(through(chain, below), 'ok')
          else await expect(through(chain, below), 'Revoked', { chain: 'lease', link: String(link.ucan.cid), by: by.did })
        }
      }
    }
  })

  it('voids its paths alone: another way from above leads around it', async () => {
    const { world } = stage
    const [first, second] = (await leased()) as [Proof, Proof]
    const beside = await world.sublease(alice, phone, { proofs: [first] })
    const both = await world.sublease(phone, laptop, { proofs: [second, beside] })
    await expect(revoke(world, alice, second), 'ok')
    await expect(world.call(laptop, { proofs: [both] }), 'ok')
    await expect(revoke(world, alice, beside), 'ok')
    await expect(world.call(laptop, { proofs: [both] }), 'Revoked')
    // Dropping the revoked block, or showing the last link alone, restores nothing.
    await expect(world.call(laptop, { proofs: [{ ucan: both.ucan, proofs: [first.ucan] }] }), 'NoLease')
    await expect(world.call(laptop, { proofs: [{ ucan: both.ucan, proofs: [] }] }), 'NoLease')
  })

  it('is no way around by leasing or delegating the same anew to oneself', async () => {
    const { world, lease } = stage
    const [first, second] = (await leased()) as [Proof, Proof]
    await expect(revoke(world, alice, second), 'ok')
    for (const proofs of [[second], [second, first], [first]])
      await expect(
        world.call(laptop, { proofs: [await world.sublease(phone, laptop, { proofs })] }),
        proofs[0] === first ? 'NoLease' : 'Revoked',
      )
    const device = await given(alice, phone, alice.did)
    await expect(revoke(world, alice, device, { proofs: [lease] }), 'ok')
    const again = await given(phone, phone, alice.did, { proofs: [device] })
    await expect(world.call(phone, { subject: alice.did, proofs: [lease, again] }), 'Revoked')
    await expect(world.call(phone, { subject: alice.did, proofs: [lease, await given(phone, phone, alice.did)] }), 'NotOwner')
  })

  it('of an operator ends what it operates, and that of who it handed its part to', async () => {
    const { world } = stage
    const operator = await given(world.signer, bob, world.did, { can: '*' })
    const assistant = await given(bob, phone, world.did, { can: 'host/leases', proofs: [operator] })
    const list = (who: LocalSigner, proof: Proof) => world.call(who, { can: 'host/leases', subject: world.did, proofs: [proof] })
    await expect(list(phone, assistant), 'ok')
    await expect(revoke(world, phone, operator), 'NotRevoker')
    await expect(revoke(world, mallory, assistant), 'NotRevoker')
    await expect(revoke(world, bob, assistant), 'ok')
    await expect(list(phone, assistant), 'Revoked', { chain: 'owner' })
    await expect(list(bob, operator), 'ok')
    await expect(revoke(world, world.signer, operator), 'ok')
    await expect(list(bob, operator), 'Revoked', { chain: 'owner', by: world.did })
    // Nor may it revoke for the host any more.
    await expect(revoke(world, bob, await world.lease(alice), { subject: world.did, proofs: [operator] }), 'Revoked')
  })

  it('before anybody used it is revoked from its first use on', async () => {
    const { world, lease } = stage
    const device = await given(alice, phone, alice.did)
    await expect(revoke(world, phone, device, { proofs: [lease] }), 'ok')
    await expect(world.call(phone, { subject: alice.did, proofs: [lease, device] }), 'Revoked', { by: phone.did })
  })
})
