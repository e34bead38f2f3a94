import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from '../tree.ts'
import { json } from './packed.ts'
import { ThirdParty } from './third-party.ts'

const EXAMPLE = join(root, 'examples/thumbs')

/** A step of the page: a file to write, a command to type, or what the command before it prints. */
interface Step {
  readonly kind: 'file' | 'command' | 'output'
  readonly name: string
  readonly text: string
}

const steps = [...readFileSync(join(EXAMPLE, 'README.md'), 'utf8').matchAll(/(?:^\*\*`(\S+)`\*\*\n\n)?^```(\w*)\n([\s\S]*?)^```$/gm)].map(
  ([, name = '', language, text = '']): Step => ({
    kind: language === 'ts' ? 'file' : language === 'console' ? 'command' : 'output',
    name,
    text,
  }),
)

describe('the page "Write a service"', function () {
  this.timeout(600_000)

  const other = new ThirdParty()
  const project = join(other.home, 'thumbs')
  let host: Awaited<ReturnType<ThirdParty['host']>> | undefined
  let printed = ''

  after(() => host?.stop())

  it('shows the files of the example, and all of them', () => {
    const files = steps.filter(({ kind }) => kind === 'file')
    assert.deepEqual(files.map(({ name }) => name).sort(), [
      'app.ts',
      'host.ts',
      'images.ts',
      'index.ts',
      'operate.ts',
      'test/service.test.ts',
    ])
    for (const { name, text } of files) assert.equal(text, readFileSync(join(EXAMPLE, name), 'utf8'), name)
  })

  /** A command as the page has it, with our tarballs for the registry, and the address of the host that is up. */
  const type = async (command: string) => {
    if (command.startsWith('npm create symbiosis-service ')) return other.create(command.split(' ').at(-1) as string)
    if (command === 'cd thumbs') return ''
    if (command.startsWith('npm install ')) {
      other.install(project, { sharp: json(join(EXAMPLE, 'package.json')).dependencies.sharp })
      return ''
    }
    if (command.startsWith('npx symbiosis host --')) {
      const args = command
        .replace(/ {2,}#.*/, '')
        .split(' ')
        .slice(3)
      host = await other.host(project, ...args)
      return ''
    }
    return other.run(command === 'node app.ts' ? `${command} ${host?.url}` : command, project)
  }

  for (const [at, { kind, name, text }] of steps.entries()) {
    if (kind === 'file') {
      it(`${at + 1}. writes ${name}`, () => {
        mkdirSync(dirname(join(project, name)), { recursive: true })
        writeFileSync(join(project, name), text)
      })
    } else if (kind === 'command') {
      const commands = text.split('\n').flatMap((line) => (line.startsWith('$ ') ? [line.slice(2)] : []))
      for (const command of commands) {
        it(`${at + 1}. types ${command}`, async () => {
          printed = await type(command)
          if (command.includes('npm test')) assert.match(printed, /pass 15\n[\s\S]*fail 0/)
        })
      }
    } else it(`${at + 1}. is told what the page says`, () => assert.equal(printed, text))
  }

  it('has left a host that ends as it should', async () => assert.equal(await host?.stop(), 0))
})
