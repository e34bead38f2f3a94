import assert from 'node:assert/strict'
import { Place, type RunningHost } from './command.ts'

describe('operating a host', function () {
  this.timeout(120_000)

  const place = new Place()
  const owner = place.wallet('owner')
  const guest = place.wallet('guest')
  let host: RunningHost

  before(async () => {
    host = await place.host()
    await guest.ok('pair', host.url)
  })
  after(() => place.end())

  /** A request that waits, without anybody waiting for it. */
  const ask = (...args: string[]) => guest.ok('request', ...args, '--no-wait')

  it('grants less than was asked, and whoever asked takes up the answer later', async () => {
    const asked = await ask('pin', '--bytes', '2GB')
    assert.equal(asked.state, 'pending')
    await owner.ok('host', 'approve', asked.code.slice(0, 4), '--bytes', '1GB', '--ttl', '1d')
    const { leases } = await guest.ok('request', '--resume', asked.request)
    assert.equal(leases[0].limits.bytes, 1_000_000_000)
    assert.ok(leases[0].expires < Date.now() / 1000 + 86_500)
  })

  it('denies, and the asking side is told why', async () => {
    const { request } = await ask('pin/add')
    await owner.ok('host', 'deny', request, '--reason', 'Not today')
    const error = await guest.refused(1, 'request', '--resume', request)
    assert.deepEqual([error.name, error.reason], ['Denied', 'Not today'])
  })

  it('takes a lease back', async () => {
    const { leases } = await owner.ok('host', 'leases')
    assert.equal((await owner.ok('host', 'revoke', leases[0].lease)).revoked, leases[0].lease)
    assert.equal((await owner.ok('host', 'leases')).leases[0].state, 'revoked')
    const error = await guest.refused(1, 'pin', 'ls')
    assert.deepEqual([error.name, error.chain, error.by], ['Revoked', 'lease', host.did])
  })

  it('answers always until that is forgotten', async () => {
    const { code } = await ask('dag')
    await owner.ok('host', 'approve', code, '--always')
    const { policies } = await owner.ok('host', 'policies')
    assert.equal(policies.length, 1)
    assert.equal((await guest.ok('request', 'dag')).leases.length, 1)
    await owner.ok('host', 'forget', policies[0].id)
    assert.equal((await ask('dag')).state, 'pending')
  })

  it('knows requests and leases by name only', async () => {
    assert.equal((await owner.refused(1, 'host', 'approve', 'zzz-zzz')).name, 'NotFound')
    assert.equal((await owner.refused(1, 'host', 'revoke', 'bafyno')).name, 'NotFound')
    assert.equal((await owner.refused(1, 'host', 'forget', 'nothing')).name, 'NotFound')
  })

  it('is refused to who has no key for it', async () => {
    const elsewhere = await place.wallet('owner').refused(3, 'host', 'requests', '--dir', place.path('nowhere'))
    assert.equal(elsewhere.name, 'Unavailable')
  })
})
