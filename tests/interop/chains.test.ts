import assert from 'node:assert/strict'
import {
  access,
  admit,
  archive,
  authorize,
  BOUNDS,
  canOf,
  type DID,
  delegate,
  extract,
  type Guard,
  generateSeed,
  isSigned,
  leaseCan,
  type Service,
  service,
  signerFromSeed,
  UcanMemory,
} from '@symbiosis/protocol'
import { ucantoCapabilities } from '@symbiosis/protocol/ucanto'
import { type API, Delegation, invoke, Message, parseLink } from '@ucanto/core'
import { ed25519, Verifier } from '@ucanto/principal'
import { CAR } from '@ucanto/transport'
import { capability, Schema, access as stockAccess, authorize as stockAuthorize } from '@ucanto/validator'
import { shelf } from './service.ts'
import { extractStock } from './stock.ts'

const now = () => Math.floor(Date.now() / 1000)
const signer = () => signerFromSeed(generateSeed())
/** The same key on the other side. */
const twin = (seed: Uint8Array) => ({ ours: signerFromSeed(seed), stock: ed25519.derive(seed) })

/** What the stock validator is configured with, everywhere. */
const config = (authority: DID) => ({
  authority: ed25519.Verifier.parse(authority),
  principal: Verifier,
  validateAuthorization: () => ({ ok: {} }),
})

const stockRead = capability({
  can: 'shelf/read',
  with: Schema.did({ method: 'key' }),
  nb: Schema.struct({ name: Schema.string() }),
})

describe('Our delegations, by the stock validator', () => {
  const seed = generateSeed()
  const host = signer()
  const space = signer()
  const other = signer()

  /** A stock invocation by `agent`, under a delegation of ours. */
  const verdict = async (
    capabilities: { can: string; with: string; nb?: { name: string } }[],
    options: { exp?: number | null; by?: typeof space } = {},
  ) => {
    const { ours, stock } = twin(seed)
    const { exp = now() + 60, by = space } = options
    const proof = await delegate(by, { audience: ours.did, capabilities, expiration: exp })
    const invocation = await invoke({
      issuer: await stock,
      audience: ed25519.Verifier.parse(host.did),
      capability: { can: 'shelf/read', with: space.did, nb: { name: 'a' } },
      proofs: [await extractStock(archive(proof))],
    }).delegate()
    const { ok, error } = await stockAccess(invocation as never, { capability: stockRead, ...config(host.did) } as never)
    assert.ok(ok || error)
    return Boolean(ok)
  }

  it('hold where they cover the claim', async () => {
    for (const can of ['shelf/read', 'shelf/*', '*']) assert.ok(await verdict([{ can, with: space.did }]), can)
    assert.ok(
      await verdict([
        { can: 'pin/*', with: other.did },
        { can: 'shelf/read', with: space.did, nb: { name: 'a' } },
      ]),
    )
    assert.ok(await verdict([{ can: 'shelf/read', with: space.did }], { exp: null }))
  })

  it('do not where they do not', async () => {
    assert.equal(await verdict([{ can: 'shelf/write', with: space.did }]), false)
    assert.equal(await verdict([{ can: 'shelf/*', with: other.did }]), false)
    assert.equal(await verdict([{ can: 'shelf/read', with: space.did, nb: { name: 'b' } }]), false)
    assert.equal(await verdict([{ can: 'shelf/read', with: space.did }], { exp: now() - 1 }), false)
    assert.equal(await verdict([{ can: 'shelf/read', with: space.did }], { by: other }), false)
  })

  it('hold as leases, for a claim that stands for them', async () => {
    const sub = signer()
    const lease = await delegate(host, {
      audience: space.did,
      capabilities: [{ can: 'lease/shelf/*', with: host.did, nb: { notes: 9 } }],
      expiration: now() + 60,
    })
    const onward = await delegate(space, {
      audience: sub.did,
      capabilities: [{ can: 'lease/shelf/*', with: host.did, nb: { notes: 3 } }],
      expiration: now() + 60,
      proofs: [lease],
    })
    const leased = capability({
      can: 'lease/shelf/read',
      with: Schema.did({ method: 'key' }),
      nb: Schema.struct({ notes: Schema.integer().optional() }),
      derives: (claimed, from) => (claimed.with === from.with ? { ok: true as const } : { error: new Error('another host') as never }),
    })
    /** Whether stock finds a lease from the host to `holder`: `authorize` on a claim that nobody made. */
    const holds = async (holder: DID, shown: typeof lease, over = host.did) => {
      const source = {
        capability: { can: 'lease/shelf/read', with: over, nb: {} },
        delegation: { cid: shown.ucan.cid, issuer: ed25519.Verifier.parse(holder), proofs: [await extractStock(archive(shown))] },
      }
      const match = leased.match(source as never)
      assert.ok(match.ok)
      const options = {
        ...config(host.did),
        canIssue: (claim: { with: string }, issuer: string) => claim.with === issuer,
        resolve: async () => ({ error: {} }),
      }
      return Boolean(
        (await stockAuthorize(match.ok as never, { ...options, resolveDIDKey: async () => ({ error: {} }), proofs: [] } as never)).ok,
      )
    }
    assert.ok(await holds(space.did, lease))
    assert.ok(await holds(sub.did, onward))
    assert.equal(await holds(sub.did, lease), false)
    assert.equal(await holds(space.did, lease, other.did), false)
  })
})

describe('Stock delegations, by our pipeline', () => {
  const host = signer()

  const guardOf = (...services: Service[]): Guard => {
    const routes = new Map(
      services.flatMap((each) =>
        Object.entries(each.abilities).map(([name, ability]) => {
          const can = canOf(each.id, name)
          return [can, { can, name, service: each, ability }] as const
        }),
      ),
    )
    return {
      host: host.did,
      now: now(),
      maxLife: 600,
      bounds: BOUNDS,
      ability: (can) => routes.get(can),
      revocations: () => [],
    }
  }

  /** What our pipeline says of a message that stock made. */
  const verdict = async (invocation: API.IssuedInvocationView, contract: Service) => {
    const { body } = await CAR.outbound.encode(await Message.build({ invocations: [invocation] }))
    const guard = guardOf(access, contract)
    const message = admit(body, guard.bounds, new UcanMemory())
    const [first] = message.invocations
    assert.ok(first)
    const result = authorize(first, message, guard)
    return result.error ? result.error.name : { space: result.ok.space, owner: result.ok.owner.length, leases: result.ok.leases.length }
  }

  const audience = ed25519.Verifier.parse(host.did)

  it('are read as archives, with valid signatures', async () => {
    const [a, b, c] = await Promise.all([ed25519.generate(), ed25519.generate(), ed25519.generate()])
    const first = await Delegation.delegate({ issuer: a, audience: b, capabilities: [{ can: 'shelf/*', with: a.did() }] })
    const second = await Delegation.delegate({
      issuer: b,
      audience: c,
      capabilities: [{ can: 'shelf/read', with: a.did() }],
      proofs: [first],
    })
    const bytes = (await second.archive()).ok as Uint8Array
    const { ucan, proofs } = extract(bytes)
    assert.equal(String(ucan.cid), String(second.cid))
    assert.deepEqual(
      proofs.map(({ cid }) => String(cid)),
      [String(first.cid)],
    )
    assert.ok([ucan, ...proofs].every(isSigned))
    // And the other way: what we archive of it, stock reads.
    assert.equal(String((await extractStock(archive({ ucan, proofs }))).cid), String(second.cid))
  })

  it('make owner chains', async () => {
    const [a, b, c] = await Promise.all([ed25519.generate(), ed25519.generate(), ed25519.generate()])
    const first = await Delegation.delegate({ issuer: a, audience: b, capabilities: [{ can: '*', with: a.did() }] })
    const second = await Delegation.delegate({
      issuer: b,
      audience: c,
      capabilities: [{ can: 'shelf/read', with: a.did(), nb: { name: 'n' } }],
      proofs: [first],
      expiration: Number.POSITIVE_INFINITY,
    })
    const call = (issuer: ed25519.EdSigner, name: string, proofs: API.Delegation[]) =>
      verdict(invoke({ issuer, audience, capability: { can: 'shelf/read', with: a.did(), nb: { name } }, proofs }), shelf)
    assert.deepEqual(await call(a, 'n', []), { space: a.did(), owner: 0, leases: 0 })
    assert.deepEqual(await call(b, 'n', [first]), { space: a.did(), owner: 1, leases: 0 })
    assert.deepEqual(await call(c, 'n', [second]), { space: a.did(), owner: 2, leases: 0 })
    assert.equal(await call(c, 'other', [second]), 'NotOwner')
    assert.equal(await call(b, 'n', [second]), 'NotOwner')
  })

  it('make leases, where a stock host or provider issued them', async () => {
    const provided = service('shelf', { ...shelf, abilities: { read: { ...shelf.abilities.read, authority: 'leased' } } })
    const seed = generateSeed()
    const [space, host2] = await Promise.all([ed25519.generate(), ed25519.derive(seed)])
    const guard = { ...guardOf(provided), host: signerFromSeed(seed).did }
    const lease = await Delegation.delegate({
      issuer: host2,
      audience: space,
      capabilities: [{ can: leaseCan('shelf/*') as API.Ability, with: host2.did() }],
      expiration: now() + 600,
    })
    const invocation = invoke({
      issuer: space,
      audience: host2,
      capability: { can: 'shelf/read', with: space.did(), nb: { name: 'n' } },
      proofs: [lease],
    })
    const { body } = await CAR.outbound.encode(await Message.build({ invocations: [invocation] }))
    const message = admit(body, guard.bounds, new UcanMemory())
    assert.equal(authorize(message.invocations[0] as never, message, guard).ok?.leases.length, 1)
  })
})

describe('Stock capabilities made of a contract', () => {
  const { read } = ucantoCapabilities(shelf)
  const after = parseLink('bafkqaaa')
  const before = parseLink('bafkqaaia')

  const parties = async () => {
    const [host, owner, device] = await Promise.all([ed25519.generate(), ed25519.generate(), ed25519.generate()])
    const allowed = async (nb: object, proofs: API.Delegation[]) => {
      const invocation = await read.invoke({ issuer: device, audience: host, with: owner.did(), nb: nb as never, proofs }).delegate()
      return Boolean((await stockAccess(invocation as never, { capability: read, ...config(host.did() as DID) } as never)).ok)
    }
    const delegated = (nb: object) => read.delegate({ issuer: owner, audience: device, with: owner.did(), nb: nb as never })
    return { host, owner, device, allowed, delegated }
  }

  it('invoke and delegate, links compared by value', async () => {
    const { allowed, delegated } = await parties()
    assert.ok(await allowed({ name: 'a' }, [await delegated({})]))
    assert.ok(await allowed({ name: 'a', after }, [await delegated({ after })]))
    assert.equal(await allowed({ name: 'a', after: before }, [await delegated({ after })]), false)
    assert.equal(await allowed({ name: 'a' }, [await delegated({ after })]), false)
    assert.equal(await allowed({ name: 'a' }, []), false)
  })

  it('refuse to make what the contract does not know', async () => {
    const { host, owner, device, delegated } = await parties()
    const make = (nb: object) => () => read.invoke({ issuer: device, audience: host, with: owner.did(), nb: nb as never })
    assert.throws(make({}), /name/)
    assert.throws(make({ name: 1 }), /name/)
    assert.throws(make({ name: 'a', more: 1 }), /more/)
    await assert.rejects(async () => delegated({ more: 1 }), /more/)
  })

  it('refuse a caveat that the schema does not know, which stock schemas drop', async () => {
    const { owner, device, allowed } = await parties()
    const capabilities: API.Capabilities = [{ can: 'shelf/read', with: owner.did(), nb: { only: 'on Sundays' } }]
    const restricted = await Delegation.delegate({ issuer: owner, audience: device, capabilities })
    assert.equal(await allowed({ name: 'a' }, [restricted]), false)
  })
})
