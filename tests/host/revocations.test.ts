import assert from 'node:assert/strict'
import { join } from 'node:path'
import { cidOf } from '@symbiosis/protocol'
import { openIdentity } from '../../host/identity.ts'
import { sqliteStore } from '../../host/index.ts'
import { RevocationLog } from '../../host/log/revocation-log.ts'
import { Revocations, type Told } from '../../host/revocations.ts'
import { alice, bob, folders, HOUR, mallory, NOW } from '../fixtures.ts'

describe('revocations from the logs of others', () => {
  const folder = folders()
  const ucan = cidOf(new TextEncoder().encode('a UCAN'))
  const told = ({ did: by }: typeof alice, expiration: number | null): Told => {
    const cause = cidOf(new TextEncoder().encode(by))
    return {
      revocation: { ucan: String(ucan), by, at: NOW, expiration, cause: String(cause) },
      entry: { kind: 'revocation', ucan, by, expiration, cause },
      evidence: new Uint8Array([1]),
    }
  }

  it('are forgotten each at its own end: none takes another along', async () => {
    const dir = folder()
    const store = sqliteStore(join(dir, 'host.sqlite'))
    const log = await RevocationLog.open(openIdentity(dir), store)
    const revocations = await Revocations.open({ store, log, maxPerSpace: 10, now: NOW })
    const all = [told(mallory, NOW), told(alice, NOW + HOUR), told(bob, null)]
    revocations.remember(await store.write((tx) => revocations.takeOver(tx, 'a log', all, 3)))
    const known = async () => (await revocations.known.read(ucan)).map(({ by }) => by)
    assert.deepEqual(await known(), [mallory.did, alice.did, bob.did])
    await revocations.known.expire(NOW + 60)
    assert.equal((await known()).length, 3)
    await revocations.known.expire(NOW + 61)
    assert.deepEqual(await known(), [alice.did, bob.did])
    // And so there is room again.
    const more = [told(mallory, NOW + HOUR)]
    revocations.remember(await store.write((tx) => revocations.takeOver(tx, 'a log', more, 3)))
    await revocations.known.expire(NOW + HOUR + 61)
    assert.deepEqual(await known(), [bob.did])
    await store.close()
  })
})
