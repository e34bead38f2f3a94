import { type HomeLog, homeLogsFact, MAX_HOME_LOGS } from '@symbiosis/protocol'
import { alice, bob, laptop, mallory, phone } from '../../fixtures.ts'
import type { VectorFile } from '../format.ts'
import { Exchanges, type Expected } from '../making.ts'
import { host } from '../presumed.ts'

export const freshness = async (): Promise<VectorFile> => {
  const area = new Exchanges(
    'freshness',
    'Logs that delegations name, by the fact `{ logs: [{ did, url }] }`. The host has heard of no log but its own, and asks for none.',
  )
  const lease = await area.lease(alice)
  const log = (of: { did: HomeLog['did'] }): HomeLog => ({ did: of.did, url: 'https://host.example/' })
  const naming = (...of: { did: HomeLog['did'] }[]) => ({ facts: [homeLogsFact(of.map(log))] })
  const device = (over: object) => area.given(alice, phone, alice.did, over)
  const shown = async (name: string, description: string, over: object, expected: 'ok' | Expected) => {
    const proof = await device(over)
    const spec = { from: phone, subject: alice.did, proofs: [lease, proof] }
    await area.call(name, description, spec, expected === 'ok' ? { owner: [proof], leases: [[lease]] } : expected)
  }
  const stale = { code: 'StaleLog', chain: 'owner' }
  const misshapen = { code: 'NotOwner', chain: 'owner' }

  await shown('no log', 'Nothing has to be heard of.', {}, 'ok')
  await shown('the log of the host itself', 'It is never behind.', naming(host), 'ok')
  await shown('the log of another host', 'It was never heard of.', naming(bob), stale)
  await shown('the logs of both', 'Each of them has to be fresh.', naming(host, bob), stale)
  await shown('logs in two facts', 'All facts count.', { facts: [...naming(host).facts, ...naming(bob).facts] }, stale)
  await shown(
    'beside facts of others',
    'They say nothing to a host.',
    { facts: [{ colour: 'red' }, { ...naming(bob).facts[0], colour: 'red' }] },
    stale,
  )
  await shown('facts of others alone', 'Neither do these.', { facts: [{ colour: 'red' }, { log: [log(bob)] }] }, 'ok')
  await shown('an empty list', 'It names none.', { facts: [{ logs: [] }] }, 'ok')

  for (const [name, logs] of [
    ['a log that is no list', log(bob)],
    ['a log without its address', [{ did: bob.did }]],
    ['a log with an empty address', [{ did: bob.did, url: '' }]],
    ['a log with a field that nobody knows', [{ ...log(bob), name: 'bob' }]],
    ['a log of what is no did:key', [{ ...log(bob), did: 'did:web:host.example' }]],
    ['nine logs', Array.from({ length: MAX_HOME_LOGS + 1 }, () => log(host))],
  ] as const) {
    await shown(name, 'The delegation is void: it meant to say something that nobody could hold to.', { facts: [{ logs }] }, misshapen)
  }

  const upper = await area.given(alice, laptop, alice.did, naming(bob))
  const lower = await area.given(laptop, phone, alice.did, { proofs: [upper] })
  const call = { from: phone, subject: alice.did }
  await area.call('a log that a link above names', 'Nobody sheds it by delegating onward.', { ...call, proofs: [lease, lower] }, stale)
  const plain = await device({})
  await area.call(
    'another chain',
    'A chain with a stale log is none where another holds.',
    { ...call, proofs: [lease, lower, plain] },
    { owner: [plain], leases: [[lease]] },
  )
  await area.call('no lease', 'Freshness is asked of whole chains.', { ...call, proofs: [lower] }, { code: 'NoLease', chain: 'lease' })
  await area.call(
    'an ability that asks for none',
    'What is open needs no log.',
    { ...call, can: 'jar/peek', proofs: [lower] },
    {
      owner: [upper, lower],
      ok: {},
    },
  )
  const ofMallory = await area.given(mallory, phone, alice.did, naming(bob))
  await area.call('a log of a chain that is none', 'What is no chain names nothing.', { ...call, proofs: [lease, ofMallory] }, misshapen)
  return area.file()
}
