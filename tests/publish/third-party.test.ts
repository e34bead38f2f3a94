import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ThirdParty } from './third-party.ts'

const APP = `
  import { memoryWallet, Symbiont } from '@symbiosis/symbiont'
  import { myNotes } from '@acme/my-notes'

  const symbiont = await Symbiont.open({ wallet: memoryWallet() })
  await symbiont.createSpace()
  await symbiont.pair(process.argv[2])
  await symbiont.request({ 'my-notes': { notes: 2 } })
  const notes = symbiont.use(myNotes)
  await notes.write({ title: 'milk', body: 'Two pints' })
  const { error } = await symbiont.try(myNotes).write({ title: 'milk', body: 'Three' })
  await notes.write({ title: 'eggs', body: 'Ten' })
  const { error: full } = await symbiont.try(myNotes).write({ title: 'tea', body: 'Green' })
  const unknowing = await symbiont.dynamic('my-notes')
  const { titles } = await unknowing.list({})
  console.log(JSON.stringify({ titles, errors: [error.name, full.name], milk: await unknowing.read({ title: 'milk' }) }))
  await symbiont.close()
`

describe('a service of a third party', function () {
  this.timeout(600_000)

  const other = new ThirdParty()
  const project = join(other.home, 'my-notes')

  it('is begun by one command, in a folder that was not there', () => {
    const printed = other.create('@acme/my-notes')
    for (const file of ['index.ts', 'host.ts', 'package.json', '.gitignore', 'README.md', 'tsconfig.json', 'test/service.test.ts']) {
      assert.ok(existsSync(join(project, file)), file)
      assert.ok(printed.includes(`my-notes/${file}`), file)
    }
    for (const file of ['index.ts', 'host.ts', 'package.json', 'README.md', 'test/service.test.ts'])
      assert.doesNotMatch(readFileSync(join(project, file), 'utf8'), /sample-|sampleService/i, file)
    assert.equal(JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')).name, '@acme/my-notes')
  })

  it('is not written over, and has a name that can be one', () => {
    writeFileSync(join(project, 'README.md'), 'mine')
    other.create('@acme/my-notes', 1)
    assert.equal(readFileSync(join(project, 'README.md'), 'utf8'), 'mine')
    for (const name of ['My-Notes', '../up', 'a/b', '-', 'notes.', 'lease/', 'lease', 'class', 'await', ''])
      other.create(`'${name}'`, name === '-' ? 2 : 1)
    assert.ok(!existsSync(join(other.home, '..', 'up')))
  })

  it('installs and builds', () => {
    other.install(project)
    for (const file of ['dist/index.js', 'dist/index.d.ts', 'dist/host.js', 'dist/host.d.ts'])
      assert.ok(existsSync(join(project, file)), file)
  })

  it('has types and tests that hold as they come', () => {
    other.run('npm run check', project)
    assert.match(other.run('npm test', project), /pass 15\n[\s\S]*fail 0/)
  })

  it('has a contract that brings nothing of Node into a page', () => {
    const imported = readFileSync(join(project, 'dist/index.js'), 'utf8').matchAll(/from '([^']+)'/g)
    assert.deepEqual(
      [...imported].map(([, specifier]) => specifier),
      ['@symbiosis/protocol'],
    )
  })

  it('is leased by a host, and called by who has its contract and by who has not', async () => {
    const host = await other.host(project, '--approve', 'all', '--service', '.')
    writeFileSync(join(project, 'app.mjs'), APP)
    const told = JSON.parse(other.run(`node app.mjs ${host.url}`, project))
    assert.deepEqual(told, { titles: ['eggs', 'milk'], errors: ['Taken', 'LimitExceeded'], milk: { body: 'Two pints' } })
    assert.equal(await host.stop(), 0)
  })

  it('is leased by its name, too, where it is installed', async () => {
    const host = await other.host(project, '--approve', 'all', '--service', '@acme/my-notes')
    assert.match(other.run(`npx symbiosis describe ${host.url}`, project), /my-notes/)
    assert.equal(await host.stop(), 0)
  })
})
