import assert from 'node:assert/strict'
import { type Json, Place } from './command.ts'

describe('the command, asking hosts about a token', function () {
  this.timeout(120_000)

  const place = new Place()
  const [laptop, phone] = [place.wallet('laptop'), place.wallet('phone')]
  const tokens: { [name: string]: Json } = {}
  after(() => place.end())

  before(async () => {
    const host = await place.host(['--approve', 'all', '--name', 'laptop-of-ada'])
    for (const device of [laptop, phone]) await device.ok('pair', host.url)
    await laptop.ok('request')
    const { did } = await phone.ok('whoami')
    for (const name of ['lent', 'revoked']) tokens[name] = await laptop.ok('delegate', did, '--can', 'pin/*', '--expires', '7d')
    await laptop.ok('revoke', tokens.revoked.cid)
  })

  it('confirms what is lent, by the log as it is now', async () => {
    const { code, stdout } = await phone.run(['verify', tokens.lent.token, '--online'])
    assert.equal(code, 0, stdout)
    assert.match(stdout, /confirmed by laptop-of-ada's log as of just now \(2 entries\)/)
  })

  it('confirms what was revoked, with exit code 1', async () => {
    const { code, stdout } = await phone.run(['verify', tokens.revoked.token, '--online'])
    assert.equal(code, 1, stdout)
    assert.match(stdout, /revoked, confirmed: .+, entry 2 of laptop-of-ada's log/)
    const { revocation } = JSON.parse((await phone.run(['verify', tokens.revoked.token, '--online', '--json'])).stdout)
    assert.deepEqual(
      revocation.revoked.map(({ link, index }: Json) => [link, index]),
      [[tokens.revoked.cid, 1]],
    )
  })
})
