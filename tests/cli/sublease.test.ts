import assert from 'node:assert/strict'
import { memoryWallet, Symbiont } from '@symbiosis/symbiont'
import { Place } from './command.ts'

describe('a lease that was leased onward, on the command line', function () {
  this.timeout(120_000)

  const place = new Place()
  after(() => place.end())

  it('is accepted as a token, used, and over when it is taken back', async () => {
    const host = await place.host(['--approve', 'all', '--name', 'first'])
    await using app = await Symbiont.open({ wallet: memoryWallet() })
    await app.pair(host.url)
    await app.request({ pin: { bytes: '1 GB' } })
    const ada = place.wallet('ada')
    const { space } = await ada.ok('init')
    const { token, cid } = await app.sublease(space, { pin: { bytes: '10 MB', pins: 5 } }, { ttl: '7d' })

    const accepted = await ada.ok('accept', token)
    assert.deepEqual([accepted.cid, accepted.space, accepted.can, accepted.hosts[0].name], [cid, space, ['pin/*'], 'first'])
    const { leases } = await ada.ok('leases')
    assert.deepEqual([leases[0].limits, leases[0].state], [{ bytes: 10_000_000, pins: 5 }, 'valid'])
    assert.deepEqual((await ada.ok('pin', 'ls')).pins, [])
    assert.equal((await place.wallet('bob').refused(1, 'accept', token)).name, 'WrongAudience')

    await app.revoke(cid)
    assert.equal((await ada.refused(1, 'pin', 'ls')).name, 'Revoked')
  })
})
