import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { documents, Place, type RunningHost } from './command.ts'

describe('what the command ends with', function () {
  this.timeout(120_000)

  const place = new Place()
  const wallet = place.wallet('wallet')
  let host: RunningHost

  before(async () => {
    host = await place.host(['--approve', 'all'])
    await wallet.ok('pair', host.url)
    await wallet.ok('request')
  })
  after(() => place.end())

  it('is 0 for help and for the version', async () => {
    assert.equal((await place.run(['--help'])).code, 0)
    assert.match((await place.run(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
  })

  const usage = [
    ['nonsense'],
    ['pair'],
    ['pin', 'status', 'no-cid'],
    ['request', '--bytes', '2XB'],
    ['request', 'a/b/c'],
    ['delegate', 'somebody', '--can', 'pin/*'],
    ['delegate', 'did:key:z6MkmbmkMBj6d7qmxhrSMZ5mrgrVXycAJtVwrRei2Cgyqjvs'],
    ['host', '--port', '70000'],
    ['host', '--approve', 'maybe'],
    ['host', '--follow-named', 'maybe'],
  ]
  it('is 2 for what is typed wrongly, with and without --json', async () => {
    const results = await Promise.all(usage.map((args) => Promise.all([wallet.run(args), wallet.run([...args, '--json'])])))
    for (const [at, [people, programs]] of results.entries()) {
      assert.deepEqual([people.code, programs.code], [2, 2], usage[at]?.join(' '))
      assert.equal(people.stdout, '')
      assert.notEqual(people.stderr, '')
      assert.equal(documents(programs.stdout)[0].error.name, 'Usage')
    }
  })

  it('is 1 for what is refused', async () => {
    assert.equal((await wallet.refused(1, 'request', 'juggle')).name, 'UnknownAbility')
    assert.equal((await wallet.refused(1, 'add', place.path('no such file'))).name, 'NotFound')
    assert.equal((await wallet.refused(1, 'accept', 'uabc')).name, 'Malformed')
    assert.equal((await wallet.refused(1, 'inspect', 'x'.repeat(300))).name, 'Malformed')
    assert.equal((await wallet.refused(1, 'init')).name, 'InvalidInput')
  })

  it('is 3 for a host that is not there', async () => {
    const error = await wallet.refused(3, 'pair', 'http://127.0.0.1:9')
    assert.equal(error.name, 'Unavailable')
    assert.match((await wallet.run(['pair', 'unix:/nowhere/host.sock'])).stderr, /unreachable/)
  })

  it('is 1 for a wallet that is damaged, cut short or open to others, and leaves it as it is', async () => {
    const good = readFileSync(`${wallet.home}/wallet.json`, 'utf8')
    const bad = place.wallet('bad')
    mkdirSync(bad.home, { mode: 0o700 })
    const file = `${bad.home}/wallet.json`
    for (const text of ['', 'nonsense', good.slice(0, 300), good.replace(/"seed": "u.{8}/, '"seed": "uAAAAAAAA')]) {
      writeFileSync(file, text, { mode: 0o600 })
      assert.equal((await bad.refused(1, 'whoami')).name, 'Malformed')
      assert.equal(readFileSync(file, 'utf8'), text)
    }
    const { code, stdout } = await bad.run(['doctor', '--json'])
    assert.equal(code, 1)
    assert.equal(documents(stdout)[0].ok, false)
    writeFileSync(file, good)
    chmodSync(file, 0o644)
    assert.equal((await bad.refused(1, 'whoami')).name, 'Denied')
  })

  it('is 1 and one clear line for a host whose port or folder is taken', async () => {
    const squatter = createServer().listen(0, '127.0.0.1')
    await once(squatter, 'listening')
    const port = String((squatter.address() as { port: number }).port)
    const taken = await place.run(['host', '--json', '--dir', place.path('other'), '--port', port])
    squatter.close()
    assert.equal(taken.code, 1)
    assert.match(documents(taken.stdout)[0].error.message, new RegExp(`port ${port} is taken`))
    const folder = await place.run(['host', '--port', '0'])
    assert.equal(folder.code, 1)
    assert.match(folder.stderr, /Another host already runs in/)
    assert.doesNotMatch(folder.stderr, /^\s+at /m)
  })

  it('is 130 for Ctrl-C', async () => {
    const asking = await place.host(['--dir', place.path('asking')])
    const other = place.wallet('other')
    await other.ok('pair', asking.url)
    const { lines, child, ended } = other.start('request')
    await lines.next()
    child.kill('SIGINT')
    const { code } = await ended
    assert.equal(code, 130)
    await asking.stop()
  })

  it('is no crash for a reader that leaves early', async () => {
    const child = place.spawn(['pin', 'ls'], { SYMBIOSIS_HOME: wallet.home })
    child.stdout?.destroy()
    let stderr = ''
    child.stderr?.on('data', (chunk) => {
      stderr += chunk
    })
    const [code] = await once(child, 'close')
    assert.deepEqual([code, stderr], [0, ''])
  })

  it('is told without colours where nobody sees them', async () => {
    const { stdout, stderr } = await wallet.run(['leases'])
    assert.ok(!(stdout + stderr).includes('\u001b'))
  })

  it('finds all in order, and says what is not', async () => {
    const well = await wallet.run(['doctor', '--json'])
    assert.equal(well.code, 0)
    assert.equal(documents(well.stdout)[0].ok, true)
    await host.stop()
    const ill = await wallet.run(['doctor', '--json'])
    assert.equal(ill.code, 1)
    const { checks } = documents(ill.stdout)[0]
    assert.deepEqual(
      checks.filter(({ ok }: { ok: boolean }) => !ok).map(({ what }: { what: string }) => what.split(' ')[0]),
      ['host'],
    )
    assert.equal((await wallet.refused(3, 'pin', 'ls')).name, 'Unavailable')
  })
})
