import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { decodeWallet, encodeWallet } from '@symbiosis/symbiont'
import { Place, type RunningHost } from './command.ts'

describe('manifests on the command line', function () {
  this.timeout(120_000)

  const place = new Place()
  const stranger = place.wallet('stranger')
  const wallet = place.wallet('wallet')
  let host: RunningHost

  before(async () => {
    host = await place.host(['--approve', 'all', '--name', 'first', '--endpoint', 'https://first.example/'])
    await wallet.ok('pair', host.url)
  })
  after(() => place.end())

  it('are described, to whoever knows an address, and to people', async () => {
    for (const [who, ...name] of [[stranger, host.url], [stranger, `${host.url}#${host.did}`], [stranger], [wallet, 'first']] as const) {
      const told = await who.ok('describe', ...name)
      assert.deepEqual([told.host, told.endpoints], [host.did, ['https://first.example/']])
      assert.deepEqual(
        told.services.map(({ id }: { id: string }) => id),
        ['access', 'dag', 'host', 'log', 'manifest', 'pin', 'ucan'],
      )
    }
    assert.equal((await stranger.run(['whoami', '--json'])).code, 0)
    const { stdout } = await stranger.run(['describe', host.url, '--service', 'pin'])
    assert.match(stdout, /pin\/add +Keeps a DAG/)
    assert.doesNotMatch(stdout, /dag\/import/)
  })

  it('become types, schemas and pages, in files or on stdout', async () => {
    const file = place.path('pin.d.ts')
    assert.deepEqual((await stranger.ok('types', host.url, '--service', 'pin', '-o', file)).files, [file])
    const { stdout } = await stranger.run(['types', host.url, '--service', 'pin'])
    assert.equal(stdout, readFileSync(file, 'utf8'))
    assert.match(stdout, /add\(input: PinClient\.AddInput/)
    const schema = JSON.parse((await stranger.run(['schema', host.url, '--service', 'pin'])).stdout)
    assert.ok(schema.$defs['add.input'])
    const folder = place.path('docs', 'host')
    const { files } = await stranger.ok('docs', host.url, '--output', folder)
    assert.equal(files.length, readdirSync(folder).length)
    assert.match(readFileSync(`${folder}/pin.md`, 'utf8'), /## pin\/add/)
  })

  it('are compared: with what was kept of them, and with what they may not become', async () => {
    const file = place.path('released.json')
    const { stdout } = await stranger.run(['describe', host.url, '--json'])
    writeFileSync(file, stdout)
    assert.deepEqual(await stranger.ok('compare', file, host.url), { changes: [] })
    const document = JSON.parse(stdout)
    const pin = document.services.find(({ id }: { id: string }) => id === 'pin')
    pin.abilities['pin/add'].nb.properties.more = { type: 'boolean' }
    writeFileSync(file, JSON.stringify(document))
    const { code, stdout: told } = await stranger.run(['compare', host.url, file, '--service', 'pin', '--json'])
    assert.equal(code, 1)
    const changes = JSON.parse(told).changes.map(({ path, compatible }: { path: string; compatible: boolean }) => [path, compatible])
    assert.deepEqual(changes, [
      ['pin/add.nb.more', false],
      ['pin: rev', false],
    ])
    assert.equal((await stranger.run(['compare', host.url, file, '--service', 'dag'])).code, 0)
    for (const text of ['no JSON', '[]', 'null', '{ "services": 1e300 }', '{ "services": [{}] }', '{ "services": [1] }']) {
      writeFileSync(file, text)
      assert.equal((await stranger.refused(1, 'compare', file, host.url)).name, 'Malformed')
    }
  })

  it('are refused where they are older than what the wallet has seen', async () => {
    const { seq } = await wallet.ok('describe', 'first')
    const path = `${wallet.home}/wallet.json`
    const state = decodeWallet(readFileSync(path, 'utf8'), path)
    for (const known of state.hosts) known.manifest = { seq: seq + 1, root: known.manifest?.root ?? '' }
    writeFileSync(path, encodeWallet(state))
    for (const name of ['first', host.url]) assert.equal((await wallet.refused(1, 'describe', name)).name, 'Replayed')
    assert.equal((await wallet.refused(1, 'types', 'first')).name, 'Replayed')
  })

  it('are told as other things are where there is no host, or no such service', async () => {
    assert.equal((await stranger.refused(3, 'describe', 'http://127.0.0.1:9')).name, 'Unavailable')
    assert.equal((await stranger.refused(1, 'types', host.url, '--service', 'rack')).name, 'NotFound')
    assert.equal((await stranger.refused(2, 'docs', host.url)).name, 'Usage')
  })
})
