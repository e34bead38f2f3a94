import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { blocksOf } from '../blocks.ts'
import { root } from '../tree.ts'
import { installed } from './installed.ts'
import { type Packed, packages, run, workspaces } from './packed.ts'

/** What somebody may have set, by how their imports are found. */
const CONFIGS = {
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'preserve', moduleResolution: 'bundler' },
}

/** Flags that change what declarations mean, on top of `strict`. */
const STRICT = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, isolatedModules: true }

/** A package as `npm ls` tells it. */
interface Listed {
  resolved?: string
  dependencies?: Record<string, Listed>
}

/** A program for Node. */
const NODE = { target: 'es2024', lib: ['esnext'], types: ['node'], typeRoots: [join(root, 'node_modules/@types')] }

/** Compiles only where the types of the packages are really seen, in all that one takes from the other. */
const MISTAKES = `import { pin } from '@symbiosis/capabilities/pin'
import type { Code } from '@symbiosis/protocol'
import type { Symbiont } from '@symbiosis/symbiont'
export const code: Code = 'Revoked'
// @ts-expect-error no such code
export const none: Code = 'Nonsense'
export const app = async (symbiont: Symbiont): Promise<boolean> => {
  // @ts-expect-error a field is missing
  await symbiont.use(pin).add({})
  const { error } = await symbiont.try(pin).list()
  // @ts-expect-error no such error
  return error?.name === 'Nonsense'
}
`

/** The compiler of the sources, and the last one before it, by which the reference is made. */
const COMPILERS = {
  'TypeScript 7': join(root, 'node_modules/typescript/lib/tsc.js'),
  'TypeScript 6': createRequire(join(root, 'reference/package.json')).resolve('typescript/lib/tsc.js'),
}

describe('the packages, installed by somebody else', function () {
  this.timeout(300_000)
  let app: string
  let all: Record<string, Packed> = {}
  const of = (workspace: string) => all[workspace] as Packed
  const node = (code: string) => run(process.execPath, ['--input-type=module', '--eval', code], app)

  before(() => {
    app = installed()
    all = Object.fromEntries(packages().map((each) => [each.workspace, each]))
  })

  /** What the compiler says of a folder of the app, and of our declarations. Some libraries' own declarations don't compile under such flags. */
  function complaints(folder: string, options: object, compiler = COMPILERS['TypeScript 7']): string[] {
    writeFileSync(join(app, folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...STRICT, ...options }, include: ['*'] }))
    const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, '-p', folder, '--pretty', 'false'], {
      cwd: app,
      encoding: 'utf8',
    })
    assert.ok(status !== null && status <= 2 && stderr === '', `exit ${status}\n${stderr}`)
    return stdout.split('\n').filter((line) => /error TS/.test(line) && !/^node_modules\/(?!@?symbiosis\/)/.test(line))
  }

  /** Puts sources into a folder of their own. */
  function put(folder: string, sources: Record<string, string>): void {
    mkdirSync(join(app, folder))
    for (const [file, text] of Object.entries(sources)) writeFileSync(join(app, folder, file), text)
  }

  /** Imports every entry of the given packages, and uses what they export. */
  const everything = (entries: string[]) => entries.map((entry, at) => `import * as m${at} from '${entry}'\nconsole.log(m${at})\n`).join('')
  const entriesOf = (name: string) => Object.keys(of(name).manifest.exports ?? {}).map((path) => join(of(name).manifest.name, path))

  for (const name of workspaces) {
    it(`${name}: every export is there and loads`, () => {
      const { manifest } = of(name)
      const entries = entriesOf(name)
      assert.notEqual(entries.length + Object.keys(manifest.bin ?? {}).length, 0)
      const code = entries.map((entry) => `console.log(Object.keys(await import('${entry}')).length)`).join('\n')
      for (const count of node(code).split('\n').slice(0, -1)) assert.match(count, /^[1-9]\d*$/)
    })
  }

  it('runs as a command', () => {
    assert.match(run(process.execPath, [join(app, 'node_modules/.bin/symbiosis'), '--help'], app), /host/)
  })

  it('comes without the optional library, and says so to who asks for it', () => {
    const code =
      "const { sodium } = await import('@symbiosis/host/sodium')\ntry { sodium() } catch ({ name, details }) { console.log(name, details.hint) }"
    assert.match(node(code), /^Unavailable .*npm install sodium-native/)
  })

  it('is there once each, whoever asks for it', () => {
    const tree = JSON.parse(run('npm', ['ls', '@symbiosis/protocol', '--json', '--all'], app))
    const found = new Set<string>()
    const walk = ({ dependencies = {} }: Listed): void => {
      for (const [name, each] of Object.entries(dependencies)) {
        if (name === '@symbiosis/protocol' && each.resolved) found.add(each.resolved)
        walk(each)
      }
    }
    walk(tree)
    assert.equal(found.size, 1)
  })

  for (const [name, config] of Object.entries(CONFIGS)) {
    it(`compiles for who uses ${name}, in all its exports, and holds them to its types`, () => {
      put(`all-${name}`, { 'all.ts': everything(workspaces.flatMap(entriesOf)), 'mistakes.ts': MISTAKES })
      assert.deepEqual(complaints(`all-${name}`, { ...config, ...NODE, noEmit: true }), [])
    })

    it(`compiles for a page that uses ${name}, with nothing of Node at hand`, () => {
      const entries = ['protocol', 'capabilities', 'symbiont']
        .flatMap(entriesOf)
        .filter((entry) => !/\/(host|unix|node|ucanto)$/.test(entry))
      assert.notDeepEqual(entries, [])
      put(`page-${name}`, { 'page.ts': everything(entries), 'mistakes.ts': MISTAKES })
      const options = { ...config, target: 'es2024', lib: ['esnext', 'dom'], noEmit: true, types: [] }
      for (const [version, compiler] of Object.entries(COMPILERS)) {
        assert.deepEqual(complaints(`page-${name}`, options, compiler), [], version)
      }
    })
  }

  it('runs what its READMEs say, without a TypeScript of its own', () => {
    const programs = packages().flatMap(({ workspace, manifest }) => {
      const readme = readFileSync(join(app, 'node_modules', manifest.name, 'README.md'), 'utf8')
      return blocksOf(readme).flatMap(({ language, run: name, text }) => (language === 'ts' ? [{ workspace, name, text }] : []))
    })
    const told = programs.filter(({ name }) => name !== undefined).map(({ workspace }) => workspace)
    assert.deepEqual(
      [...new Set(told)],
      workspaces.filter((name) => entriesOf(name).length > 0),
      'each package has one',
    )
    assert.equal(told.length, programs.length, 'and none is left out')
    const sources = Object.fromEntries(programs.map(({ name, text }) => [`${name}.ts`, text]))
    for (const [name, config] of Object.entries(CONFIGS)) {
      put(`programs-${name}`, { ...sources, 'package.json': '{ "type": "module" }' })
      assert.deepEqual(complaints(`programs-${name}`, { ...config, ...NODE, outDir: `${app}/programs-${name}/out` }), [])
    }
    for (const { name } of programs) run(process.execPath, ['--no-experimental-strip-types', `programs-nodenext/out/${name}.js`], app)
  })
})
