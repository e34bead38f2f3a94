import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { type Json, Place, type RunningHost } from './command.ts'

describe('the command, where a host has its log back', function () {
  this.timeout(120_000)

  const place = new Place()
  const [laptop, phone] = [place.wallet('laptop'), place.wallet('phone')]
  let other: RunningHost
  let token: Json
  after(() => place.end())

  before(async () => {
    const host = await place.host(['--approve', 'all'])
    other = await place.host(['--dir', place.path('other'), '--follow', host.url, '--filter-every', 'never'])
    await laptop.ok('pair', host.url)
    await laptop.ok('request')
    const { did } = await phone.ok('whoami')
    token = await laptop.ok('delegate', did, '--can', 'pin/*', '--expires', '7d')
    await laptop.ok('revoke', token.cid)
    await mirrored(1)
    await host.stop()
    const database = new DatabaseSync(place.path('host', 'host.sqlite'))
    database.exec("DELETE FROM records WHERE kind IN ('log/bundle', 'revocation')")
    database.close()
  })

  const mirrored = async (entries: number): Promise<void> => {
    for (let tries = 0; tries < 200; tries++) {
      const { stdout } = await place.run(['host', 'following', '--json', '--dir', place.path('other')])
      if (JSON.parse(stdout).hosts?.[0]?.size >= entries) return
    }
    assert.fail('The log was not followed.')
  }
  const recover = async (...args: string[]) => {
    const { code, stdout } = await place.run(['host', 'recover', '--json', ...args])
    return { code, told: JSON.parse(stdout) as Json }
  }

  it('says so at the start, and which command to run', async () => {
    const { code, stdout } = await place.run(['host', '--json', '--port', '0'])
    const { error } = JSON.parse(stdout)
    assert.deepEqual([code, error.name, /symbiosis host recover --from URL/.test(error.hint)], [1, 'Unavailable', true])
  })

  it('asks for followers, and takes none that does not follow it', async () => {
    assert.equal((await place.run(['host', 'recover'])).code, 2)
    const stranger = await place.host(['--dir', place.path('stranger')])
    const { code, told } = await recover('--from', stranger.url)
    assert.deepEqual([code, told.error.name], [1, 'NotFound'])
    await stranger.stop()
  })

  it('tells what came back, and keeps that in the log of the host; then it starts', async () => {
    const { code, told } = await recover('--from', other.url)
    assert.deepEqual([code, told.size, told.lost, told.rest], [0, 2, 0, 'whole'])
    assert.ok(readFileSync(place.path('host', 'host.log'), 'utf8').includes('had back from a follower'))
    const host = await place.host(['--approve', 'all'])
    const { entries } = await laptop.ok('log', 'show', host.url)
    assert.equal(entries[1].ucan, token.cid, 'behind its manifest')
    await host.stop()
  })

  it('takes how often filters are made', async () => {
    for (const args of [
      ['--filter-every', 'sometimes'],
      ['--filter-after', '0'],
    ])
      assert.equal((await place.run(['host', ...args])).code, 2)
    const reader = place.wallet('reader')
    await reader.ok('pair', other.url)
    const { stdout } = await place.run(['hosts', '--refresh', '--json', '--home', place.path('reader')])
    assert.equal(JSON.parse(stdout).refreshed[0].error.name, 'NotFound')
  })
})
