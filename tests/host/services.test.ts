import assert from 'node:assert/strict'
import { type Context, cidOf, encode, Failure, type Provided, provide, service } from '@symbiosis/protocol'
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

  it('keeps what one of them fails at from the others, and from its own end', async () => {
    const dir = folder()
    const fails = (what: string) => () => {
      throw new Error(`${what} fails`)
    }
    const failing = provide(
      service('failing', { rev: 1, about: 'Fails beside its calls', abilities: {} }),
      {},
      { held: fails('held'), close: fails('close') },
    )
    const heard: string[] = []
    const hearing = provide(
      service('hearing', { rev: 1, about: 'Hears of roots', abilities: {} }),
      {},
      { held: (_, root) => void heard.push(String(root)), close: () => Promise.resolve().then(() => void heard.push('closed')) },
    )
    const jar = jarService()
    const root = cidOf(encode('milk'))
    const holds = (_: unknown, { commit }: Context) => commit((tx) => tx.hold(root)).then(() => ({ things: [] }))
    const holding = { ...jar, handlers: { ...jar.handlers, look: holds } } as Provided
    const world = await World.open({ dir, services: [failing, hearing, holding] })
    await expect(world.call(alice, { proofs: [await world.lease(alice)] }), 'ok')
    await world.close()
    assert.deepEqual(heard, [String(root), 'closed'])
    // Its folder is free, so all of it came to its end.
    await (await World.open({ dir })).close()
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
