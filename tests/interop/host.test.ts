import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { pinService } from '@symbiosis/capabilities/pin/host'
import { allow, ask, type Consent, Host, openLog, operatorPath, readOperator } from '@symbiosis/host'
import { type HeliaEngine, helia } from '@symbiosis/host/helia'
import { httpChannel, invoke, operator } from '@symbiosis/protocol'
import { type API, Delegation, parseLink } from '@ucanto/core'
import type { ed25519 } from '@ucanto/principal'
import { file } from '../host/engine/fixtures.ts'
import { extractStock, okOf, stockCaller, stockSigner } from './stock.ts'

type Granted = { state: string; leases: Uint8Array[] }
type Pins = { pins: { root: unknown }[] }

describe('An unmodified @ucanto/client', () => {
  const folders: string[] = []
  const hosts: Host[] = []

  const openHost = async (consent: Consent) => {
    const dir = await mkdtemp(join(tmpdir(), 'symbiosis-interop-'))
    folders.push(dir)
    const engine = await helia({ dir: join(dir, 'engine') })
    const host = await Host.open({
      dir: join(dir, 'host'),
      engine,
      services: (blocks: HeliaEngine) => [pinService(blocks)],
      consent,
      collectEvery: 0,
      log: openLog({ level: 'silent' }),
    })
    hosts.push(host)
    const { url } = await host.listen()
    assert.ok(url)
    // How a stranger learns whom to address: by asking the host itself.
    const { did } = (await (await fetch(url)).json()) as { did: typeof host.did }
    return { host, engine, url, call: stockCaller(did, url) }
  }

  after(async () => {
    for (const host of hosts) await host.close()
    for (const dir of folders) await rm(dir, { recursive: true, force: true })
  })

  /** Content that lies in the host's engine already. */
  const put = async (engine: HeliaEngine) => {
    const { root, blocks } = file(20, 256)
    await engine.store(blocks, async () => {})
    return { root: parseLink(String(root.cid)), bytes: blocks.reduce((sum, block) => sum + block.bytes.length, 0), blocks: blocks.length }
  }

  it('asks for a lease, gets it at once under `allow`, and pins', async () => {
    const { host, engine, call } = await openHost(allow)
    const [space, agent] = [await stockSigner(), await stockSigner()]
    const asked = await call({
      issuer: space,
      can: 'access/request',
      with: space.did(),
      nb: { abilities: [{ can: 'pin/*', limits: { bytes: 1_000_000, pins: 3 } }], why: 'interop', app: { name: 'stock' }, ttl: 3600 },
    })
    const { state, leases } = okOf<Granted>(asked)
    assert.equal(state, 'granted')
    const [bytes, ...more] = leases
    assert.equal(more.length, 0)
    const lease = await extractStock(bytes)
    assert.equal(lease.issuer.did(), host.did)
    assert.equal(lease.audience.did(), space.did())
    assert.deepEqual(lease.capabilities, [{ can: 'lease/pin/*', with: host.did, nb: { bytes: 1_000_000, pins: 3 } }])

    const delegation = await Delegation.delegate({
      issuer: space,
      audience: agent,
      capabilities: [{ can: 'pin/*', with: space.did() }],
      expiration: Math.floor(Date.now() / 1000) + 3600,
    })
    const { root, ...content } = await put(engine)
    const proofs = [delegation, lease]
    const added = await call({ issuer: agent, can: 'pin/add', with: space.did(), nb: { root, name: 'stock' }, proofs })
    const { created, deadline: _, ...status } = okOf(added)
    assert.equal(typeof created, 'number')
    assert.deepEqual({ ...status, root: String(status.root) }, { root: String(root), name: 'stock', status: 'pinned', ...content })

    const listed = await call({ issuer: agent, can: 'pin/list', with: space.did(), proofs })
    assert.deepEqual(
      okOf<Pins>(listed).pins.map((pin) => String(pin.root)),
      [String(root)],
    )
    assert.deepEqual((await call({ issuer: agent, can: 'pin/remove', with: space.did(), nb: { root }, proofs })).ok, {})
  })

  it('waits for an operator under `ask`, as an agent of the space', async () => {
    const { host, engine, url, call } = await openHost(ask)
    const [space, agent] = [await stockSigner(), await stockSigner()]
    // As stock delegates everything over a space.
    const delegation = await Delegation.delegate({ issuer: space, audience: agent, capabilities: [{ can: '*', with: space.did() }] })
    const asked = await call({
      issuer: agent,
      can: 'access/request',
      with: space.did(),
      nb: { abilities: [{ can: 'pin/add' }, { can: 'pin/list' }] },
      proofs: [delegation],
    })
    const { state, code, request } = okOf(asked)
    assert.equal(state, 'pending')
    assert.match(code as string, /^[a-z2-9]{3}-[a-z2-9]{3}$/)

    const waiting = call({ issuer: agent, can: 'access/wait', with: space.did(), nb: { request }, proofs: [delegation] })
    await wait(50)
    const credential = readOperator(operatorPath(host.dir))
    const caller = {
      signer: credential.signer,
      host: host.did,
      subject: host.did,
      proofs: [credential.delegation],
      channel: httpChannel(url),
      now: () => Math.floor(Date.now() / 1000),
    }
    const { result: pending } = await invoke(caller, operator, 'requests', {})
    const [waits] = pending.ok?.requests ?? []
    assert.equal(waits?.space, space.did())
    assert.equal(waits?.agent, agent.did())
    assert.equal(waits?.code, code)
    assert.ok(waits)
    const { result: approved } = await invoke(caller, operator, 'approve', { request: waits.request })
    assert.equal(approved.error, undefined)

    const granted = await waiting
    assert.equal(granted.ok?.state, 'granted')
    const leases = await Promise.all(okOf<Granted>(granted).leases.map(extractStock))
    assert.deepEqual(
      leases.map(({ capabilities }) => capabilities[0]?.can),
      ['lease/pin/add', 'lease/pin/list'],
    )
    const proofs = [delegation, ...leases]
    const { root } = await put(engine)
    assert.equal((await call({ issuer: agent, can: 'pin/add', with: space.did(), nb: { root }, proofs })).ok?.status, 'pinned')
    const listed = await call({ issuer: agent, can: 'pin/list', with: space.did(), proofs })
    assert.equal(okOf<Pins>(listed).pins.length, 1)
  })

  describe('is refused with codes that it can read', () => {
    it('without a lease, without a delegation, and for a lease shown by another space', async () => {
      const { engine, call } = await openHost(allow)
      const [space, agent, other] = [await stockSigner(), await stockSigner(), await stockSigner()]
      const asked = await call({ issuer: space, can: 'access/request', with: space.did(), nb: { abilities: [{ can: 'pin/*' }] } })
      const lease = await extractStock(okOf<Granted>(asked).leases[0])
      const delegation = await Delegation.delegate({ issuer: space, audience: agent, capabilities: [{ can: 'pin/*', with: space.did() }] })
      const { root } = await put(engine)
      const refused = async (issuer: ed25519.EdSigner, over: ed25519.EdSigner, proofs: API.Delegation[]) =>
        (await call({ issuer, can: 'pin/add', with: over.did(), nb: { root }, proofs })).error?.name
      assert.equal(await refused(agent, space, [delegation]), 'NoLease')
      assert.equal(await refused(agent, space, [lease]), 'NotOwner')
      assert.equal(await refused(other, other, [lease]), 'NoLease')
      assert.equal(await refused(agent, space, [delegation, lease]), undefined)
    })

    it('for an unknown ability, an unknown field, and a claim over the host', async () => {
      const { host, call } = await openHost(allow)
      const space = await stockSigner()
      const asked = await call({ issuer: space, can: 'access/request', with: space.did(), nb: { abilities: [{ can: 'pin/*' }] } })
      const lease = await extractStock(okOf<Granted>(asked).leases[0])
      const refused = async (can: string, nb: object, resource = space.did() as string) =>
        (await call({ issuer: space, can, with: resource, nb, proofs: [lease] })).error?.name
      assert.equal(await refused('pin/constructor', {}), 'UnknownAbility')
      assert.equal(await refused('pin/list', { everything: true }), 'InvalidInput')
      assert.equal(await refused('pin/list', {}, host.did), 'NotOwner')
      assert.equal(await refused('host/leases', {}, host.did), 'NotOwner')
      assert.equal(await refused('pin/list', {}), undefined)
    })
  })
})
