import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { createIPNSRecord, marshalIPNSRecord } from 'ipns'
import { base36 } from 'multiformats/bases/base36'
import { CID } from 'multiformats/cid'
import { blocksOf } from '../blocks.ts'
import { addressOf, Network, type Node, provideBy, until } from '../capabilities/network.ts'
import { leaf } from '../host/engine/fixtures.ts'
import { root } from '../tree.ts'
import { Place, type RunningHost } from './command.ts'

describe('content routing of the command', function () {
  this.timeout(120_000)

  const place = new Place()
  const wallet = place.wallet('wallet')
  let network: Network
  let host: RunningHost
  before(async () => {
    // The protocol of the public network, as the command has it, on a network that has no way out.
    network = await Network.open(5, '/ipfs/kad/1.0.0')
    const joining = ['--allow-private-origins', '--bootstrap', addressOf(network.nodes[0] as Node)]
    host = await place.host(['--approve', 'all', ...joining])
    await wallet.ok('pair', host.url)
    await wallet.ok('request', 'pin', 'dag', 'route')
    await until(async () => (await wallet.run(['route', 'peer', String(network.nodes[1]?.peerId), '--json'])).code === 0, 60_000)
  })
  after(async () => {
    await host?.stop()
    await place.end()
    await network?.close()
  })

  it('finds who has content, and where they are', async () => {
    const { cid } = leaf()
    const far = network.nodes.at(-1) as Node
    await provideBy(far, cid)
    await until(async () => (await network.keepers(cid)).length > 1)
    const { providers } = await wallet.ok('route', 'find', String(cid), '--limit', '5', '--for', '20s')
    assert.deepEqual(
      providers.map(({ peer }: { peer: string }) => peer),
      [String(far.peerId)],
    )
    const { stdout } = await wallet.run(['route', 'find', String(cid)])
    assert.ok(stdout.includes(String(far.peerId)), stdout)
    assert.equal((await wallet.ok('route', 'peer', String(far.peerId))).peer, String(far.peerId))
    assert.deepEqual((await wallet.ok('route', 'find', String(leaf().cid))).providers, [])
  })

  it('has the host be found, until told otherwise', async () => {
    const file = place.path('notes.txt')
    writeFileSync(file, 'notes')
    const { root: cid } = await wallet.ok('add', file)
    const provided = await wallet.ok('route', 'provide', cid)
    assert.ok(provided.told > 0)
    await until(async () => (await network.keepers(CID.parse(cid))).length > 0)
    assert.deepEqual((await wallet.ok('route', 'ls')).provided, [provided])
    await wallet.ok('route', 'withdraw', cid)
    assert.deepEqual((await wallet.ok('route', 'ls')).provided, [])
    assert.equal((await wallet.refused(1, 'route', 'withdraw', cid)).name, 'NotFound')
    assert.equal((await wallet.refused(1, 'route', 'provide', String(leaf().cid))).name, 'NotHeld')
  })

  it('publishes records and reads them', async () => {
    const key = await generateKeyPair('Ed25519')
    const name = `/ipns/${key.publicKey.toCID().toString(base36)}`
    const [from, to] = [place.path('record'), place.path('read')]
    writeFileSync(from, marshalIPNSRecord(await createIPNSRecord(key, leaf().cid, 1, 3_600_000)))
    assert.equal((await wallet.ok('route', 'put', name, from)).key, name)
    await wallet.ok('route', 'get', name, to)
    assert.deepEqual(readFileSync(to), readFileSync(from))
    writeFileSync(from, 'nothing')
    assert.equal((await wallet.refused(1, 'route', 'put', name, from)).name, 'InvalidRecord')
  })

  it('runs what the page of the service shows', async () => {
    const page = readFileSync(join(root, 'capabilities/route/README.md'), 'utf8')
    const [program, ...more] = blocksOf(page).filter(({ run }) => run === 'route')
    assert.ok(program && more.length === 0)
    // As the program of an app would lie: a folder with the packages in its `node_modules`.
    symlinkSync(join(root, 'node_modules'), place.path('node_modules'))
    const file = place.path('page.ts')
    writeFileSync(file, program.text.replace('http://127.0.0.1:4747', host.url))
    const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: place.dir })
    assert.match(stdout, /^[1-9]\d* peers know/)
    assert.match(stdout, /^12D3Koo/m)
  })

  it('tells what is typed wrongly', async () => {
    assert.equal((await wallet.run(['route', 'find', 'nothing'])).code, 2)
    assert.equal((await wallet.run(['route', 'find', String(leaf().cid), '--limit', '0'])).code, 2)
    const other = new Place()
    try {
      const { code, stdout } = await other.run(['host', '--json', '--port', '0', '--bootstrap', '/ip4/127.0.0.1/tcp/1'])
      assert.equal(code, 1)
      assert.equal(JSON.parse(stdout).error.field, 'bootstrap')
    } finally {
      await other.end()
    }
  })

  it('is not leased by a host that takes part in no network', async () => {
    const other = new Place()
    try {
      const plain = await other.host(['--approve', 'all'])
      const alone = other.wallet('alone')
      await alone.ok('pair', plain.url)
      assert.ok((await alone.refused(1, 'request', 'route')).name)
    } finally {
      await other.end()
    }
  })
})
