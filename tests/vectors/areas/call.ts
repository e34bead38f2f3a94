import { encode } from '@symbiosis/protocol'
import { blockOf } from '../../attacks/bent.ts'
import { alice, bob, mallory, phone } from '../../fixtures.ts'
import type { VectorFile } from '../format.ts'
import { Exchanges } from '../making.ts'
import { host } from '../presumed.ts'

export const call = async (): Promise<VectorFile> => {
  const area = new Exchanges(
    'call',
    'What a call is about: its capability, its audience, its ability, its resource, its input; and what is told of handlers that fail.',
  )
  const lease = await area.lease(alice)
  const through = { leases: [[lease]] }
  const from = { from: alice, proofs: [lease] }
  const one = { can: 'jar/look', with: alice.did, nb: {} }
  const refused = (code: string, field?: string) => ({ code, chain: 'invocation', ...(field && { field }) })

  await area.call('one capability', 'As every call has.', { ...from, capabilities: [one] }, through)
  await area.call('the same capability twice', 'A call has one.', { ...from, capabilities: [one, one] }, refused('Malformed'))
  await area.call(
    'two capabilities',
    'A call has one.',
    { ...from, capabilities: [one, { can: 'jar/put', with: alice.did, nb: { thing: 'x' } }] },
    refused('Malformed'),
  )
  await area.call('another audience', 'It is for another host.', { ...from, audience: bob.did }, refused('WrongAudience'))
  await area.call('no nb', 'It means the same as an empty one.', { ...from, capabilities: [{ can: 'jar/look', with: alice.did }] }, through)

  for (const can of [
    'jar/lock',
    'jar/*',
    'jar/look/at',
    'jarring/put',
    'nothing/look',
    '*',
    'lease/jar/look',
    'jar/constructor',
    'jar/tostring',
  ])
    await area.call(`the ability ${can}`, 'There is none of this name.', { ...from, can }, refused('UnknownAbility', 'can'))

  await area.call(
    'a leased ability over the host',
    'A lease is no delegation: the host itself is no space.',
    { from: host, subject: host.did },
    refused('NotOwner', 'with'),
  )
  await area.call(
    'a leased ability over the host, by a lessee',
    'The same, of who has a lease.',
    { ...from, subject: host.did },
    refused('NotOwner', 'with'),
  )
  await area.call('an operator ability over a space', 'It is about the host.', { ...from, can: 'jar/audit' }, refused('NotOwner', 'with'))
  await area.call(
    'an operator ability, by the host',
    'The host needs no delegation.',
    { from: host, can: 'jar/audit', subject: host.did },
    { ok: {} },
  )
  const operator = await area.given(host, bob, host.did, { can: 'jar/audit' })
  await area.call(
    'an operator ability, by an operator',
    'By the delegation of the host.',
    { from: bob, can: 'jar/audit', subject: host.did, proofs: [operator] },
    { owner: [operator], ok: {} },
  )
  await area.call(
    'an operator ability, by anybody',
    'Without a delegation of the host.',
    { from: mallory, can: 'jar/audit', subject: host.did },
    { code: 'NotOwner', chain: 'owner' },
  )
  await area.call(
    'an operator ability, by a lessee',
    'A lease is no delegation.',
    { ...from, can: 'jar/audit', subject: host.did },
    { code: 'NotOwner', chain: 'owner' },
  )
  await area.call('an open ability', 'The space is enough.', { from: mallory, can: 'jar/peek' }, { ok: {} })
  await area.call(
    'an open ability, for another space',
    'Open to all spaces, in the name of their owners.',
    { from: mallory, can: 'jar/peek', subject: alice.did },
    { code: 'NotOwner', chain: 'owner' },
  )
  const device = await area.given(alice, phone, alice.did)
  await area.call(
    'an open ability, by a device',
    'By the delegation of the owner.',
    { from: phone, can: 'jar/peek', subject: alice.did, proofs: [device] },
    { owner: [device], ok: {} },
  )

  const at = blockOf(encode('somewhere')).cid
  await area.call('a link as input', 'The field `at` is a link.', { ...from, nb: { at } }, through)
  await area.call(
    'an input that does not fit',
    'The field `at` is a link, and this is its text.',
    { ...from, nb: { at: String(at) } },
    refused('InvalidInput', 'at'),
  )
  await area.call(
    'an input with a field more',
    'Inputs are closed: what is unknown is refused, not dropped.',
    { ...from, nb: { more: 1 } },
    refused('InvalidInput', 'more'),
  )
  await area.call(
    'an input with a field named like a method',
    'It is unknown as well.',
    { ...from, nb: { constructor: 1 } },
    refused('InvalidInput', 'constructor'),
  )
  await area.call(
    'an input without what it needs',
    'The field `thing` is missing.',
    { ...from, can: 'jar/put' },
    refused('InvalidInput', 'thing'),
  )
  await area.call(
    'an input that is too short',
    'A thing has a name.',
    { ...from, can: 'jar/put', nb: { thing: '' } },
    refused('InvalidInput', 'thing'),
  )
  await area.call(
    'an input that is too long',
    'A text has 4096 UTF-16 units at the most.',
    { ...from, nb: { tag: 'x'.repeat(4097) } },
    refused('InvalidInput', 'tag'),
  )
  await area.call(
    'a number below its least',
    'A size is not negative.',
    { ...from, can: 'jar/put', nb: { thing: 'x', size: -1 } },
    refused('InvalidInput', 'size'),
  )
  await area.call(
    'a number with a fraction',
    'A size is whole.',
    { ...from, can: 'jar/put', nb: { thing: 'x', size: 1.5 } },
    refused('InvalidInput', 'size'),
  )
  await area.call(
    'an answer with content',
    'A thing was put in.',
    { ...from, can: 'jar/put', nb: { thing: 'x', size: 7 } },
    { ...through, ok: { size: 7 } },
  )

  await area.call('an ability that streams, without a stream', 'A message alone brings none.', { ...from, can: 'jar/fill' }, 'Unsupported')
  const two = await Promise.all([area.invocation({ ...from, can: 'jar/fill' }), area.invocation({ ...from })])
  area.steps('an ability that streams beside another', 'Nobody could tell whose the stream is.', [
    area.stepOf(two, { proofs: [lease] }, ['Unsupported', through]),
  ])
  await area.call('a handler that fails', 'The caller hears no more than that.', { ...from, can: 'jar/break' }, 'Internal')

  for (const [name, subject] of [
    ['its DID with a fragment', `${alice.did}#${alice.did.slice('did:key:'.length)}`],
    ['its DID with the method in capitals', alice.did.replace('key', 'KEY')],
    ['its DID with a space behind it', `${alice.did} `],
    ['a DID of another kind of key', 'did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169'],
    ['a DID of another method', 'did:web:host.example'],
    ['everything', 'ucan:*'],
  ] as const)
    await area.call(
      `with ${name} in place of a space`,
      'A space is named by its DID, letter by letter.',
      { ...from, subject },
      {
        code: 'NotOwner',
        chain: 'owner',
      },
    )
  return area.file()
}
