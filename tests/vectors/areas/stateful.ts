import type { LocalSigner, Proof } from '@symbiosis/protocol'
import { bent } from '../../attacks/bent.ts'
import { alice, bob, HOUR, laptop, mallory, NOW, phone } from '../../fixtures.ts'
import type { VectorFile } from '../format.ts'
import { Exchanges, type Expected } from '../making.ts'
import { host } from '../presumed.ts'

export const limits = async (): Promise<VectorFile> => {
  const area = new Exchanges(
    'limits',
    'Limits are metered by everybody whom a lease chain passes through. The steps of a vector are held with one host, in their order.',
  )
  const put = (from: LocalSigner, thing: string, size: number, proofs: readonly Proof[], expected: Expected) =>
    area.step({ from, can: 'jar/put', nb: { thing, size }, proofs }, expected)
  const over = (field: string): Expected => ({ code: 'LimitExceeded', chain: 'lease', field })

  const ten = await area.lease(alice, { nb: { bytes: 10 } })
  const ok = (size: number, ...leases: Proof[][]): Expected => ({ leases, ok: { size } })
  area.steps('as much as the lease has', 'To the last byte, and one more.', [
    await put(alice, 'a', 6, [ten], ok(6, [ten])),
    await put(alice, 'b', 5, [ten], over('bytes')),
    await put(alice, 'c', 4, [ten], ok(4, [ten])),
    await put(alice, 'd', 1, [ten], over('bytes')),
    await area.step({ from: alice, proofs: [ten] }, { leases: [[ten]], ok: { things: ['a', 'c'] } }),
  ])
  const one = await area.lease(alice, { nb: { things: 1 } })
  area.steps('as many as the lease has', 'Another limit.', [
    await put(alice, 'a', 1, [one], ok(1, [one])),
    await put(alice, 'b', 1, [one], over('things')),
  ])
  area.steps('a lease of nothing', 'A limit of zero.', [
    await area.lease(alice, { nb: { bytes: 0 } }).then((none) => put(alice, 'a', 1, [none], over('bytes'))),
  ])
  const renewed = await area.lease(alice, { nb: { bytes: 10 }, expiration: NOW + 2 * HOUR })
  area.steps('a renewed lease', 'It does not reset what is stored.', [
    await put(alice, 'a', 8, [ten], ok(8, [ten])),
    await put(alice, 'b', 3, [renewed], over('bytes')),
  ])
  area.steps('a second lease with room', 'The first that has room is charged.', [
    await put(alice, 'a', 8, [ten], ok(8, [ten])),
    await area.lease(alice, { nb: { bytes: 20 } }).then((twenty) => put(alice, 'b', 3, [ten, twenty], ok(3, [ten], [twenty]))),
  ])
  const forBob = await area.sublease(alice, bob, { nb: { bytes: 8 }, proofs: [ten] })
  const forPhone = await area.sublease(alice, phone, { nb: { bytes: 8 }, proofs: [ten] })
  area.steps('two sub-leases under one lease', 'Together they are stopped at the lease above.', [
    await put(bob, 'a', 8, [forBob], ok(8, [ten, forBob])),
    await put(phone, 'b', 3, [forPhone], over('bytes')),
    await put(phone, 'b', 2, [forPhone], ok(2, [ten, forPhone])),
    await put(alice, 'c', 1, [ten], over('bytes')),
  ])
  return area.file()
}

export const replay = async (): Promise<VectorFile> => {
  const area = new Exchanges(
    'replay',
    'Calls that run once, however often they come. The steps of a vector are held with one host, in their order.',
  )
  const lease = await area.lease(alice)
  const spec = { from: alice, can: 'jar/count', proofs: [lease] }
  const counted = (count: number): Expected => ({ leases: [[lease]], ok: { count } })
  const call = await area.invocation(spec)
  const [first, again] = [area.stepOf([call], spec, [counted(1)]), area.stepOf([call], spec, [counted(1)], NOW + 120)]
  area.steps('a call twice', 'It gets the same receipt, to the last second in which it may come.', [
    first,
    { ...first },
    again,
    await area.step({ ...spec, expiration: NOW + 160 }, counted(2), NOW + 120),
  ])
  area.steps('a call that comes too late', 'It ended, whatever was answered before.', [
    first,
    area.stepOf([call], spec, [{ code: 'Expired', chain: 'invocation' }], NOW + 121),
  ])
  area.steps('a call again without its lease', 'Each replay is authorized anew.', [
    first,
    area.stepOf([call], { blocks: [] }, [{ code: 'NoLease', chain: 'lease' }]),
  ])
  area.steps('another call of the same words', 'Another nonce, another call.', [first, await area.step(spec, counted(2))])
  const revoke = await area.step({ from: host, can: 'ucan/revoke', nb: { ucan: lease.ucan.cid }, attach: [lease] }, { partly: { at: NOW } })
  area.steps('a call again after its lease was revoked', 'Each replay is authorized anew.', [
    first,
    revoke,
    area.stepOf([call], spec, [{ code: 'Revoked', chain: 'lease', link: String(lease.ucan.cid) }]),
  ])
  const idempotent = await area.invocation({ from: alice, can: 'jar/look', proofs: [lease] })
  const look = area.stepOf([idempotent], { proofs: [lease] }, [{ leases: [[lease]] }])
  area.steps('a read twice', 'The same answer is the same receipt.', [look, { ...look }])
  return area.file()
}

export const revocation = async (): Promise<VectorFile> => {
  const area = new Exchanges(
    'revocation',
    'Who may take a delegation or a lease back, what this host keeps of it, and what falls with it. The steps of a vector are held with one host, in their order.',
  )
  const lease = await area.lease(alice)
  const first = await area.given(alice, phone, alice.did, { can: '*' })
  const second = await area.given(phone, laptop, alice.did, { can: '*', proofs: [first] })
  const third = await area.given(laptop, bob, alice.did, { can: '*', proofs: [second] })
  const done: Expected = { partly: { at: NOW } }
  const revoke = (by: LocalSigner, proof: Proof, expected: Expected = done, over: object = {}) =>
    area.step({ from: by, can: 'ucan/revoke', nb: { ucan: proof.ucan.cid }, proofs: [lease], attach: [proof], ...over }, expected)
  const look = (from: LocalSigner, proof: Proof, expected: Expected) =>
    area.step({ from, subject: alice.did, proofs: [lease, proof] }, expected)
  const good: Expected = { owner: [first, second, third], leases: [[lease]] }
  const revoked = (proof: Proof, by: LocalSigner): Expected => ({
    code: 'Revoked',
    chain: 'owner',
    link: String(proof.ucan.cid),
    by: by.did,
  })

  for (const [name, by] of Object.entries({ 'its issuer': laptop, 'an issuer above': phone, 'the space': alice, 'its audience': bob }))
    area.steps(`a delegation, by ${name}`, 'It ends, and those above it stand.', [
      await look(bob, third, good),
      await revoke(by, third),
      await look(bob, third, revoked(third, by)),
      await look(laptop, second, { owner: [first, second], leases: [[lease]] }),
    ])
  area.steps('a delegation with others below', 'They fall with it.', [
    await revoke(alice, first),
    await look(bob, third, revoked(first, alice)),
  ])
  const mayRevoke = await area.given(alice, phone, alice.did, { can: 'ucan/revoke' })
  const mayLook = await area.given(alice, laptop, alice.did)
  const inName = (proof: Proof) => ({ subject: alice.did, proofs: [lease, proof] })
  area.steps('in the name of the space', 'By a device that may, and not by one that may not.', [
    await revoke(laptop, third, { code: 'NotOwner', chain: 'owner' }, inName(mayLook)),
    await revoke(phone, third, { owner: [mayRevoke], partly: { at: NOW } }, inName(mayRevoke)),
    await look(bob, third, revoked(third, alice)),
  ])
  const ownLease = await area.lease(mallory)
  area.steps('by a stranger', 'Whatever lease is shown.', [
    await revoke(mallory, third, 'NotRevoker', { proofs: [ownLease] }),
    await revoke(mallory, third, 'NotRevoker'),
    await look(bob, third, good),
  ])
  area.steps('by who received what came of it', 'A receiver takes back what it was given, and nothing above.', [
    await revoke(bob, second, 'NotRevoker'),
    await revoke(laptop, first, 'NotRevoker'),
  ])
  const own = await area.given(mallory, phone, alice.did, { can: '*' })
  const two = await area.given(phone, bob, alice.did, { can: '*', proofs: [first, own] })
  area.steps('by an issuer of a path that does not hold', 'It bears only on the paths in which its author stands.', [
    await revoke(mallory, two),
    await look(bob, two, { owner: [first, two], leases: [[lease]] }),
    await revoke(alice, two),
    await look(bob, two, revoked(two, alice)),
  ])
  const again = await revoke(alice, third)
  area.steps('twice', 'The first time is kept.', [await revoke(alice, third), { ...again, now: NOW + 30 }])
  const forged: Proof = { ucan: { ...third.ucan, ...bent(third.ucan, { exp: NOW + 2 * HOUR }) }, proofs: third.proofs }
  area.steps('of what nobody signed', 'A UCAN with another end under the same signature.', [await revoke(bob, forged, 'BadSignature')])
  area.steps('of what does not come along', 'The UCAN itself.', [await revoke(alice, third, 'NotFound', { attach: [] })])
  area.steps('without what the proof names', 'A block of `proof` does not come along.', [
    await revoke(bob, third, 'NotFound', { nb: { ucan: third.ucan.cid, proof: [ownLease.ucan.cid] } }),
  ])
  area.steps('without the chain above', 'Nobody above it is known.', [
    await revoke(alice, third, 'NotRevoker', { attach: [{ ucan: third.ucan, proofs: [] }] }),
  ])

  const leased = (from: LocalSigner, proof: Proof, expected: Expected) => area.step({ from, proofs: [proof] }, expected)
  const ended: Expected = { code: 'Revoked', chain: 'lease', link: String(lease.ucan.cid) }
  const alone = { proofs: [] }
  area.steps('a lease, by the host', 'It ends.', [
    await leased(alice, lease, { leases: [[lease]] }),
    await revoke(host, lease, done, alone),
    await leased(alice, lease, ended),
  ])
  area.steps('a lease, by the space', 'Its audience may.', [
    await revoke(alice, lease, done, alone),
    await leased(alice, lease, { ...ended, by: alice.did }),
  ])
  const operator = await area.given(host, bob, host.did, { can: 'ucan/revoke' })
  area.steps('a lease, by an operator', 'In the name of the host.', [
    await revoke(bob, lease, { owner: [operator], partly: { at: NOW } }, { subject: host.did, proofs: [operator] }),
    await leased(alice, lease, { ...ended, by: host.did }),
  ])
  area.steps('a lease, by a stranger', 'Neither issuer nor audience.', [await revoke(mallory, lease, 'NotRevoker', alone)])
  const below = await area.sublease(alice, bob, { proofs: [lease] })
  area.steps('a lease with a sub-lease', 'It falls with it, and its lessee can not take the lease back.', [
    await revoke(bob, lease, 'NotRevoker', alone),
    await leased(bob, below, { leases: [[lease, below]] }),
    await revoke(host, lease, done, alone),
    await leased(bob, below, ended),
  ])
  const other = await area.lease(alice)
  area.steps('a lease beside another', 'A revoked one voids only itself.', [
    await revoke(host, lease, done, alone),
    await area.step({ from: alice, proofs: [lease, other] }, { leases: [[other]] }),
  ])

  const junk = await area.given(mallory, bob, mallory.did)
  area.steps('of a space without a lease here', 'Anyone can mint junk: it is not kept.', [
    await revoke(mallory, junk, 'NoLease', alone),
    await revoke(mallory, junk, 'NoLease'),
  ])
  area.steps('of a space with a lease here', 'It is kept.', [await revoke(mallory, junk, done, { proofs: [ownLease] })])
  const old = await area.lease(mallory, { expiration: NOW - 61 })
  area.steps('of a space whose lease has ended', 'It is not kept.', [await revoke(mallory, junk, 'NoLease', { proofs: [old] })])
  const sublet = await area.sublease(mallory, bob, { expiration: null, proofs: [old] })
  area.steps('of a sub-lease below a lease that has ended', 'It would be a way in for ever.', [
    await revoke(mallory, sublet, 'NoLease', alone),
  ])
  const beside = await area.given(mallory, bob, mallory.did, { proofs: [lease] })
  area.steps('of what names the lease of another as its proof', 'It does not come of it.', [
    await revoke(mallory, beside, 'NoLease', alone),
  ])
  area.steps('by who is named in a proof that is none', 'alice is issuer of what is named, and not above.', [
    await revoke(alice, await area.given(mallory, bob, mallory.did, { proofs: [first] }), 'NotRevoker'),
  ])
  const few = await area.lease(alice, { nb: { things: 1 } })
  const tooMany = await area.sublease(alice, mallory, { nb: { things: 2 }, proofs: [few] })
  const enough = await area.sublease(alice, mallory, { nb: { things: 1 }, proofs: [few] })
  area.steps('of a space whose sub-lease is void', 'It is for more than the lease above it.', [
    await revoke(mallory, junk, 'NoLease', { proofs: [tooMany] }),
    await revoke(mallory, junk, done, { proofs: [enough] }),
  ])
  const [more, most] = [await area.given(mallory, bob, mallory.did), await area.given(mallory, bob, mallory.did)]
  const bounded = { proofs: [ownLease] }
  area.steps(
    'more than a lease lets in',
    'The bound is two.',
    [
      await revoke(mallory, junk, done, bounded),
      await revoke(mallory, more, done, bounded),
      await revoke(mallory, most, { code: 'LimitExceeded', field: 'revocations' }, bounded),
    ],
    { options: { maxRevocationsPerSpace: 2 } },
  )
  return area.file()
}

export const asking = async (): Promise<VectorFile> => {
  const area = new Exchanges('asking', 'Asking for leases. The steps of a vector are held with one host, in their order.')
  const abilities = [{ can: 'jar/*', limits: { bytes: 5 } }]
  const request = (expected: Expected, nb: object = { abilities }, now?: number) =>
    area.step({ from: alice, can: 'access/request', nb, expiration: (now ?? NOW) + 60 }, expected, now)
  area.steps('granted', 'By an owner who allows all.', [await request({ partly: { state: 'granted' } })])
  area.steps('denied', 'By an owner who denies all.', [await request('Denied')], { options: { consent: 'deny' } })
  area.steps('left waiting', 'By an owner who is not there.', [await request({ partly: { state: 'pending', expires: NOW + 600 } })], {
    options: { consent: 'ask' },
  })
  area.steps('too many that wait', 'The bound is one.', [await request({ partly: { state: 'pending' } }), await request('RateLimited')], {
    options: { consent: 'ask', maxPendingPerSpace: 1 },
  })
  area.steps('of what is not leased here', 'There is no such service.', [
    await request('UnknownAbility', { abilities: [{ can: 'shelf/*' }] }),
  ])
  area.steps('of what is not leased at all', 'An ability that no lease covers.', [
    await request('UnknownAbility', { abilities: [{ can: 'ucan/revoke' }] }),
  ])
  area.steps('of nothing', 'A request asks for something.', [
    await request({ code: 'InvalidInput', field: 'abilities' }, { abilities: [] }),
  ])
  area.steps('of an unknown limit', 'The service has none of that name.', [
    await request('InvalidInput', { abilities: [{ can: 'jar/*', limits: { maxSize: 1 } }] }),
  ])

  const made = await area.invocation({ from: alice, can: 'access/request', nb: { abilities } })
  const asked = area.stepOf([made], {}, [{ partly: { state: 'pending' } }])
  const wait = (from: LocalSigner, expected: Expected, now: number) =>
    area.step({ from, can: 'access/wait', nb: { request: made.cid }, expiration: now + 60 }, expected, now)
  area.steps('nobody answered', 'A request ends after 600 seconds.', [asked, await wait(alice, 'Expired', NOW + 601)], {
    options: { consent: 'ask' },
  })
  area.steps('the request of another space', 'It is as absent as none.', [asked, await wait(mallory, 'NotFound', NOW)], {
    options: { consent: 'ask' },
  })
  const granted = area.stepOf([made], {}, [{ partly: { state: 'granted' } }])
  area.steps('granted, and asked for again', 'Who waits hears it.', [granted, await wait(alice, { partly: { state: 'granted' } }, NOW + 1)])
  return area.file()
}
