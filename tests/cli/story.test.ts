import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { type Json, Place, type RunningHost } from './command.ts'

describe('the command, from the first request to the revocation', function () {
  this.timeout(120_000)

  const place = new Place()
  const laptop = place.wallet('laptop')
  const phone = place.wallet('phone')
  const file = place.path('holiday.mp4')
  const content = randomBytes(10_000_000)
  let host: RunningHost
  let root: string
  let delegated: Json

  before(async () => {
    writeFileSync(file, content)
    host = await place.host(['--approve', 'ask'])
  })
  after(() => place.end())

  it('shows a new device its phrase once, and never on stdout', async () => {
    const first = await laptop.run(['whoami', '--json'])
    const { did, space } = JSON.parse(first.stdout)
    assert.match(did, /^did:key:z6Mk/)
    assert.notEqual(did, space)
    assert.equal(first.stderr.match(/\b\d+ [a-z]+ /g)?.length, 24)
    const again = await laptop.run(['whoami', '--json'])
    assert.deepEqual(JSON.parse(again.stdout), { did, space })
    assert.equal(again.stderr, '')
  })

  it('pairs with a host', async () => {
    const paired = await laptop.ok('pair', host.url)
    assert.equal(paired.did, host.did)
    const { hosts } = await laptop.ok('hosts')
    assert.deepEqual(
      hosts.map(({ did }: Json) => did),
      [host.did],
    )
  })

  it('asks, waits, and is granted what the owner approves by its code', async () => {
    const { lines, ended } = laptop.start('request', 'pin', 'dag/*', '--bytes', '2GB', '--ttl', '30d', '--why', 'Keep your albums')
    const pending = JSON.parse((await lines.next()).value)
    assert.equal(pending.event, 'pending')
    const { requests } = await laptop.ok('host', 'requests')
    assert.equal(requests.length, 1)
    assert.deepEqual([requests[0].code, requests[0].request, requests[0].why], [pending.code, pending.request, 'Keep your albums'])
    const approved = await laptop.ok('host', 'approve', pending.code)
    const { leases } = JSON.parse((await lines.next()).value)
    assert.equal((await ended).code, 0)
    assert.deepEqual(
      leases.map(({ can, limits }: Json) => [can, limits.bytes]),
      [
        ['pin/*', 2_000_000_000],
        ['dag/*', 2_000_000_000],
      ],
    )
    assert.deepEqual(leases.map(({ cid }: Json) => cid).sort(), approved.leases.sort())
  })

  it('adds a file, lists it, and gets the same bytes back', async () => {
    const added = await laptop.ok('add', file)
    root = added.root
    assert.ok(added.bytes >= content.length)
    const { pins } = await laptop.ok('pin', 'ls')
    assert.deepEqual(
      pins.map((pin: Json) => [pin.root, pin.status, pin.bytes]),
      [[root, 'pinned', added.bytes]],
    )
    await laptop.ok('get', root, '-o', place.path('again.mp4'))
    assert.ok(readFileSync(place.path('again.mp4')).equals(content))
  })

  it('lends listing to a second device, which needs no more than the token', async () => {
    const { did } = await phone.ok('whoami')
    delegated = await laptop.ok('delegate', did, '--can', 'pin/*', '--expires', '7d')
    const inspected = await phone.ok('inspect', delegated.token)
    assert.equal(inspected.usable, true)
    assert.deepEqual(inspected.chain.narrows.sort(), ['ability', 'expiry'])
    await phone.ok('accept', delegated.token)
    const { pins } = await phone.ok('pin', 'ls')
    assert.deepEqual(
      pins.map((pin: Json) => pin.root),
      [root],
    )
  })

  it('refuses the second device what it was not lent', async () => {
    assert.equal((await phone.refused(1, 'add', file)).name, 'NoLease')
  })

  it('refuses it all once that was taken back, and says who did it and when', async () => {
    const { space } = await laptop.ok('whoami')
    assert.equal((await laptop.ok('revoke', delegated.cid)).revoked, delegated.cid)
    const error = await phone.refused(1, 'pin', 'ls')
    assert.deepEqual([error.name, error.link, error.chain, error.by], ['Revoked', delegated.cid, 'owner', space])
    assert.ok(Math.abs(error.at - Date.now() / 1000) < 60)
    const told = await phone.run(['pin', 'ls'])
    assert.equal(told.code, 1)
    assert.match(told.stderr, /refused: Revoked/)
    for (const part of [delegated.cid, space, 'what to do']) assert.ok(told.stderr.includes(part), told.stderr)
  })

  it('has everything still when the host comes back, however it went', async () => {
    const leases = (await laptop.ok('host', 'leases')).leases
    assert.equal(await host.kill(), null)
    host = await place.host(['--approve', 'ask'])
    await laptop.ok('pair', host.url)
    assert.deepEqual(
      (await laptop.ok('pin', 'ls')).pins.map((pin: Json) => [pin.root, pin.status]),
      [[root, 'pinned']],
    )
    assert.deepEqual((await laptop.ok('host', 'leases')).leases, leases)
    // Where the host is now, the phone has learnt of nobody.
    await phone.ok('pair', host.url)
    assert.equal((await phone.refused(1, 'pin', 'ls')).name, 'Revoked')
    assert.equal(await host.stop(), 0)
  })
})

describe('two spaces that nothing joins', function () {
  this.timeout(120_000)

  const place = new Place()
  const [ada, ben] = [place.wallet('ada'), place.wallet('ben')]
  const file = place.path('both.bin')
  let host: RunningHost

  before(async () => {
    writeFileSync(file, randomBytes(3_000_000))
    host = await place.host(['--approve', 'all'])
    for (const wallet of [ada, ben]) {
      await wallet.ok('pair', host.url)
      await wallet.ok('request')
    }
  })
  after(() => place.end())

  it('keep the same content apart: one removes it, and after the garbage is collected the other still has it', async () => {
    const { root } = await ada.ok('add', file)
    assert.equal((await ben.refused(1, 'pin', 'status', root)).name, 'NotFound')
    assert.equal((await ben.refused(1, 'get', root, '-o', place.path('stolen'))).name, 'NotFound')
    assert.equal((await ben.ok('add', file)).root, root)
    await ada.ok('pin', 'rm', root)
    await ada.ok('host', 'gc')
    assert.equal((await ada.refused(1, 'get', root, '-o', place.path('gone'))).name, 'NotFound')
    await ben.ok('get', root, '-o', place.path('kept'))
    assert.ok(readFileSync(place.path('kept')).equals(readFileSync(file)))
    await ben.ok('pin', 'rm', root)
    assert.ok((await ada.ok('host', 'gc')).bytes >= 3_000_000)
  })

  it('lose nothing that was acknowledged when the host is killed', async () => {
    const roots = []
    for (const name of ['one', 'two']) {
      writeFileSync(place.path(name), randomBytes(300_000))
      roots.push((await ada.ok('add', place.path(name))).root)
      await host.kill()
      host = await place.host(['--approve', 'all'])
      await ada.ok('pair', host.url)
    }
    const { pins } = await ada.ok('pin', 'ls')
    assert.deepEqual(pins.map(({ root }: Json) => root).sort(), [...roots].sort())
    assert.ok(pins.every(({ status }: Json) => status === 'pinned'))
    await ada.ok('get', roots[1], '-o', place.path('two again'))
    assert.ok(readFileSync(place.path('two again')).equals(readFileSync(place.path('two'))))
  })
})
