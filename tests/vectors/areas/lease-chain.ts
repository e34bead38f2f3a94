import type { Proof } from '@symbiosis/protocol'
import { alice, bob, HOUR, mallory, NOW, phone } from '../../fixtures.ts'
import type { VectorFile } from '../format.ts'
import { Exchanges, type Expected } from '../making.ts'
import { host } from '../presumed.ts'

export const leaseChain = async (): Promise<VectorFile> => {
  const area = new Exchanges(
    'lease-chain',
    'The lease chain: from the host, by leases, to the space. A sub-lease is within the lease above it, or void as a whole.',
  )
  const lease = await area.lease(alice)
  const refused = { code: 'NoLease', chain: 'lease' }
  const look = (
    name: string,
    description: string,
    from: typeof alice,
    proofs: readonly Proof[],
    leases: readonly (readonly Proof[])[] | Expected,
    over: object = {},
  ) => area.call(name, description, { from, proofs, ...over }, Array.isArray(leases) ? { leases } : (leases as Expected))

  await look('a lease', 'Of the host, to the space.', alice, [lease], [[lease]])
  await look('no lease', 'A space that shows nothing.', alice, [], refused)
  const small = await area.lease(alice, { nb: { bytes: 5 } })
  await look('two leases that hold', 'In the order in which they are named.', alice, [lease, small], [[lease], [small]])
  await look('the lease of another space', 'It was given to alice.', bob, [lease], { ...refused, link: String(lease.ucan.cid) })
  await look('a lease that anybody signed', 'A chain begins with the host.', alice, [await area.sublease(mallory, alice)], refused)
  await look('a lease of another host', 'Over the DID of another.', alice, [await area.lease(alice, { subject: mallory.did })], refused)

  const device = await area.given(alice, phone, alice.did)
  const toAgent = await area.lease(phone)
  const asDevice = { subject: alice.did }
  await look('a lease to the device', 'Leases are for the space, and not for who calls.', phone, [device, toAgent], refused, asDevice)
  await area.call(
    'a lease to the space, and a device',
    'Both chains.',
    { from: phone, proofs: [device, lease], ...asDevice },
    { owner: [device], leases: [[lease]] },
  )
  await look(
    'a sub-lease of who has none',
    'The device has no lease.',
    phone,
    [device, await area.sublease(phone, alice)],
    refused,
    asDevice,
  )

  for (const [can, holds] of Object.entries({
    'lease/jar/*': true,
    'lease/jar/look': true,
    'lease/jar/put': false,
    'lease/jarring/*': false,
    '*': false,
    'ucan:*': false,
    'lease/*': false,
    'jar/*': false,
    'jar/look': false,
    'lease/jar/look/*': false,
    'lease/lease/jar/look': false,
  })) {
    const each = await area.lease(alice, { can })
    await look(`a lease of ${can}`, 'A lease is of one service, by whole segments.', alice, [each], holds ? [[each]] : refused)
  }
  await look('a lease of another service', 'Its name begins with that of the service.', alice, [lease], refused, { can: 'jarring/look' })
  const capability = { can: 'lease/jar/*', with: host.did }
  const leaseOf = (capabilities: object[]) => area.lease(alice, { capabilities })
  await look(
    'a lease of two capabilities',
    'A lease has one.',
    alice,
    [await leaseOf([capability, { can: 'lease/jarring/*', with: host.did }])],
    refused,
  )
  await look('a lease over the space', 'It is over the host.', alice, [await leaseOf([{ ...capability, with: alice.did }])], refused)
  await look('a lease over everything', 'Not `ucan:*`.', alice, [await leaseOf([{ can: '*', with: 'ucan:*' }])], refused)

  for (const [name, nb, holds] of [
    ['no limits', {}, true],
    ['limits', { bytes: 10, things: 0 }, true],
    ['an unknown limit', { maxSize: 1 }, false],
    ['a limit named like a method', { constructor: 1 }, false],
    ['a negative limit', { bytes: -1 }, false],
    ['a limit with a fraction', { bytes: 1.5 }, false],
    ['a limit as text', { bytes: '10' }, false],
    ['a limit that is null', { bytes: null }, false],
    ['a limit that is a map', { bytes: { most: 1 } }, false],
  ] as const) {
    const each = await area.lease(alice, { nb })
    await look(`a lease with ${name}`, 'Limits are closed, and whole numbers.', alice, [each], holds ? [[each]] : refused)
  }
  const unknown = await area.lease(alice, { nb: { maxSize: 1 } })
  await look('a void lease before a good one', 'It voids only itself.', alice, [unknown, lease], [[lease]])

  /** A sub-lease of alice's to bob, made of a lease that the host gave her. */
  const through = async (name: string, description: string, above: object, below: object, holds: boolean, over: object = {}) => {
    const parent = await area.lease(alice, above)
    const child = await area.sublease(alice, bob, { proofs: [parent], ...below })
    await look(name, description, bob, [child], holds ? [[parent, child]] : refused, over)
  }
  await through('a sub-lease', 'As good as a lease.', {}, {}, true)
  await through('a sub-lease of as much', 'The same limit.', { nb: { bytes: 10 } }, { nb: { bytes: 10 } }, true)
  await through(
    'a sub-lease of less',
    'A lower limit, an earlier end.',
    { nb: { bytes: 10 } },
    { nb: { bytes: 9 }, expiration: NOW + 1 },
    true,
  )
  await through('a sub-lease that says nothing', 'It inherits.', { nb: { bytes: 10, things: 2 } }, { nb: { things: 1 } }, true)
  await through('a sub-lease with a limit of its own', 'Above there is none.', {}, { nb: { bytes: 5 } }, true)
  await through('a sub-lease of the same ability', 'As narrow.', { can: 'lease/jar/look' }, { can: 'lease/jar/look' }, true)
  await through('a sub-lease of a narrower ability', 'One of them.', {}, { can: 'lease/jar/look' }, true)
  await through('a sub-lease of a wider ability', 'All for one.', { can: 'lease/jar/look' }, { can: 'lease/jar/*' }, false)
  await through('a sub-lease of another ability', 'One for another.', { can: 'lease/jar/put' }, { can: 'lease/jar/look' }, false)
  await through('a sub-lease of more', 'One more.', { nb: { bytes: 10 } }, { nb: { bytes: 11 } }, false)
  await through(
    'a sub-lease of more of one limit',
    'Less of the other does not make up for it.',
    { nb: { bytes: 10, things: 1 } },
    { nb: { bytes: 1, things: 2 } },
    false,
  )
  await through(
    'a sub-lease that ends with the one above',
    'At the same second.',
    { expiration: NOW + HOUR },
    { expiration: NOW + HOUR },
    true,
  )
  await through('a sub-lease that ends later', 'One second.', { expiration: NOW + HOUR }, { expiration: NOW + HOUR + 1 }, false)
  await through('a sub-lease that never ends', 'It would outlive all above.', {}, { expiration: null }, false)
  await through('a sub-lease below one of another host', 'The lease above is void.', { subject: mallory.did }, {}, false)

  const top = await area.lease(alice, { nb: { bytes: 10 } })
  const middle = await area.sublease(alice, phone, { proofs: [top] })
  const last = (bytes: number) => area.sublease(phone, bob, { nb: { bytes }, proofs: [middle] })
  const [ten, eleven] = [await last(10), await last(11)]
  await look('a sub-lease past one that says nothing', 'As much as further above.', bob, [ten], [[top, middle, ten]])
  await look('a sub-lease past one that says nothing, of more', 'More than further above.', bob, [eleven], refused)
  const narrow = await area.sublease(alice, phone, { nb: { bytes: 5 }, proofs: [top] })
  const between = await area.sublease(phone, bob, { nb: { bytes: 8 }, proofs: [narrow] })
  await look('a sub-lease past one that says less', 'Less than further above, more than right above.', bob, [between], refused)

  await look(
    'a sub-lease of another than the lessee',
    'mallory leases what alice has.',
    bob,
    [await area.sublease(mallory, bob, { proofs: [lease] })],
    refused,
  )
  await look("a sub-lease of one's own", 'bob leases what alice has.', bob, [await area.sublease(bob, bob, { proofs: [lease] })], refused)
  const below = await area.sublease(alice, bob, { proofs: [lease] })
  await look('a sub-lease without the lease above', 'It does not come along.', bob, [{ ucan: below.ucan, proofs: [] }], refused)
  const two = await area.sublease(alice, bob, { proofs: [lease, small] })
  await look(
    'a sub-lease of two leases',
    'Two chains.',
    bob,
    [two],
    [
      [lease, two],
      [small, two],
    ],
  )
  const wide = await area.sublease(alice, bob, { nb: { bytes: 6 }, proofs: [lease, small] })
  await look('a sub-lease of two leases, within one of them', 'One chain.', bob, [wide], [[lease, wide]])
  return area.file()
}
