import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, shell } from './tree.ts'

interface Manifest {
  name: string
  version: string
  exports?: Record<string, { types: string; default: string }>
  bin?: Record<string, string>
}

const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'))
const published = (name: string) => !json(join(root, name, 'package.json')).private
const workspaces: string[] = json(join(root, 'package.json')).workspaces.filter(published)

describe('what is published', function () {
  this.timeout(300_000)

  const temp = mkdtempSync(join(tmpdir(), 'symbiosis-build-'))
  const dist = join(temp, 'dist')
  const app = join(temp, 'app')
  const manifests: Record<string, Manifest> = {}

  /** What a command prints, in a person's shell. Its failure shows all that it printed. */
  function run(command: string, args: string[], cwd = app): string {
    const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env: shell(), encoding: 'utf8' })
    assert.equal(status, 0, `${command} ${args.join(' ')}: ${error ?? `exit ${status}`}\n${stdout}${stderr}`)
    return stdout
  }

  const node = (code: string) => run(process.execPath, ['--input-type=module', '--eval', code])

  before(() => {
    run(process.execPath, ['build.ts', dist], root)
    mkdirSync(app)
    const tarballs: Record<string, string> = {}
    for (const name of workspaces) {
      const manifest: Manifest = json(join(dist, name, 'package.json'))
      manifests[name] = manifest
      const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', app], join(dist, name)))
      tarballs[name] = packed.filename
    }
    install(tarballs)
  })

  after(() => rmSync(temp, { recursive: true, force: true }))

  /** Installs the tarballs, and beside them exactly what our lock file names: a release of somebody else's can't change the outcome. */
  function install(tarballs: Record<string, string>) {
    const lock = json(join(root, 'package-lock.json'))
    const dependencies = Object.fromEntries(workspaces.map((name) => [manifests[name]?.name, `file:${tarballs[name]}`]))
    const packages: Record<string, object> = { '': { dependencies } }
    for (const [path, entry] of Object.entries<{ link?: boolean; dev?: boolean }>(lock.packages)) {
      const owner = workspaces.find((name) => path === name || path.startsWith(`${name}/`))
      if (owner) {
        const ours = `node_modules/${manifests[owner]?.name}`
        packages[ours + path.slice(owner.length)] = path === owner ? { ...manifests[owner], resolved: `file:${tarballs[owner]}` } : entry
      } else if (path !== '' && !entry.link && !entry.dev) packages[path] = entry
    }
    writeFileSync(join(app, 'package.json'), JSON.stringify({ private: true, dependencies }))
    writeFileSync(join(app, 'package-lock.json'), JSON.stringify({ lockfileVersion: lock.lockfileVersion, packages }))
    run('npm', ['ci', '--prefer-offline', '--omit=dev', '--ignore-scripts'])
  }

  for (const name of workspaces) {
    it(`${name}: every export is there and loads`, () => {
      const { name: id, exports = {}, bin = {} } = manifests[name] as Manifest
      assert.notEqual(Object.keys({ ...exports, ...bin }).length, 0)
      for (const [path, { types, default: script }] of Object.entries(exports)) {
        assert.match(types, /\.d\.ts$/)
        assert.match(script, /\.js$/)
        readFileSync(join(app, 'node_modules', id, types))
        const names = node(`console.log(Object.keys(await import('${join(id, path)}')).join())`)
        assert.notEqual(names.trim(), '', `${join(id, path)} exports nothing`)
      }
    })

    it(`${name}: carries its licence and a README`, () => {
      for (const page of ['LICENSE', 'README.md']) readFileSync(join(app, 'node_modules', manifests[name]?.name as string, page))
    })
  }

  it('runs as a command', () => {
    assert.match(run(process.execPath, [join(app, 'node_modules/.bin/symbiosis'), '--help']), /host/)
  })

  it('comes without the optional library, and says so to who asks for it', () => {
    const code =
      "const { sodium } = await import('@symbiosis/host/sodium')\ntry { sodium() } catch ({ name, details }) { console.log(name, details.hint) }"
    assert.match(node(code), /^Unavailable .*npm install sodium-native/)
  })

  it('has declarations that a strict program compiles against', () => {
    const imports = Object.values(manifests).flatMap(({ name, exports = {} }) => Object.keys(exports).map((path) => join(name, path)))
    const code = imports.map((specifier, at) => `import * as m${at} from '${specifier}'\nconsole.log(m${at})\n`).join('')
    writeFileSync(
      join(app, 'app.mts'),
      `${code}const code: m0.Code = 'Revoked'\n// @ts-expect-error no such code\nconst none: m0.Code = 'Nonsense'\nconsole.log(code, none)\n`,
    )
    const options = [
      '--strict',
      '--noEmit',
      '--target',
      'esnext',
      '--module',
      'nodenext',
      '--skipLibCheck',
      '--typeRoots',
      join(root, 'node_modules/@types'),
    ]
    run(process.execPath, [join(root, 'node_modules/.bin/tsc'), ...options, '--types', 'node', 'app.mts'])
  })
})
