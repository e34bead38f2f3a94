import assert from 'node:assert/strict'
import { type HomeLog, homeLogsOf, MAX_HOME_LOGS } from '@symbiosis/protocol'
import { readBundle } from '../../symbiont/bundle.ts'
import { homeLogsAmong } from '../../symbiont/naming-logs.ts'
import { bob, numbered } from '../fixtures.ts'
import { refused, World } from './world.ts'

describe('the logs that a delegation names', () => {
  const host = (number: number, ...urls: string[]) => ({ did: numbered(number).did, name: `host ${number}`, urls })
  const named = (hosts: ReturnType<typeof host>[], known = hosts) => homeLogsAmong(hosts, known).map(({ url }) => url)

  it('are those of hosts that others can reach', () => {
    const far = host(1, 'http://10.0.0.7:4747/', 'https://far.example/', 'unix:/run/far.sock')
    assert.deepEqual(homeLogsAmong([far], [far]), [{ did: far.did, url: 'https://far.example/' }])
    assert.deepEqual(named([host(2, 'http://far.example/'), host(3, 'https://10.0.0.7/'), host(4, 'https://printer.local/')]), [])
    assert.deepEqual(named([host(5, 'unix:/run/near.sock')]), [])
  })

  it('are those of this machine only where no host is anywhere else', () => {
    const near = host(1, 'unix:/run/near.sock', 'http://127.0.0.1:4747/')
    const other = host(2, 'http://localhost:4748/')
    assert.deepEqual(named([near, other]), ['http://127.0.0.1:4747/', 'http://localhost:4748/'])
    assert.deepEqual(named([near], [near, host(3, 'https://far.example/')]), [])
    assert.deepEqual(named([near], [near, host(3, 'http://10.0.0.7/')]), [])
    assert.deepEqual(named([near, host(3, 'https://far.example/')]), ['https://far.example/'])
  })

  it('are no more than hosts read', () => {
    const many = Array.from({ length: MAX_HOME_LOGS + 1 }, (_, index) => host(index, `https://${index}.example/`))
    assert.equal(named(many).length, MAX_HOME_LOGS)
  })

  it('are signed with it, and are what the caller says where they say it', async () => {
    await using world = new World()
    const url = 'https://127.0.0.1:4747/'
    const { did } = await world.host('a', { url })
    const ada = await world.symbiont()
    await ada.createSpace()
    await ada.pair(url)
    await ada.request({ shelf: {} })
    const logsOf = async (logs?: HomeLog[]) =>
      homeLogsOf(readBundle((await ada.delegate(bob.did, ['shelf/*'], logs ? { logs } : {})).token).delegation.ucan)
    assert.deepEqual(await logsOf(), [{ did, url }])
    assert.deepEqual(await logsOf([]), [])
    const other = { did: bob.did, url: 'https://bob.example/' }
    assert.deepEqual(await logsOf([other]), [other])
    for (const logs of [
      [{ ...other, url: 'unix:/run/bob.sock' }],
      [{ ...other, did: 'did:web:bob.example' as never }],
      Array.from({ length: MAX_HOME_LOGS + 1 }, () => other),
    ]) {
      const refusal = await refused(logsOf(logs))
      assert.deepEqual([refusal.name, refusal.field], ['InvalidInput', 'logs'])
    }
  })
})
