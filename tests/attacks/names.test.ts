import assert from 'node:assert/strict'
import { ability, provide, service, struct } from '@symbiosis/protocol'
import { alice, bob, expect, folders, given, mallory, phone, setTheStage, verdict, World } from '../fixtures.ts'
import { jarService } from './jar.ts'

/** A service of any name, with one ability of any authority. */
const named = (id: string, name = 'look', authority: 'open' | 'leased' | 'operator' = 'leased') =>
  provide(
    service(id, {
      rev: 1,
      about: 'Is called so',
      abilities: { [name]: ability({ about: 'Looks', authority, effect: 'read', nb: struct({}), ok: struct({}) }) },
    }),
    {
      [name]: () => ({}),
    } as never,
  )

describe('names of services', () => {
  const folder = folders()

  it('are not what leases are told by', () => {
    for (const id of ['lease', 'Jar', 'jar/look', 'jar*', '', '*', 'ucan:', '__proto__', 'j\u00e4r'])
      assert.throws(() => service(id, { rev: 1, about: '', abilities: {} }), TypeError)
    for (const name of ['', '*', 'a/b', '__proto__', 'Look', 'l\u00f6ok']) assert.throws(() => named('jar', name), TypeError)
  })

  it('are taken once: no service stands in for the host itself, or for another', async () => {
    for (const id of ['ucan', 'host', 'access', 'jar'])
      for (const authority of ['open', 'leased', 'operator'] as const)
        await assert.rejects(World.open({ dir: folder(), services: [jarService(), named(id, 'other', authority)] }), {
          name: 'InvalidInput',
        })
    for (const name of ['lookAt', 'lookat']) {
      const { service: twice, handlers } = named('twice', name)
      const both = { ...twice, abilities: { ...twice.abilities, lookAt: twice.abilities[name], lookat: twice.abilities[name] } }
      const provided = { service: both, handlers: { lookAt: handlers[name], lookat: handlers[name] }, hooks: {} }
      await assert.rejects(World.open({ dir: folder(), services: [provided as never] }), TypeError)
    }
  })

  it('may be those of methods, which then find the service and nothing inherited', async () => {
    const world = await World.open({ dir: folder(), services: [named('constructor', 'valueOf')] })
    const lease = await world.lease(alice, { can: 'lease/constructor/*' })
    await expect(world.call(alice, { can: 'constructor/valueof', proofs: [lease] }), 'ok')
    for (const can of ['constructor/tostring', 'tostring/valueof', 'constructor/constructor'])
      await expect(world.call(alice, { can, proofs: [lease] }), 'UnknownAbility')
    await world.close()
  })
})

describe('names of abilities', () => {
  const stage = setTheStage()

  /** Spellings that some reader, table or eye takes for `jar/look`. */
  const ALIKE = [
    'jar/loo\u212a', // the sign for kelvin, which lower-cases to k
    'jar/\u017fook', // a long s, which upper-cases to S
    '\u0458ar/look', // a Cyrillic j
    'jar\uff0flook',
    'jar/look\u0000',
    'jar/look ',
    ' jar/look',
    'jar/look\n',
    'jar\\look',
    'jar//look',
    '/jar/look',
    'jar/look/',
    'jar/lo*k',
    'jar/*/look',
    '*/look',
    'jar/%6cook',
    'jar',
    '',
    'l\u0435ase/jar/*',
  ]

  it('are in lower-case letters that have one reading', async () => {
    const { world, lease } = stage
    for (const can of ALIKE) assert.equal(await verdict(world.call(alice, { can, proofs: [lease] })), 'Malformed', JSON.stringify(can))
    for (const can of ['JAR/LOOK', 'Jar/look', 'jar/looK'])
      assert.equal(await verdict(world.call(alice, { can, proofs: [lease] })), 'NotCanonical', can)
    for (const can of ['jar/./look', 'jar/../jar/look', 'jar/look.', 'jar.look/look'])
      await expect(world.call(alice, { can, proofs: [lease] }), 'UnknownAbility')
  })

  it('that are spelled in another way delegate and lease nothing, and hide nothing', async () => {
    const { world, lease, device } = stage
    for (const can of ALIKE) {
      const [bent, leased] = [await given(alice, phone, alice.did, { can }), await world.lease(alice, { can: `lease/${can}` })]
      await expect(world.call(phone, { subject: alice.did, proofs: [lease, bent] }), 'NotOwner')
      await expect(world.call(alice, { proofs: [leased] }), 'NoLease')
      await expect(world.call(phone, { subject: alice.did, proofs: [leased, bent, lease, device] }), 'ok')
    }
  })

  it("of the host's own services are not to be leased, whatever a lease says", async () => {
    const { world } = stage
    const leases = await Promise.all(['host', 'ucan', 'access'].map((id) => world.lease(alice, { can: `lease/${id}/*` })))
    for (const subject of [alice.did, world.did]) {
      await expect(world.call(alice, { can: 'host/leases', subject, proofs: leases }), 'NotOwner')
      await expect(world.call(alice, { can: 'jar/look', subject, proofs: leases }), subject === world.did ? 'NotOwner' : 'NoLease')
    }
    for (const can of ['host/*', 'ucan/revoke', 'access/*', 'lease/jar/*', 'lease/*', '*', 'ucan:*', 'jar', 'jar/*/x', '']) {
      const nb = { abilities: [{ can }] }
      await expect(world.call(alice, { can: 'access/request', nb }), 'UnknownAbility', { field: 'abilities[0].can' })
    }
  })
})

describe('names of spaces', () => {
  const stage = setTheStage()

  it('are DIDs in their one spelling: what looks like one is somebody else, or nobody', async () => {
    const { world, lease, device } = stage
    const { did } = alice
    for (const subject of [
      `${did}#${did.slice('did:key:'.length)}`,
      `${did}?x`,
      `${did}/`,
      `${did} `,
      ` ${did}`,
      `${did}\n`,
      did.toUpperCase(),
      did.toLowerCase(),
      did.replace('did:key:', 'DID:KEY:'),
      did.replace('did:key:', 'did:KEY:'),
      'did:web:host.example',
      'did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme', // secp256k1
      'did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169', // P-256
      'did:mailto:example.com:alice',
      'ucan:*',
      'ucan://*',
      'https://host.example/',
    ]) {
      for (const can of ['jar/look', 'jar/peek', 'access/request', 'ucan/revoke']) {
        const nb = can === 'access/request' ? { abilities: [{ can: 'jar/*' }] } : can === 'ucan/revoke' ? { ucan: lease.ucan.cid } : {}
        for (const from of [alice, phone])
          await expect(world.call(from, { can, nb, subject, proofs: [lease, device], attach: [lease] }), 'NotOwner')
      }
      await expect(world.call(alice, { can: 'host/leases', subject, proofs: [lease] }), 'NotOwner')
      // Nor is a delegation or a lease over them one over the space or the host.
      await expect(
        world.call(phone, { subject: did, proofs: [lease, await given(alice, phone, subject)] }),
        subject === 'ucan:*' ? 'ok' : 'NotOwner',
      )
      await expect(world.call(alice, { proofs: [await world.lease(alice, { host: subject })] }), 'NoLease')
    }
    for (const subject of ['', 'alice', '/', 'did'])
      assert.equal(await verdict(world.call(alice, { subject, proofs: [lease] })), 'Malformed', subject)
  })

  it('are never the host, in any class of authority, but where a call is about the host itself', async () => {
    const { world, lease } = stage
    const all = await given(world.signer, mallory, world.did, { can: '*' })
    const everything = await given(world.signer, mallory, world.did, { capabilities: [{ can: '*', with: 'ucan:*' }] })
    const own = await world.lease(world.signer)
    for (const proofs of [[], [lease], [own]]) {
      await expect(world.call(world.signer, { can: 'jar/look', subject: world.did, proofs }), 'NotOwner', { field: 'with' })
      await expect(world.call(alice, { can: 'jar/look', subject: world.did, proofs }), 'NotOwner', { field: 'with' })
      await expect(world.call(alice, { can: 'jar/peek', subject: world.did, proofs }), 'NotOwner')
      await expect(
        world.call(alice, { can: 'ucan/revoke', nb: { ucan: lease.ucan.cid }, subject: world.did, proofs, attach: [lease] }),
        'NotOwner',
      )
    }
    // All that the host could give away of itself leases nothing.
    for (const proof of [all, everything]) {
      await expect(world.call(mallory, { can: 'jar/look', subject: world.did, proofs: [proof, own] }), 'NotOwner', { field: 'with' })
      await expect(world.call(mallory, { can: 'jar/look', proofs: [proof, own] }), 'NoLease')
      await expect(world.call(mallory, { can: 'jar/look', subject: alice.did, proofs: [proof, lease] }), 'NotOwner')
    }
    // It may lease from itself, like everybody; sub-leased, that's a lease to whom it went.
    const onward = await world.sublease(world.signer, bob, { proofs: [own] })
    await expect(world.call(bob, { proofs: [onward] }), 'ok')
    await expect(world.call(mallory, { proofs: [onward] }), 'NoLease')
  })

  it('take no delegation for a lease, and no lease for a delegation', async () => {
    const { world, lease, device } = stage
    const [asLease, asDelegation] = [
      await world.lease(alice, { can: 'jar/*' }),
      await given(alice, phone, alice.did, { can: 'lease/jar/*' }),
    ]
    await expect(world.call(phone, { subject: alice.did, proofs: [device, asLease] }), 'NoLease')
    await expect(world.call(phone, { subject: alice.did, proofs: [device, device] }), 'NoLease')
    await expect(world.call(phone, { subject: alice.did, proofs: [lease, asDelegation] }), 'NotOwner')
    await expect(world.call(phone, { subject: alice.did, proofs: [lease, lease] }), 'NotOwner')
    // A delegation to lease is not a lease: alice has none to hand on here but by sub-leasing.
    const toLease = await given(alice, phone, world.did, { can: 'lease/jar/*' })
    await expect(world.call(phone, { proofs: [toLease] }), 'NoLease')
  })
})
