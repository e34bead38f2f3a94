import assert from 'node:assert/strict'
import { archive, delegate, generateSeed, httpChannel, signerFromSeed } from '@symbiosis/protocol'
import {
  cosigner,
  type Logged,
  logKeyOf,
  originOf,
  parseNote,
  signNote,
  verifyCheckpoint,
  verifyLogged,
  witnessKeyOf,
  witnessOf,
} from '@symbiosis/protocol/revocation'
import { alice, expect, folders, mallory, NOW, type World } from '../../fixtures.ts'
import { Network, revokeAt, soon } from './network.ts'

interface Witnessed {
  checkpoint: string
  key: Uint8Array
  witnesses: { host: World['did']; key: Uint8Array }[]
}

describe('cosigned checkpoints', () => {
  const folder = folders()
  const open: World[] = []
  let network: Network

  beforeEach(() => {
    network = new Network()
  })
  afterEach(async () => {
    for (const world of open.splice(0)) await world.close()
  })

  const host = async (name: string, over: Partial<Parameters<Network['open']>[1]> = {}): Promise<World> => {
    const world = await network.open(name, { dir: folder(), ...over })
    open.push(world)
    return world
  }

  /** Who cosigned what a host shows now, every cosignature verified. */
  const cosigners = async (world: World): Promise<string[]> => {
    const { ok } = await world.call(mallory, { can: 'log/checkpoint' })
    const { checkpoint, key, witnesses } = ok as unknown as Witnessed
    const keys = witnesses.map((witness) => witnessKeyOf(witness.host, witness.key))
    const { cosigned } = verifyCheckpoint(checkpoint, {
      origin: originOf(world.did),
      keys: [logKeyOf(world.did, key)],
      witnesses: keys,
      quorum: witnesses.length,
    })
    assert.ok(cosigned.every(({ time }) => time === NOW))
    return cosigned.map(({ name }) => name).sort()
  }

  it('are handed back by those who follow, and shown to all', async () => {
    const a = await host('a', { follow: ['b', 'c'] })
    const b = await host('b', { follow: ['a'] })
    const c = await host('c', { follow: ['a'] })
    // A host knows its witnesses when it has met those that it follows.
    await soon(() => a.host.followed().map(({ did }) => did), [b.did, c.did])
    const proof = await revokeAt(a)
    const both = [witnessOf(b.did), witnessOf(c.did)].sort()
    await soon(() => cosigners(a), both)
    // A receipt that is asked for again carries them, too, and holds without them.
    const lease = await a.lease(alice)
    const { ok } = await a.call(alice, { can: 'ucan/revoke', nb: { ucan: proof.ucan.cid }, proofs: [lease], attach: [proof] })
    const log = ok?.log as Logged
    assert.equal(parseNote(log.checkpoint).signatures.length, 3)
    verifyLogged(log, { host: a.did, ucan: proof.ucan.cid, by: alice.did })
    await revokeAt(a)
    await soon(() => cosigners(a), both)
  })

  it('outlive a restart', async () => {
    const dir = folder()
    const b = await host('b', { follow: ['a'] })
    let a = await network.open('a', { dir, witnesses: [b.did] })
    await revokeAt(a)
    await soon(() => cosigners(a), [witnessOf(b.did)])
    await a.close()
    network.cut('a', 'b')
    a = await network.open('a', { dir, witnesses: [b.did] })
    open.push(a)
    assert.deepEqual(await cosigners(a), [witnessOf(b.did)])
  })

  it('are taken of witnesses that the operator names, of this log, and under their own key alone', async () => {
    const friend = signerFromSeed(generateSeed())
    const a = await host('a', { witnesses: [friend.did] })
    await revokeAt(a)
    const { ok } = await a.call(mallory, { can: 'log/checkpoint' })
    const { checkpoint } = ok as unknown as Witnessed
    const certify = async (by: typeof friend, to: typeof friend, can = 'log/witness') =>
      archive(await delegate(by, { audience: to.did, capabilities: [{ can, with: by.did }], expiration: null }))
    const witness = signerFromSeed(generateSeed())
    const signedBy = (by: typeof friend, name: string, note = checkpoint) =>
      signNote(
        parseNote(note),
        cosigner(name, by, () => NOW),
      )
    const hand = (by: typeof friend, nb: { checkpoint: string; key: Uint8Array }) => a.call(by, { can: 'log/cosign', nb })
    const [name, key] = [witnessOf(friend.did), await certify(friend, witness)]
    const good = await signedBy(witness, name)
    await expect(
      hand(mallory, { checkpoint: await signedBy(mallory, witnessOf(mallory.did)), key: await certify(mallory, mallory) }),
      'Denied',
    )
    await expect(hand(mallory, { checkpoint: good, key }), 'Denied')
    await expect(hand(friend, { checkpoint, key }), 'BadSignature', { field: 'witnesses' })
    await expect(hand(friend, { checkpoint: await signedBy(mallory, name), key }), 'BadSignature')
    await expect(hand(friend, { checkpoint: good, key: await certify(mallory, witness) }), 'BadSignature', { field: 'key' })
    await expect(hand(friend, { checkpoint: good, key: await certify(friend, witness, 'log/sign') }), 'BadSignature', { field: 'key' })
    const other = await host('other')
    await revokeAt(other)
    const { ok: elsewhere } = await other.call(mallory, { can: 'log/checkpoint' })
    const foreign = await signedBy(witness, name, (elsewhere as unknown as Witnessed).checkpoint)
    await expect(hand(friend, { checkpoint: foreign, key }), 'BadSignature')
    assert.deepEqual(await cosigners(a), [])
    await expect(hand(friend, { checkpoint: good, key }), 'ok')
    assert.deepEqual(await cosigners(a), [name])
  })

  it('are of no more witnesses than a note carries', async () => {
    const many = Array.from({ length: 33 }, () => signerFromSeed(generateSeed()).did)
    await assert.rejects(network.open('a', { dir: folder(), witnesses: many }), { name: 'InvalidInput' })
  })

  it('come from hosts that are no strangers here', async () => {
    const friend = signerFromSeed(generateSeed())
    const ask = async (by: typeof friend) => {
      const a = await host('a', { witnesses: [friend.did] })
      const { url = '' } = await a.host.listen()
      const call = await a.invocation(by, { can: 'log/checkpoint' })
      await a.send(call, [call], httpChannel(url))
      return a.host.gate.strangers
    }
    assert.equal(await ask(mallory), 1)
    assert.equal(await ask(friend), 0)
  })
})
