import assert from 'node:assert/strict'
import { type Json, Place } from './command.ts'

describe('the command, out of reach of every host', function () {
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
    for (const name of ['lent', 'revoked', 'late']) tokens[name] = await laptop.ok('delegate', did, '--can', 'pin/*', '--expires', '7d')
    await laptop.ok('revoke', tokens.revoked.cid)
    const { refreshed } = await phone.ok('hosts', '--refresh')
    assert.deepEqual([refreshed[0].error, refreshed[0].filter.shards], [undefined, 1])
    await laptop.ok('revoke', tokens.late.cid)
    await host.stop()
  })

  it('verifies what is lent, and says by which log of when', async () => {
    // A filter takes one UCAN of 256 for revoked: this one may be refused, and then says why.
    const { code, stdout } = await phone.run(['verify', tokens.lent.token])
    assert.ok(code === 0 ? /a delegation, good/.test(stdout) : /may have been revoked/.test(stdout), stdout)
    assert.match(stdout, /checked against laptop-of-ada's log as of .+ \([1-9]\d* entr(y|ies)\)/)
    assert.ok(stdout.includes(tokens.lent.cid), stdout)
  })

  it('refuses what was revoked, with exit code 1', async () => {
    const { code, stdout } = await phone.run(['verify', tokens.revoked.token, '--json'])
    const { ok, problems, revocation } = JSON.parse(stdout)
    assert.deepEqual([code, ok, revocation.maybe.includes(tokens.revoked.cid)], [1, false, true])
    assert.ok(problems.some(({ code, link }: Json) => code === 'Revoked' && link === tokens.revoked.cid))
    assert.ok(revocation.checked.every(({ age, time }: Json) => age >= 0 && time > 0))
  })

  it('goes by nothing that is older than it may be', async () => {
    const stranger = place.wallet('stranger')
    const ask = async (...args: string[]) => {
      const { code, stdout } = await stranger.run(['verify', tokens.revoked.token, '--json', ...args])
      return { code, verified: JSON.parse(stdout) as Json }
    }
    const { code, verified } = await ask()
    assert.deepEqual([code, verified.revocation.checked, verified.revocation.unknown[0].name], [0, [], 'laptop-of-ada'])
    const strict = await ask('--max-age', '1h')
    assert.deepEqual([strict.code, strict.verified.problems.map((each: Json) => each.code)], [1, ['StaleLog']])
    assert.equal((await stranger.run(['verify', tokens.lent.token, '--max-age', 'soon'])).code, 2)
    assert.equal((await stranger.refused(1, 'verify', 'u')).name, 'Malformed')
  })

  it('says which host it could not reach', async () => {
    const { code, stdout } = await phone.run(['hosts', '--refresh', '--json'])
    const { refreshed } = JSON.parse(stdout)
    assert.deepEqual([code, refreshed[0].error.name, refreshed[0].filter.shards], [1, 'Unavailable', 1])
  })
})
