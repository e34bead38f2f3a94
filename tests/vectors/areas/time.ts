import { alice, bob, HOUR, NOW, phone } from '../../fixtures.ts'
import type { VectorFile } from '../format.ts'
import { Exchanges } from '../making.ts'

export const time = async (): Promise<VectorFile> => {
  const area = new Exchanges('time', 'Time, with clocks that may differ by 60 seconds, both ends included; and how long a call may live.')
  const lease = await area.lease(alice)
  const through = { leases: [[lease]] }
  const call = (over: object) => ({ from: alice, proofs: [lease], ...over })
  const refused = (code: string, chain: string) => ({ code, chain })

  await area.call('a call that ended 60 seconds ago', 'The last second.', call({ expiration: NOW - 60 }), through)
  await area.call('a call that ended 61 seconds ago', 'One too late.', call({ expiration: NOW - 61 }), refused('Expired', 'invocation'))
  await area.call('a call that begins in 60 seconds', 'The first second.', call({ notBefore: NOW + 60 }), through)
  await area.call('a call that begins in 61 seconds', 'One too early.', call({ notBefore: NOW + 61 }), refused('TooEarly', 'invocation'))
  await area.call(
    'a call that lives as long as it may',
    'The longest life, and the difference of clocks.',
    call({ expiration: NOW + 660 }),
    through,
  )
  await area.call('a call that lives too long', 'One second more.', call({ expiration: NOW + 661 }), refused('TooLong', 'invocation'))
  await area.call(
    'a call that never ends',
    'Who keeps it could send it at any time.',
    call({ expiration: null }),
    refused('TooLong', 'invocation'),
  )

  const shown = async (over: object) => {
    const device = await area.given(alice, phone, alice.did, over)
    return { device, spec: { from: phone, subject: alice.did, proofs: [lease, device] } }
  }
  for (const [name, description, over, code] of [
    ['a delegation that ended 60 seconds ago', 'The last second.', { expiration: NOW - 60 }, undefined],
    ['a delegation that ended 61 seconds ago', 'One too late.', { expiration: NOW - 61 }, 'Expired'],
    ['a delegation that begins in 60 seconds', 'The first second.', { notBefore: NOW + 60 }, undefined],
    ['a delegation that begins in 61 seconds', 'One too early.', { notBefore: NOW + 61 }, 'TooEarly'],
    ['a delegation that never ends', 'The owner may delegate for good.', { expiration: null }, undefined],
    ['a delegation that is both too late and too early', 'The end is told.', { expiration: NOW - 61, notBefore: NOW + 61 }, 'Expired'],
  ] as const) {
    const { device, spec } = await shown(over)
    await area.call(name, description, spec, code ? refused(code, 'owner') : { owner: [device], ...through })
  }
  const ended = await area.given(alice, phone, alice.did, { expiration: NOW - 61 })
  const below = await area.given(phone, bob, alice.did, { expiration: null, proofs: [ended] })
  await area.call(
    'a delegation that outlives the one above it',
    'It ends with it.',
    { from: bob, subject: alice.did, proofs: [lease, below] },
    { code: 'Expired', chain: 'owner', link: String(ended.ucan.cid) },
  )

  for (const [name, description, over, code] of [
    ['a lease that ended 60 seconds ago', 'The last second.', { expiration: NOW - 60 }, undefined],
    ['a lease that ended 61 seconds ago', 'One too late.', { expiration: NOW - 61 }, 'Expired'],
    ['a lease that begins in 60 seconds', 'The first second.', { notBefore: NOW + 60 }, undefined],
    ['a lease that begins in 61 seconds', 'One too early.', { notBefore: NOW + 61 }, 'TooEarly'],
    ['a lease that never ends', 'Leases end: it is void.', { expiration: null }, 'NoLease'],
  ] as const) {
    const each = await area.lease(alice, over)
    await area.call(name, description, { from: alice, proofs: [each] }, code ? refused(code, 'lease') : { leases: [[each]] })
  }
  const old = await area.lease(alice, { expiration: NOW - 61 })
  const renewed = await area.lease(alice, { expiration: NOW + HOUR })
  await area.call(
    'a lease that ended beside one that stands',
    'It voids only itself.',
    { from: alice, proofs: [old, renewed] },
    { leases: [[renewed]] },
  )
  return area.file()
}
