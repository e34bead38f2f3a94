import assert from 'node:assert/strict'
import { type Host, operatorPath, readOperator } from '@symbiosis/host'
import { archive, type DID, delegate, extract, operator } from '@symbiosis/protocol'
import { memoryWallet, type Symbiont } from '@symbiosis/symbiont'
import { base64url } from 'multiformats/bases/base64'
import { encodeBundle, readBundle } from '../../symbiont/bundle.ts'
import { refused, shelf, World } from './world.ts'

const lend = async (from: Symbiont, to: Symbiont, can = ['shelf/*']) => {
  const delegated = await from.delegate(to.agent, can)
  await to.accept(delegated.token)
  return delegated
}

/** Waits for work beside the calls. */
const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (let tries = 0; !(await holds()); tries++) {
    assert.ok(tries < 200, 'it did not come about')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe('revoking', () => {
  it('ends what was lent, by CID or by token, and the refusal says by whom and when', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.owner('attic')
    for (const by of ['cid', 'token'] as const) {
      const bob = await world.symbiont()
      const delegated = await lend(ada, bob)
      await bob.use(shelf).list()
      world.time += 10
      const revoked = await ada.revoke(delegated[by])
      assert.deepEqual(
        [revoked.cid, revoked.by, revoked.hosts.map(({ name, at }) => [name, at])],
        [delegated.cid, ada.space, [['attic', world.time]]],
      )
      for (const again of [1, 2]) {
        const refusal = await refused(bob.use(shelf).list())
        assert.deepEqual(
          [refusal.name, refusal.link, refusal.chain, refusal.by, refusal.at],
          ['Revoked', delegated.cid, 'owner', ada.space, world.time],
          `call ${again}`,
        )
      }
      assert.deepEqual(await ada.use(shelf).list(), { things: [] })
    }
  })

  it('ends a stream, whose reader is told, and which is remembered like the refusal of a call', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.owner('attic')
    const bob = await world.symbiont()
    const { cid } = await lend(ada, bob)
    const { body } = await bob.use(shelf).pour({ bytes: 1000 })
    await ada.revoke(cid)
    const refusal = await refused(new Response(body).arrayBuffer())
    assert.deepEqual([refusal.name, refusal.link, refusal.chain, refusal.by], ['Revoked', cid, 'owner', ada.space])
    // Without asking anybody.
    world.down('attic')
    assert.equal((await refused(bob.delegate(ada.agent, ['shelf']))).name, 'Revoked')
  })

  it('ends what was made from it', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.owner('attic')
    const [bob, cora] = [await world.symbiont(), await world.symbiont()]
    const { cid } = await lend(ada, bob)
    await lend(bob, cora)
    await ada.revoke(cid)
    const refusal = await refused(cora.use(shelf).list())
    assert.deepEqual([refusal.name, refusal.link], ['Revoked', cid])
    assert.equal((await refused(bob.use(shelf).list())).name, 'Revoked')
    assert.equal((await refused(bob.delegate(cora.agent, ['shelf']))).name, 'Revoked')
  })

  it('is for issuers, for those above them, and for who received it', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.owner('attic')
    const [bob, cora] = [await world.symbiont(), await world.symbiont()]
    await lend(ada, bob)
    const first = await lend(bob, cora)
    assert.equal((await bob.revoke(first.cid)).by, bob.agent)
    const second = await lend(bob, cora)
    assert.equal((await cora.revoke(second.cid)).by, cora.agent)
    const third = await lend(bob, cora)
    assert.equal((await refused(ada.revoke(third.cid))).name, 'NotFound')
    assert.equal((await ada.revoke(third.token)).by, ada.space)
    const stranger = await world.owner('attic')
    assert.equal((await refused(stranger.revoke(third.token))).name, 'NotRevoker')
    assert.equal((await refused(cora.revoke(await rootCid(cora)))).name, 'NotRevoker')
  })

  it('ends a lease at its host only', async () => {
    await using world = new World()
    await world.host('attic')
    await world.host('cellar')
    const ada = await world.owner('attic', 'cellar')
    const lease = ada.leases().find(({ hostName }) => hostName === 'attic')
    const revoked = await ada.revoke(lease?.cid ?? '')
    assert.deepEqual(
      revoked.hosts.map(({ name }) => name),
      ['attic'],
    )
    assert.equal(ada.leases().find(({ cid }) => cid === lease?.cid)?.state, 'revoked')
    assert.deepEqual(await ada.use(shelf).ring(), { at: 'cellar' })
    const refusal = await refused(ada.use(shelf, { host: 'attic' }).ring())
    assert.deepEqual([refusal.name, refusal.chain, refusal.link], ['Revoked', 'lease', lease?.cid])
  })

  it('lets others go on elsewhere where a host tells them', async () => {
    await using world = new World()
    await world.host('attic')
    await world.host('cellar')
    const ada = await world.owner('attic', 'cellar')
    const bob = await world.symbiont()
    await lend(ada, bob)
    await ada.revoke(ada.leases().find(({ hostName }) => hostName === 'attic')?.cid ?? '')
    assert.deepEqual(await bob.use(shelf).ring(), { at: 'cellar' })
    assert.deepEqual(
      bob.leases().map(({ hostName, state }) => [hostName, state]),
      [
        ['attic', 'revoked'],
        ['cellar', 'valid'],
      ],
    )
    world.calls.length = 0
    await bob.use(shelf).ring()
    assert.deepEqual(world.calls, ['http://cellar.test/'])
  })

  it('of leases is for operators, too', async () => {
    await using world = new World()
    const attic = await world.host('attic')
    const ada = await world.owner('attic')
    const boss = await world.symbiont()
    await boss.accept(await operatorToken(attic, boss.agent))
    assert.equal(boss.space, boss.agent)
    const { leases } = await boss.use(operator).leases()
    assert.deepEqual(
      leases.map(({ space }) => space),
      [ada.space],
    )
    const lease = extract(leases[0]?.archive as Uint8Array)
    await boss.revoke(base64url.encode(archive(lease)))
    const refusal = await refused(ada.use(shelf).list())
    assert.deepEqual([refusal.name, refusal.chain, refusal.by], ['Revoked', 'lease', attic.did])
  })

  it('is not got round by asking a host that has not heard of it', async () => {
    await using world = new World()
    await world.host('attic')
    await world.host('cellar')
    const ada = await world.owner('attic', 'cellar')
    const bob = await world.symbiont()
    const { cid } = await lend(ada, bob)
    world.down('cellar')
    await ada.revoke(cid)
    world.up('cellar')
    world.calls.length = 0
    assert.equal((await refused(bob.use(shelf).list())).name, 'Revoked')
    assert.deepEqual(world.calls, ['http://attic.test/'])
  })

  it('asks no host again that has acknowledged', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.owner('attic')
    const { cid } = await lend(ada, await world.symbiont())
    const first = await ada.revoke(cid)
    world.time += 100
    world.calls.length = 0
    assert.deepEqual(await ada.revoke(cid), first)
    assert.deepEqual(world.calls, [])
  })

  it('leaves room for what still works, however much is revoked', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.owner('attic')
    const bob = await world.symbiont()
    await lend(ada, bob)
    for (let round = 0; round < 5; round++) await bob.revoke((await lend(ada, bob)).cid)
    assert.deepEqual(await bob.use(shelf).list(), { things: [] })
  })

  it('prefers what is not revoked', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.owner('attic')
    const bob = await world.symbiont()
    const first = await lend(ada, bob)
    await ada.revoke(first.cid)
    assert.equal((await refused(bob.use(shelf).list())).name, 'Revoked')
    await lend(ada, bob)
    assert.deepEqual(await bob.use(shelf).list(), { things: [] })
  })

  it('changes nothing where no host acknowledges', async () => {
    await using world = new World()
    await world.host('attic')
    const ada = await world.owner('attic')
    const bob = await world.symbiont()
    const { cid } = await lend(ada, bob)
    world.down('attic')
    const refusal = await refused(ada.revoke(cid))
    assert.equal(refusal.name, 'Unavailable')
    assert.match(refusal.hint ?? '', /still works/)
    world.up('attic')
    assert.deepEqual(await bob.use(shelf).list(), { things: [] })
    const lonely = await world.symbiont()
    await lonely.createSpace()
    const unused = await lonely.delegate(bob.agent, ['shelf'])
    assert.equal((await refused(lonely.revoke(unused.cid))).name, 'Unavailable')
    assert.equal((await refused(lonely.revoke('bafyreib'))).name, 'NotFound')
  })

  it('reaches hosts that were away: by revoking again, by a later call, by opening again', async () => {
    for (const later of ['revoke', 'call', 'open'] as const) {
      await using world = new World()
      await world.host('attic')
      await world.host('cellar')
      const wallet = memoryWallet()
      const ada = await world.symbiont(wallet)
      await ada.createSpace()
      for (const name of ['attic', 'cellar']) {
        await ada.pair(`http://${name}.test`)
        await ada.request({ shelf: {} }, { host: name })
      }
      const bob = await world.symbiont()
      const { cid } = await lend(ada, bob)
      world.down('cellar')
      const first = await ada.revoke(cid)
      assert.deepEqual(
        first.hosts.map(({ name, error }) => [name, error?.name]),
        [
          ['attic', undefined],
          ['cellar', 'Unavailable'],
        ],
      )
      world.up('cellar')
      world.time += 61
      if (later === 'revoke') assert.ok((await ada.revoke(cid)).hosts.every(({ error }) => !error))
      if (later === 'call') await ada.use(shelf).list()
      if (later === 'open') await world.symbiont(wallet)
      await until(async () => (await wallet.load())?.revoked[0]?.told.length === 2)
      assert.equal((await refused(bob.use(shelf, { host: 'cellar' }).list())).name, 'Revoked')
    }
  })

  it('reaches a host that comes to lease to the space afterwards', async () => {
    await using world = new World()
    await world.host('attic')
    const cellar = await world.host('cellar')
    const wallet = memoryWallet()
    const ada = await world.symbiont(wallet)
    await ada.createSpace()
    await ada.pair('http://attic.test')
    await ada.request({ shelf: {} })
    const { cid } = await ada.delegate((await world.symbiont()).agent, ['shelf'])
    await ada.revoke(cid)
    await ada.pair('http://cellar.test')
    await ada.request({ shelf: {} }, { host: 'cellar' })
    await until(async () => !!(await wallet.load())?.revoked[0]?.told.some(({ host }) => host === cellar.did))
  })

  it('cuts off a stolen device that the space was made on', async () => {
    await using world = new World()
    await world.host('attic')
    const stolen = await world.symbiont()
    const { phrase } = await stolen.createSpace()
    await stolen.pair('http://attic.test')
    await stolen.request({ shelf: {} })
    const phone = await world.symbiont()
    await lend(stolen, phone, ['*'])
    const root = await rootCid(phone)
    // What the phone was lent hangs on the stolen device: the phrase gives it a hold of its own.
    await phone.recoverSpace(phrase)
    await phone.revoke(root)
    assert.equal((await refused(stolen.use(shelf).list())).name, 'Revoked')
    assert.deepEqual(await phone.use(shelf).list(), { things: [] })
  })
})

/** What the operator of a host gives to a device of theirs. */
const operatorToken = async ({ dir, did, name }: Host, audience: string): Promise<string> => {
  const { signer, delegation: proof } = readOperator(operatorPath(dir))
  const capabilities = proof.ucan.capabilities
  const delegation = await delegate(signer, { audience: audience as DID, capabilities, expiration: null, proofs: [proof] })
  return encodeBundle({ delegation, leases: [], hosts: [{ did, name, urls: [`http://${name}.test/`] }] })
}

/** The CID of the delegation that heads a device's chain. */
const rootCid = async (symbiont: Symbiont): Promise<string> => {
  const { delegation } = readBundle((await symbiont.delegate(symbiont.agent, ['shelf'])).token)
  return String(delegation.proofs.find(({ proofs }) => proofs.length === 0)?.cid)
}
