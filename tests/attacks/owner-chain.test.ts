import { encode, type Proof } from '@symbiosis/protocol'
import { alice, bob, expect, given, laptop, mallory, phone, setTheStage } from '../fixtures.ts'
import { blockOf } from './bent.ts'
import { jarringService, jarService } from './jar.ts'

describe('the owner chain', () => {
  const stage = setTheStage(() => ({ services: [jarService(), jarringService()] }))
  /** A call of `agent` for alice's space on these proofs and the lease. */
  const look = (agent: typeof phone, proofs: readonly Proof[], nb = {}) =>
    stage.world.call(agent, { subject: alice.did, nb, proofs: [stage.lease, ...proofs] })

  it('leads from the space to the caller', async () => {
    const { device } = stage
    await expect(look(alice, []), 'ok')
    await expect(look(phone, [device]), 'ok')
    await expect(look(phone, []), 'NotOwner')
    await expect(look(laptop, [await given(phone, laptop, alice.did, { proofs: [device] })]), 'ok')
  })

  it('is no good to another device', async () => {
    await expect(look(mallory, [stage.device]), 'NotOwner', { link: String(stage.device.ucan.cid) })
    await expect(look(laptop, [stage.device]), 'NotOwner')
  })

  it('begins with the space, not with whoever says so', async () => {
    await expect(look(mallory, [await given(mallory, mallory, alice.did)]), 'NotOwner')
    await expect(look(bob, [await given(mallory, bob, alice.did)]), 'NotOwner')
    const loop = await given(bob, mallory, alice.did, { proofs: [await given(mallory, bob, alice.did)] })
    await expect(look(mallory, [loop]), 'NotOwner')
  })

  it('has each link issued by the audience of the one above', async () => {
    const astray = await given(mallory, laptop, alice.did, { proofs: [stage.device] })
    await expect(look(laptop, [astray]), 'NotOwner')
  })

  it('is about the space of the call', async () => {
    await expect(look(phone, [await given(bob, phone, bob.did)]), 'NotOwner')
    await expect(look(phone, [await given(alice, phone, bob.did)]), 'NotOwner')
  })

  it('matches abilities by whole segments', async () => {
    const granted = async (can: string, claim = 'jar/look') => {
      const proofs = [
        await stage.world.lease(alice),
        await stage.world.lease(alice, { can: 'lease/jarring/*' }),
        await given(alice, phone, alice.did, { can }),
      ]
      return stage.world.call(phone, { can: claim, subject: alice.did, proofs })
    }
    for (const can of ['jar/look', 'jar/*', '*', 'ucan:*']) await expect(granted(can), 'ok')
    for (const can of ['jar/put', 'jarring/*', 'jar/look/*', 'jar/loo', 'ja/*', 'lease/jar/*']) await expect(granted(can), 'NotOwner')
    await expect(granted('jar/*', 'jarring/look'), 'NotOwner')
    await expect(granted('jarring/*', 'jarring/look'), 'ok')
  })

  it('takes ucan:* as what UCAN means by it', async () => {
    const all = await given(alice, phone, alice.did, { capabilities: [{ can: '*', with: 'ucan:*' }] })
    await expect(look(phone, [all]), 'ok')
    const own = await given(mallory, phone, alice.did, { capabilities: [{ can: '*', with: 'ucan:*' }] })
    await expect(look(phone, [own]), 'NotOwner')
  })

  it('finds the capability that fits among others', async () => {
    const several = await given(alice, phone, alice.did, {
      capabilities: [
        { can: 'jar/put', with: alice.did },
        { can: 'jar/look', with: bob.did },
        { can: 'jar/look', with: alice.did },
      ],
    })
    await expect(look(phone, [several]), 'ok')
  })

  it('may not widen on the way down', async () => {
    const narrow = await given(alice, phone, alice.did, { can: 'jar/put' })
    await expect(look(laptop, [await given(phone, laptop, alice.did, { can: 'jar/*', proofs: [narrow] })]), 'NotOwner')
  })

  it('has its caveats heeded, and refuses the ones it does not know', async () => {
    const tagged = await given(alice, phone, alice.did, { nb: { tag: 'red' } })
    await expect(look(phone, [tagged], { tag: 'red' }), 'ok')
    await expect(look(phone, [tagged], { tag: 'blue' }), 'NotOwner')
    await expect(look(phone, [tagged]), 'NotOwner')
    for (const nb of [{ maxSize: 10 }, { constructor: 1 }, { toString: 1 }, { valueOf: 'x' }]) {
      const unknown = await given(alice, phone, alice.did, { nb })
      await expect(look(phone, [unknown]), 'NotOwner', { link: String(unknown.ucan.cid) })
      await expect(look(phone, [unknown, stage.device]), 'ok')
    }
  })

  it('compares links by what they say, not by which object they are', async () => {
    const [here, there] = [blockOf(encode('here')).cid, blockOf(encode('there')).cid]
    const placed = await given(alice, phone, alice.did, { nb: { at: here } })
    await expect(look(phone, [placed], { at: here }), 'ok')
    await expect(look(phone, [placed], { at: there }), 'NotOwner')
    await expect(look(phone, [placed], { at: here, tag: 'x' }), 'ok')
  })

  it('is asked on every link of it', async () => {
    const free = await given(alice, phone, alice.did)
    const bound = await given(phone, laptop, alice.did, { nb: { tag: 'red' }, proofs: [free] })
    const last = await given(laptop, bob, alice.did, { proofs: [bound] })
    await expect(look(bob, [last], { tag: 'red' }), 'ok')
    await expect(look(bob, [last], { tag: 'blue' }), 'NotOwner')
  })
})
