import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { blocksOf } from './blocks.ts'
import { Running } from './running.ts'
import { copyTree, root, shell } from './tree.ts'

const START = 'npm install && npm start'
const TEST = 'npm install && npm test'

const readme = existsSync(join(root, 'README.md')) ? readFileSync(join(root, 'README.md'), 'utf8') : ''
const blocks = blocksOf(readme)
const programs = blocks.filter(({ run }) => run !== undefined)

describe('README', function () {
  this.timeout(300_000)

  const temp = mkdtempSync(join(tmpdir(), 'symbiosis-readme-'))
  const clone = join(temp, 'clone')
  const homes = Object.fromEntries(['CONFIG', 'DATA', 'STATE', 'CACHE'].map((kind) => [`XDG_${kind}_HOME`, join(temp, kind)]))
  // Where sh stays between npm and the host and dies of the Ctrl-C itself, bash gives its place to the host, whose exit status we want.
  const env = shell({ ...homes, SYMBIOSIS_PORT: '0', SYMBIOSIS_DIR: join(temp, 'host'), npm_config_script_shell: 'bash' })
  let host: Running | undefined

  before(() => {
    mkdirSync(clone)
    copyTree(clone)
  })

  afterEach(() => host?.interrupt())
  after(() => rmSync(temp, { recursive: true, force: true }))

  it('says how to start a host and how to run the tests', () => {
    const commands = blocks.filter(({ language }) => language === 'sh').flatMap(({ text }) => text.trim().split('\n'))
    assert.ok(commands.includes(START), START)
    assert.ok(commands.includes(TEST), TEST)
  })

  it('has its test command run by the continuous integration', () => {
    assert.ok(readFileSync(join(root, '.ci/run'), 'utf8').includes(`'${TEST}'`))
  })

  it('runs all of its TypeScript here', () => {
    assert.notDeepEqual(programs, [])
    assert.deepEqual(
      blocks.filter(({ language, run }) => language === 'ts' && run === undefined).map(({ text }) => text),
      [],
    )
  })

  it('starts a host by its command, which answers, and ends cleanly on Ctrl-C', async () => {
    host = new Running(START, clone, env)
    const url = await host.listening()
    assert.equal((await fetch(new URL('/healthz', url))).status, 200)
    assert.equal(await host.interrupt(), 0, host.output)
  })

  /** A host that says yes to everybody, and the address that the README would show for it. */
  async function hostForAll(): Promise<(text: string) => string> {
    host = new Running('npm start -- --approve all', clone, env)
    const url = (await host.listening()).replace(/\/$/, '')
    return (text) => text.replaceAll(/http:\/\/(localhost|127\.0\.0\.1):4747/g, url)
  }

  for (const { run, language, text } of programs) {
    it(`runs ${run}`, async () => {
      const here = await hostForAll()
      const file = `readme-${run}.${language}`
      writeFileSync(join(clone, file), here(text))
      const program = new Running(`node_modules/.bin/node ${file}`, clone, env)
      assert.equal(await program.exit, 0, `${program.output}\n${host?.output}`)
      assert.equal(await host?.interrupt(), 0, host?.output)
    })
  }

  it('takes its tour of the command line', async () => {
    const here = await hostForAll()
    const tour = blocks.filter(({ language }) => language === 'console').flatMap(({ text }) => [...text.matchAll(/^\$ (.*)$/gm)])
    assert.notDeepEqual(tour, [])

    const type = async (command: string, wallet: string) => {
      const typed = new Running(command, clone, { ...env, SYMBIOSIS_HOME: join(temp, wallet) })
      assert.equal(await typed.exit, 0, `${command}\n${typed.output}\n${host?.output}`)
      return typed.printed
    }

    writeFileSync(join(clone, 'holiday.mp4'), Buffer.alloc(3_000_000, 7))
    const { did } = JSON.parse(await type('npx symbiosis whoami --json', 'second'))
    let token = 'TOKEN'
    for (const [, line] of tour) {
      const [command, remark = ''] = (line as string).split(/\s+#\s/) as [string, string?]
      const typed = here(command).replace('did:key:z6Mk...', did).replace('TOKEN', token)
      const delegates = / delegate /.test(typed)
      const printed = await type(delegates ? `${typed} --json` : typed, remark.includes('second') ? 'second' : 'first')
      if (delegates) token = JSON.parse(printed).token
    }
    assert.equal(await host?.interrupt(), 0, host?.output)
  })
})
