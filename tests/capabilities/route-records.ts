import assert from 'node:assert/strict'
import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { MAX_RECORD_BYTES, route } from '@symbiosis/capabilities/route'
import { getRecord } from '@symbiosis/capabilities/route/symbiont'
import { createIPNSRecord, marshalIPNSRecord } from 'ipns'
import { base36 } from 'multiformats/bases/base36'
import { failure, leaf } from '../host/engine/fixtures.ts'
import { type Network, until } from './network.ts'
import { between, joined, worldsIn } from './route-stage.ts'
import type { Setup } from './world.ts'

const HOUR = 3_600_000

/** Somebody who signs records: each with the next sequence number. */
const signer = async () => {
  const key = await generateKeyPair('Ed25519')
  const name = key.publicKey.toCID().toString(base36)
  let sequence = 0n
  return {
    key: `/ipns/${name}`,
    publicKey: { key: `/pk/${name}`, value: publicKeyToProtobuf(key.publicKey) },
    record: async (life = HOUR) => marshalIPNSRecord(await createIPNSRecord(key, leaf().cid, sequence++, life)),
  }
}

/** The suite of records. */
export const runRecordTests = (setup: Setup, network: () => Network): void => {
  const world = worldsIn(setup, network)

  it('publishes a signed record, which others read, and reads the newest', async () => {
    const [ada, bob] = await Promise.all([(await world()).guest(), (await world({}, network().nodes[4])).guest()])
    await Promise.all([ada, bob].map(joined))
    const somebody = await signer()
    for (let count = 0; count < 2; count++) {
      const value = await somebody.record()
      const { key, told } = await ada.ask(route, 'putRecord', { key: somebody.key, value })
      assert.equal(key, somebody.key)
      assert.ok(told > 0)
      await until(async () => {
        const found = await getRecord(bob, { key }).catch(failure('NotFound'))
        return found instanceof Uint8Array && Buffer.compare(found, value) === 0
      })
    }
    assert.deepEqual(await ada.used('route'), { records: 1 })
  })

  it('publishes public keys', async () => {
    const ada = await (await world()).guest()
    await joined(ada)
    const { publicKey } = await signer()
    await ada.ask(route, 'putRecord', publicKey)
    assert.deepEqual(await getRecord(ada, { key: publicKey.key }), publicKey.value)
    const other = await signer()
    const { result } = await ada.call(route, 'putRecord', { key: other.publicKey.key, value: publicKey.value })
    assert.equal(result.error?.name, 'InvalidRecord')
  })

  it('refuses a record that who the key names has not signed, or that has ended', async () => {
    const ada = await (await world()).guest()
    await joined(ada)
    const [somebody, other] = [await signer(), await signer()]
    const good = await somebody.record()
    const bent = good.slice()
    bent[20] = (bent[20] as number) ^ 1
    const values = [await other.record(), bent, await somebody.record(-1), new Uint8Array(0), new Uint8Array(MAX_RECORD_BYTES)]
    for (const value of values) {
      const { result } = await ada.call(route, 'putRecord', { key: somebody.key, value })
      assert.equal(result.error?.name, 'InvalidRecord')
    }
    assert.deepEqual(await ada.used('route'), {})
    await assert.rejects(ada.ask(route, 'putRecord', { key: somebody.key, value: new Uint8Array(MAX_RECORD_BYTES + 1) }))
    for (const key of ['/ipfs/x', '/ipns/', '/ipns/nobody', somebody.key.slice(1), `${somebody.key}/more`, '/constructor/x'])
      await assert.rejects(ada.ask(route, 'putRecord', { key, value: good }), failure('InvalidInput', { field: 'key' }))
  })

  it('refuses a record where the network has a later one, which stays', async () => {
    const ada = await (await world()).guest()
    await joined(ada)
    const somebody = await signer()
    const [old, later] = [await somebody.record(), await somebody.record()]
    await ada.ask(route, 'putRecord', { key: somebody.key, value: later })
    const { result } = await ada.call(route, 'putRecord', { key: somebody.key, value: old })
    assert.equal(result.error?.name, 'Outdated')
    assert.deepEqual(result.error?.value, later)
    assert.deepEqual(await getRecord(ada, { key: somebody.key }), later)
  })

  it('passes no record on that is not valid, whatever peers answer', async () => {
    const [somebody, other] = [await signer(), await signer()]
    const good = await somebody.record()
    const engine = between(() => ({
      async *getRecords() {
        yield await other.record()
        yield good
        yield new Uint8Array(5)
      },
    }))
    const ada = await (await world({ engine })).guest()
    assert.deepEqual((await ada.ask(route, 'getRecord', { key: somebody.key })).value, good)
    await assert.rejects(ada.ask(route, 'getRecord', { key: (await signer()).key }), failure('NotFound'))
  })

  it('holds a space to how many it may publish in two days, after which the host forgets them', async () => {
    let ahead = 0
    const dropped: Uint8Array[] = []
    const engine = between((routing) => ({
      async dropRecord(key) {
        dropped.push(key)
        await routing.dropRecord(key)
      },
    }))
    const host = await world({ engine, ahead: () => ahead, route: { sweepEveryMs: 20 } })
    const ada = await host.guest({ route: { records: 1 } }, 5 * 86_400)
    await joined(ada)
    const [one, two] = [await signer(), await signer()]
    await ada.ask(route, 'putRecord', { key: one.key, value: await one.record() })
    const second = async () => ada.ask(route, 'putRecord', { key: two.key, value: await two.record() })
    await assert.rejects(second(), failure('LimitExceeded', { field: 'records' }))
    ahead = 172_900
    await until(() => dropped.length === 1)
    await until(async () => (await ada.used('route')).records === 0)
    await second()
  })
}
