import assert from 'node:assert/strict'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { memoryWallet, Symbiont } from '@symbiosis/symbiont'
import { clips } from '../clips/index.ts'
import { root } from '../tree.ts'
import { Place } from './command.ts'

const PROTOCOL = JSON.stringify(join(root, 'protocol/index.ts'))
const CONTRACT = `import { ability, Failure, provide, service, struct, text } from ${PROTOCOL}
const echo = service('echo', {
  rev: 1,
  about: 'Says it again',
  abilities: {
    say: ability({ about: 'Says it', effect: 'read', nb: struct({ text: text() }), ok: struct({ text: text() }) }),
  },
})
const handlers = {
  say: ({ text }) => {
    if (text === '') throw new Failure('Denied', 'Silence is not said again.')
    return { text }
  },
}`

describe('a host with the service of a package', function () {
  this.timeout(120_000)

  const place = new Place()
  after(() => place.end())

  const made = (
    name: string,
    host: string | undefined,
    manifest: object = { name, type: 'module', exports: { './host': './host.mjs' } },
  ) => {
    const folder = place.path('packages', name)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
    if (host !== undefined) writeFileSync(join(folder, 'host.mjs'), host)
    return folder
  }
  const refused = async (service: string) => (await place.wallet('owner').refused(1, 'host', '--port', '0', '--service', service)).name

  it('leases it like its own', async () => {
    const host = await place.host([
      '--approve',
      'all',
      '--service',
      made('echo', `${CONTRACT}\nexport default () => provide(echo, handlers)`),
    ])
    const guest = place.wallet('guest')
    await guest.ok('pair', host.url)
    const { leases } = await guest.ok('request', 'echo')
    assert.equal(leases[0].can, 'echo/*')
    assert.equal(await host.stop(), 0)
  })

  it('gives it the blocks of the host, where what it keeps outlives a restart', async () => {
    const start = () => place.host(['--approve', 'all', '--service', join(root, 'tests/clips')])
    await using symbiont = await Symbiont.open({ wallet: memoryWallet() })
    await symbiont.createSpace()
    const first = await start()
    await symbiont.pair(first.url)
    await symbiont.request({ clips: {} })
    const { root: kept } = await symbiont.use(clips).keep({ words: 'Remember the milk' })
    assert.equal(await first.stop(), 0)
    const second = await start()
    await symbiont.pair(second.url)
    assert.equal((await symbiont.use(clips).read({ root: kept })).words, 'Remember the milk')
    assert.equal(await second.stop(), 0)
  })

  it('knows a wrong name before it makes anything', async () => {
    const dir = place.path('untouched')
    const { name } = await place.wallet('owner').refused(1, 'host', '--port', '0', '--dir', dir, '--service', 'no-such-package-anywhere')
    assert.equal(name, 'NotFound')
    assert.ok(!existsSync(dir))
  })

  it('says what is wrong with what is no service', async () => {
    assert.equal(await refused(place.path('nowhere')), 'NotFound')
    assert.equal(await refused('no-such-package-anywhere'), 'NotFound')
    assert.equal(await refused(made('unbuilt', undefined)), 'NotFound')
    assert.equal(await refused(made('closed', '', { name: 'closed', exports: { '.': './host.mjs' } })), 'NotFound')
    assert.equal(await refused(made('nameless', '', {})), 'Unsupported')
    assert.equal(await refused(made('empty', 'export const nothing = 1')), 'Unsupported')
    assert.equal(await refused(made('other', 'export default () => 42')), 'Unsupported')
    assert.equal(await refused(made('broken', 'throw new Error("broken")')), 'Unavailable')
    assert.equal(await refused(made('failing', 'export default () => { throw new Error("failing") }')), 'Unavailable')
  })

  it('has no two services of one name', async () => {
    const twin = CONTRACT.replace("service('echo'", "service('pin'")
    assert.equal(await refused(made('twin', `${twin}\nexport default () => provide(echo, handlers)`)), 'InvalidInput')
  })
})
