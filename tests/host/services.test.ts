import assert from 'node:assert/strict'
import { Failure, type Provided } from '@symbiosis/protocol'
import { operatorPath, readOperator } from '../../host/index.ts'
import { jarService } from '../attacks/jar.ts'
import { alice, expect, folders, World } from '../fixtures.ts'

describe('a host with services of others', () => {
  const folder = folders()

  it('has no two of one name', async () => {
    const isTwin = (error: unknown) => error instanceof Failure && error.name === 'InvalidInput' && error.details.field === 'jar'
    // Its other abilities would reach the records of the first.
    const jar = jarService()
    const twin = { ...jar, service: { ...jar.service, abilities: {} } } as Provided
    await assert.rejects(World.open({ dir: folder(), services: [jar, twin] }), isTwin)
  })

  it('is refused by what a service throws that has a copy of its own', async () => {
    const copy = '../../protocol/failure.ts?installed-apart'
    const { Failure: Other } = (await import(copy)) as { Failure: typeof Failure }
    const jar = jarService()
    const refuses = () => {
      throw new Other('Denied', 'No.', { hint: 'Ask.' })
    }
    const world = await World.open({ dir: folder(), services: [{ ...jar, handlers: { ...jar.handlers, look: refuses } }] })
    await expect(world.call(alice, { proofs: [await world.lease(alice)] }), 'Denied', { hint: 'Ask.' })
    await world.close()
  })

  it('lets its operator do what they leave to operators, and nobody else', async () => {
    const world = await World.open({ dir: folder() })
    const { signer, delegation } = readOperator(operatorPath(world.dir))
    await expect(world.call(signer, { can: 'jar/audit', subject: world.did, proofs: [delegation] }), 'ok')
    await expect(world.call(alice, { can: 'jar/audit', subject: world.did, proofs: [await world.lease(alice)] }), 'NotOwner')
    // It speaks for the host, and is no lease of it.
    await expect(world.call(signer, { proofs: [delegation] }), 'NoLease')
    await world.close()
  })
})
