import assert from 'node:assert/strict'
import {
  type Caller,
  type Channel,
  cidOf,
  decode,
  decodeReceipts,
  encode,
  encodeReceipts,
  Failure,
  invoke,
  issueReceipt,
  type LocalSigner,
  readReceipt,
  type Ucan,
} from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import { SIGNATURE_PREFIX } from '../../protocol/ucan.ts'
import { alice, mallory, messageOf, NOW, setTheStage, verdict } from '../fixtures.ts'
import { refuses } from '../protocol/refusal.ts'
import { blockOf } from './bent.ts'
import { jar } from './jar.ts'

/** What a caller believes: nothing but a receipt that its host signed, for the call that it made. */
describe('receipts', () => {
  const stage = setTheStage()
  const caller = (channel: Channel): Caller => ({
    signer: alice,
    host: stage.world.did,
    subject: alice.did,
    proofs: [stage.lease],
    channel,
    now: () => NOW,
  })
  /** A channel whose answer a liar makes from the true one. */
  const lying = (lie: (message: Uint8Array, honest: Uint8Array) => Uint8Array | Promise<Uint8Array>): Channel => ({
    url: 'lying:',
    request: async (message) => lie(message, await stage.world.channel.request(message)),
    open: () => assert.fail(),
  })
  const look = async (channel: Channel): Promise<string> => {
    try {
      return (await invoke(caller(channel), jar, 'look', {})).result.error?.name ?? 'ok'
    } catch (error) {
      if (error instanceof Failure) return error.name
      throw error
    }
  }
  const ranOf = (message: Uint8Array) => {
    const [[ran, block]] = [...decodeReceipts(message)] as [[string, { bytes: Uint8Array; cid: Ucan['cid'] }]]
    return { ran, block }
  }
  const signedBy = (signer: LocalSigner, out: object, honest: Uint8Array, over?: Ucan['cid']) => {
    const ran = CID.parse(ranOf(honest).ran)
    return encodeReceipts([{ ran, block: issueReceipt(signer, over ?? ran, out as never) }])
  }

  it('of the host for the call are believed', async () => {
    assert.equal(await look(stage.world.channel), 'ok')
    assert.equal(await look(lying((_, honest) => honest)), 'ok')
    assert.equal(await look(lying((_, honest) => signedBy(stage.world.signer, { ok: { things: [] } }, honest))), 'ok')
  })

  it('of another are not', async () => {
    assert.equal(await look(lying((_, honest) => signedBy(mallory, { ok: { things: [] } }, honest))), 'WrongAudience')
  })

  it('for another call are not', async () => {
    const other = cidOf(encode('another call'))
    assert.equal(await look(lying((_, honest) => signedBy(stage.world.signer, { ok: { things: [] } }, honest, other))), 'WrongAudience')
    const old = await stage.world.invocation(alice, { proofs: [stage.lease] })
    const before = await stage.world.channel.request(messageOf([old], [stage.lease.ucan, old]))
    assert.equal(await look(lying(() => before)), 'Malformed')
  })

  it('with a bad signature are not', async () => {
    const bentBy = (change: (receipt: { ocm: Record<string, unknown>; sig: Uint8Array }) => object) =>
      lying((_, honest) => {
        const { ran, block: original } = ranOf(honest)
        const { ocm, sig } = decode(original.bytes) as unknown as { ocm: Record<string, unknown>; sig: Uint8Array }
        const block = blockOf(encode(change({ ocm, sig })))
        return encodeReceipts([{ ran: CID.parse(ran), block }])
      })
    assert.equal(await look(bentBy((receipt) => receipt)), 'ok')
    assert.equal(await look(bentBy(({ ocm, sig }) => ({ ocm: { ...ocm, out: { ok: { things: ['gold'] } } }, sig }))), 'BadSignature')
    assert.equal(await look(bentBy(({ ocm, sig }) => ({ ocm, sig: sig.map((byte, at) => (at === 30 ? byte ^ 1 : byte)) }))), 'BadSignature')
    assert.equal(await look(bentBy(({ ocm }) => ({ ocm, sig: new Uint8Array() }))), 'Malformed')
    assert.equal(await look(bentBy(({ ocm, sig }) => ({ ocm: { ...ocm, iss: mallory.did }, sig }))), 'WrongAudience')
    assert.equal(await look(bentBy(({ ocm, sig }) => ({ ocm: { ...ocm, out: {} }, sig }))), 'Malformed')
    assert.equal(await look(bentBy(({ ocm, sig }) => ({ ocm: { ...ocm, out: 'ok' }, sig }))), 'Malformed')
  })

  it('that say two things are not', async () => {
    const { signer } = stage.world
    const signed = (out: object, beside: object = {}) =>
      lying((_, honest) => {
        const { ran, block: original } = ranOf(honest)
        const ocm = { ...(decode(original.bytes) as unknown as { ocm: object }).ocm, out }
        const sig = Uint8Array.of(...SIGNATURE_PREFIX, ...signer.sign(encode(ocm)))
        return encodeReceipts([{ ran: CID.parse(ran), block: blockOf(encode({ ocm, sig, ...beside })) }])
      })
    const [ok, error] = [{ things: [] }, { name: 'NoLease', message: 'No lease.' }]
    assert.equal(await look(signed({ ok })), 'ok')
    assert.equal(await look(signed({ error })), 'NoLease')
    assert.equal(await look(signed({ ok, error })), 'Malformed')
    assert.equal(await look(signed({ ok, more: 1 })), 'Malformed')
    // Signed by nobody, beside what is signed.
    assert.equal(await look(signed({ ok }, { out: { ok: { things: ['gold'] } } })), 'Malformed')
  })

  it('that are against the contract are not, and what a later contract adds is no matter', async () => {
    const answered = (ok: unknown) => look(lying((_, honest) => signedBy(stage.world.signer, { ok }, honest)))
    assert.equal(await answered({ things: ['a'], more: { later: 1 } }), 'ok')
    for (const ok of [null, 1, 'ok', [], {}, { things: null }, { things: 'a' }, { things: [1] }, { things: { length: 1 } }, { more: [] }])
      assert.equal(await answered(ok), 'Malformed', JSON.stringify(ok))
  })

  it('that refuse by an error of the contract, and say of it what the contract does not, are not', async () => {
    const { look, fill } = jar.abilities
    const strict = { ...jar, abilities: { look: { ...look, errors: fill.errors } } }
    const refused = async (error: object) => {
      const channel = lying((_, honest) => signedBy(stage.world.signer, { error }, honest))
      return invoke(caller(channel), strict, 'look', {}).then(
        ({ result }) => result.error?.name,
        (thrown) => thrown.name,
      )
    }
    const full = { name: 'Full', message: 'The jar is full.' }
    assert.equal(await refused({ ...full, bytes: 7, later: 1 }), 'Full')
    for (const details of [{}, { bytes: '7' }, { bytes: null }, { byte: 7 }])
      assert.equal(await refused({ ...full, ...details }), 'Malformed', JSON.stringify(details))
    assert.equal(await refused({ name: 'NoLease', message: 'No.', bytes: '7' }), 'NoLease')
    for (const name of ['constructor', 'toString', '__proto__']) assert.equal(await refused({ name, message: 'No.' }), name)
  })

  it('are found by the call, whatever others come along', async () => {
    const gold = { ok: { things: ['gold'] } }
    const forged = (ran: string) => ({ ran: CID.parse(ran), block: issueReceipt(mallory, CID.parse(ran), gold) })
    const honestly = (message: Uint8Array) => {
      const { ran, block } = ranOf(message)
      return { ran: CID.parse(ran), block }
    }
    const other = cidOf(encode('another call'))
    // A second receipt under another name, before it and behind it; and the same of which only the block comes along.
    for (const order of [
      (honest: Uint8Array) => [honestly(honest), { ...forged(ranOf(honest).ran), ran: other }],
      (honest: Uint8Array) => [{ ...forged(ranOf(honest).ran), ran: other }, honestly(honest)],
    ])
      assert.equal(await look(lying((_, honest) => encodeReceipts(order(honest)))), 'ok')
    // Two under the name of the call can't be told in one map, and the last word of a list is a forger's.
    assert.match(await look(lying((_, honest) => encodeReceipts([honestly(honest), forged(ranOf(honest).ran)]))), /WrongAudience/)
    // The receipt of the call under another's name is none for the call.
    assert.equal(await look(lying((_, honest) => encodeReceipts([{ ...honestly(honest), ran: other }]))), 'Malformed')
  })

  it('of a call that ran once answer no other call', async () => {
    const { world, lease } = stage
    const count = () => world.invocation(alice, { can: 'jar/count', nb: {}, proofs: [lease] })
    const [first, second] = [await count(), await count()]
    const answer = async (call: Ucan) => ranOf(await world.channel.request(messageOf([call], [lease.ucan, call]))).block
    const [stale, replayed] = [await answer(first), await answer(first)]
    await answer(second)
    assert.deepEqual(replayed.bytes, stale.bytes)
    assert.deepEqual(readReceipt(stale, first.cid, world.did).out, { ok: { count: 1 } })
    refuses(() => readReceipt(stale, second.cid, world.did), 'WrongAudience')
  })

  it('that are none are not', async () => {
    assert.equal(await look(lying(() => new Uint8Array())), 'Malformed')
    assert.equal(await look(lying(() => encodeReceipts([]))), 'Malformed')
    assert.equal(await look(lying((message) => message)), 'Malformed')
    for (let end = 0; end < 400; end += 7) {
      assert.match(await look(lying((_, honest) => honest.subarray(0, end))), /^(Malformed|BadHash|NotCanonical)$/)
    }
  })

  it('are never signed for a call that was not admitted', async () => {
    const { world, lease } = stage
    const seen = await world.invocation(alice, { proofs: [lease] })
    const never = await world.invocation(alice, { can: 'jar/put', nb: { thing: 'gold' }, proofs: [lease] })
    const { metrics } = world.host
    const counted = async () => (await metrics.text()).match(/symbiosis_calls_total{[^}]*} \d+/g)
    const before = await counted()
    // The label of one call on the bytes of another, named or not, and with the other beside it.
    for (const blocks of [
      [{ cid: never.cid, bytes: seen.bytes }],
      [seen, { cid: never.cid, bytes: seen.bytes }],
      [{ cid: seen.cid, bytes: never.bytes }, seen],
    ]) {
      for (const named of [seen, never]) {
        const code = await verdict(world.channel.request(messageOf([named], [lease.ucan, ...blocks])).then(() => ({ ok: {} })))
        assert.equal(code, 'BadHash')
      }
    }
    assert.deepEqual(await counted(), before)
  })
})
