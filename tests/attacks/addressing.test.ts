import { alice, bob, expect, given, mallory, phone, setTheStage } from '../fixtures.ts'
import { jarringService, jarService } from './jar.ts'

describe('audience', () => {
  const stage = setTheStage()
  it('a call for another host is not for this one', async () => {
    const { world, lease } = stage
    await expect(world.call(alice, { proofs: [lease], audience: world.did }), 'ok')
    await expect(world.call(alice, { proofs: [lease], audience: bob.did }), 'WrongAudience', { chain: 'invocation' })
    await expect(world.call(alice, { proofs: [lease], audience: alice.did }), 'WrongAudience')
  })
})

describe('knownAbility', () => {
  const stage = setTheStage(() => ({ services: [jarService(), jarringService()] }))

  it('dispatches by the whole name, over nothing that is inherited', async () => {
    const { world, lease } = stage
    await expect(world.call(alice, { can: 'jar/look', proofs: [lease] }), 'ok')
    for (const can of [
      'jar/constructor',
      'jar/tostring',
      'jar/__proto__',
      'constructor/assign',
      '__proto__/look',
      'jar/valueof',
      'jar/hasownproperty',
    ]) {
      await expect(world.call(alice, { can, proofs: [lease] }), 'UnknownAbility', { field: 'can' })
    }
  })

  it('runs no ability that is a pattern', async () => {
    const { world, lease } = stage
    for (const can of ['jar/*', '*', 'ucan:*', 'jar/look/more', 'lease/jar/look', 'lease/jar/*', 'jar/loo', 'jarr/look']) {
      await expect(world.call(alice, { can, proofs: [lease] }), 'UnknownAbility')
    }
  })
})

describe('resource', () => {
  const stage = setTheStage()

  it('a lease is no delegation over the host', async () => {
    const { world, lease } = stage
    await expect(world.call(alice, { proofs: [lease] }), 'ok')
    await expect(world.call(alice, { subject: world.did, proofs: [lease] }), 'NotOwner', { field: 'with' })
    // A lease that is written as a delegation over the host: what a stock server would take for one.
    const deputy = await world.lease(alice, { can: 'jar/*' })
    await expect(world.call(alice, { subject: world.did, proofs: [deputy] }), 'NotOwner', { field: 'with' })
    await expect(world.call(alice, { can: 'jar/peek', subject: world.did, proofs: [lease] }), 'NotOwner')
    await expect(world.call(alice, { can: 'jar/audit', subject: world.did, proofs: [lease] }), 'NotOwner')
    await expect(world.call(alice, { can: 'host/leases', subject: world.did, proofs: [lease] }), 'NotOwner')
  })

  it('not even the host itself uses what is leased as the host', () =>
    expect(stage.world.call(stage.world.signer, { subject: stage.world.did }), 'NotOwner', { field: 'with' }))

  it('an ability of operators is about the host, and needs its delegation', async () => {
    const { world, lease } = stage
    const operator = await given(world.signer, bob, world.did, { can: 'host/*' })
    await expect(world.call(bob, { can: 'host/requests', subject: world.did, proofs: [operator] }), 'ok')
    await expect(world.call(bob, { can: 'host/requests', subject: world.did }), 'NotOwner')
    await expect(world.call(bob, { can: 'host/requests', subject: bob.did, proofs: [operator] }), 'NotOwner', { field: 'with' })
    await expect(world.call(mallory, { can: 'host/requests', subject: world.did, proofs: [operator] }), 'NotOwner')
    await expect(world.call(alice, { can: 'host/requests', subject: world.did, proofs: [lease] }), 'NotOwner')
    // What alice gives away of the host is nothing, since she has nothing of it.
    const stolen = await given(alice, mallory, world.did, { can: 'host/*', proofs: [lease] })
    await expect(world.call(mallory, { can: 'host/requests', subject: world.did, proofs: [stolen] }), 'NotOwner')
    await expect(world.call(bob, { can: 'jar/audit', subject: world.did, proofs: [operator] }), 'NotOwner')
  })

  it('an open ability needs the space, or whom it gave it to', async () => {
    const { world, device } = stage
    await expect(world.call(bob, { can: 'jar/peek' }), 'ok')
    await expect(world.call(phone, { can: 'jar/peek', subject: alice.did, proofs: [device] }), 'ok')
    await expect(world.call(phone, { can: 'jar/peek', subject: alice.did }), 'NotOwner')
  })
})

describe('input', () => {
  const stage = setTheStage()
  const put = (nb: Record<string, unknown>) => stage.world.call(alice, { can: 'jar/put', nb, proofs: [stage.lease] })

  it('is closed: what is not known is refused, not dropped', async () => {
    await expect(put({ thing: 'a' }), 'ok')
    await expect(put({ thing: 'a', maxSize: 10 }), 'InvalidInput', { field: 'maxSize' })
    await expect(put({ thing: 'a', constructor: 1 }), 'InvalidInput', { field: 'constructor' })
    await expect(put({ thing: 'a', toString: 'x' }), 'InvalidInput', { field: 'toString' })
  })

  it('has the shape that the contract gives it', async () => {
    await expect(put({}), 'InvalidInput', { field: 'thing' })
    await expect(put({ thing: '' }), 'InvalidInput', { field: 'thing' })
    await expect(put({ thing: 1 }), 'InvalidInput', { field: 'thing' })
    await expect(put({ thing: 'a', size: -1 }), 'InvalidInput', { field: 'size' })
    await expect(put({ thing: 'a', size: 1.5 }), 'InvalidInput', { field: 'size' })
    await expect(put({ thing: 'a', size: '1' }), 'InvalidInput', { field: 'size' })
    await expect(put({ thing: 'a', size: null }), 'InvalidInput', { field: 'size' })
    await expect(put({ thing: { length: 1 } }), 'InvalidInput', { field: 'thing' })
    await expect(stage.world.call(alice, { nb: { at: 'bafy' }, proofs: [stage.lease] }), 'InvalidInput', { field: 'at' })
  })

  it('may be absent where nothing is required', async () => {
    const { world, lease } = stage
    await expect(world.call(alice, { capabilities: [{ can: 'jar/look', with: alice.did }], proofs: [lease] }), 'ok')
    await expect(world.call(alice, { capabilities: [{ can: 'jar/put', with: alice.did }], proofs: [lease] }), 'InvalidInput')
  })

  it('tells nothing of what went wrong inside', async () => {
    const { world, lease } = stage
    const { error } = await world.call(alice, { can: 'jar/break', proofs: [lease] })
    if (error?.name !== 'Internal' || JSON.stringify(error).includes('passwd') || 'stack' in error) throw new Error(JSON.stringify(error))
  })
})
