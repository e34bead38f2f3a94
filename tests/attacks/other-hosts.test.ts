import assert from 'node:assert/strict'
import { admit, BOUNDS, type Proof, UcanMemory, ucansOf } from '@symbiosis/protocol'
import { memoryWallet, Symbiont } from '@symbiosis/symbiont'
import { alice, expect, folders, given, NOW, phone, World } from '../fixtures.ts'
import { jar, jarService, watch } from './jar.ts'

/** What one host is shown is of no use at another. */
describe('other hosts', () => {
  const folder = folders()
  const seen = watch()
  let here: World
  let there: World

  before(async () => {
    here = await World.open({ dir: folder() })
    there = await World.open({ dir: folder(), services: [jarService(seen)] })
  })
  after(() => Promise.all([here.close(), there.close()]))

  it('run no call that was made to this one', async () => {
    const leases = [await here.lease(alice), await there.lease(alice)]
    const call = await here.invocation(alice, { can: 'jar/count', proofs: leases })
    await expect(here.send(call, ucansOf(leases)), 'ok')
    // The receipt is the other host's own, and says so.
    const answered = (world: World) => there.send(call, ucansOf(leases), world.channel)
    await expect(answered(there), 'WrongAudience', { chain: 'invocation' })
    await assert.rejects(answered(here), { name: 'WrongAudience' })
    assert.equal(seen.runs.count, undefined)
  })

  it('take no lease of this one, whole or as the top of a chain, by any signature', async () => {
    const lease = await here.lease(alice)
    const moved = await there.sublease(here.signer, alice, { host: there.did })
    const below = await there.sublease(alice, phone, { proofs: [lease] })
    for (const proof of [lease, moved]) await expect(there.call(alice, { proofs: [proof] }), 'NoLease')
    await expect(there.call(phone, { proofs: [below] }), 'NoLease')
    await expect(there.call(phone, { proofs: [await there.sublease(alice, phone, { proofs: [lease, await there.lease(alice)] })] }), 'ok')
  })

  it('let an operator of this one do nothing', async () => {
    const operator = await given(here.signer, phone, here.did, { can: 'host/*' })
    await expect(here.call(phone, { can: 'host/leases', subject: here.did, proofs: [operator] }), 'ok')
    await expect(there.call(phone, { can: 'host/leases', subject: there.did, proofs: [operator] }), 'NotOwner')
    await expect(there.call(phone, { can: 'host/leases', subject: here.did, proofs: [operator] }), 'NotOwner', { field: 'with' })
  })

  it('get from a host that was called what it may repeat, which is no more than the call and needs a lease of theirs', async () => {
    // A call is a UCAN to its host, so the host could act on it elsewhere as long as it lives.
    const call = await here.invocation(alice, { can: 'jar/put', nb: { thing: 'gold' } })
    const shown: Proof = { ucan: call, proofs: [] }
    const repeat = (nb: object, more: readonly Proof[], can = 'jar/put') =>
      there.call(here.signer, { can, subject: alice.did, nb: nb as never, proofs: [shown, ...more] })
    await expect(repeat({ thing: 'gold' }, []), 'NoLease')
    await expect(repeat({ thing: 'gold' }, [await here.lease(alice)]), 'NoLease')
    const stolen = [await there.lease(alice)]
    await expect(repeat({ thing: 'lead' }, stolen), 'NotOwner')
    await expect(repeat({ thing: 'gold' }, stolen, 'jar/drop'), 'NotOwner')
    there.now = NOW + 121
    await expect(repeat({ thing: 'gold' }, [await there.lease(alice)]), 'Expired', { chain: 'owner' })
    there.now = NOW
  })

  it('are not shown to this one by a symbiont: each sees its own leases and no others', async () => {
    const messages: Uint8Array[] = []
    const worlds: Record<string, World> = { 'http://here.test/': here, 'http://there.test/': there }
    await using symbiont = await Symbiont.open({
      wallet: memoryWallet(),
      now: () => NOW,
      connect: (url) => {
        const { channel, did } = worlds[url] as World
        const noted = (message: Uint8Array) => {
          if (did === here.did) messages.push(message)
          return message
        }
        return {
          channel: {
            url,
            request: (message, options) => channel.request(noted(message), options),
            open: (message, options) => channel.open(noted(message), options),
          },
          about: async () => ({ did, name: url }),
        }
      },
    })
    await symbiont.createSpace()
    for (const url of Object.keys(worlds)) {
      await symbiont.pair(url)
      await symbiont.request({ jar: {} }, { host: url })
    }
    const things = symbiont.use(jar, { host: 'http://here.test/' })
    await things.put({ thing: 'a' })
    await things.look({})
    await things.count({})
    const shown = messages.flatMap((message) => [...admit(message, BOUNDS, new UcanMemory()).ucans.values()])
    assert.ok(
      shown.some(({ issuer }) => issuer === here.did),
      'its own lease is shown',
    )
    assert.deepEqual(
      shown.filter(({ issuer, capabilities }) => issuer === there.did || capabilities.some((each) => each.with === there.did)),
      [],
    )
  })
})
