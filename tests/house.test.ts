import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { transformSync } from 'esbuild'
import { files, root } from './tree.ts'

/** A file of the tree, or one made up to break a rule. */
interface Source {
  path: string
  text: string
}

/** Finds what breaks a rule of the house: one line for each place. */
type Rule = (sources: Source[]) => string[]

const read = (path: string) => readFileSync(join(root, path), 'utf8')
const json = (path: string) => JSON.parse(read(path))
const workspaces: string[] = json('package.json').workspaces
const services = files().flatMap((path) => /^capabilities\/([^/]+)\/index\.ts$/.exec(path)?.[1] ?? [])
const names = Object.fromEntries(workspaces.map((name) => [json(`${name}/package.json`).name as string, name]))
const entries = workspaces.flatMap((name) =>
  Object.values<string>(json(`${name}/package.json`).exports ?? {}).map((file) => join(name, file)),
)

const isCode = (path: string) => /\.[jt]s$/.test(path)
const inside = (folder: string) => (source: Source) => source.path.startsWith(`${folder}/`) && isCode(source.path)

/** What a module imports. Relies on the formatter for the look of an import. */
function imported(text: string): string[] {
  const found = text.matchAll(/^(?:import|export)\s[^'";]*?\bfrom\s+['"]([^'"]+)|^import\s*['"]([^'"]+)|\bimport\(\s*['"]([^'"$]+)['"]/gm)
  return [...found].map(([, from, bare, dynamic]) => (from ?? bare ?? dynamic) as string)
}

/** What is left at run time: no types, no comments. */
const code = (text: string) =>
  transformSync(text, { loader: 'ts', legalComments: 'none', tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } } }).code

const packageOf = (specifier: string) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
const isBare = (specifier: string) => !/^[./#]/.test(specifier) && !isBuiltin(specifier)

/** `from` may import the workspaces in `allowed`, itself, and no other: neither by name nor by a path that leaves it. */
const importsOnly =
  (from: string, ...allowed: string[]): Rule =>
  (sources) =>
    sources.filter(inside(from)).flatMap(({ path, text }) =>
      imported(text)
        .filter((specifier) => {
          if (isBare(specifier)) return ![from, ...allowed, undefined].includes(names[packageOf(specifier)])
          return specifier.startsWith('.') && !join(path, '..', specifier).startsWith(`${from}/`)
        })
        .map((specifier) => `${path} imports ${specifier}`),
    )

const pureProtocol: Rule = (sources) =>
  sources
    .filter(inside('protocol'))
    .filter(({ path }) => path !== 'protocol/channels/unix.ts')
    .flatMap(({ path, text }) =>
      imported(code(text))
        .filter((specifier) => isBuiltin(specifier))
        .map((specifier) => `${path} imports ${specifier}, which no browser has`),
    )

const namesNoService: Rule = (sources) =>
  [...sources.filter(inside('host')), ...sources.filter(inside('symbiont'))]
    .filter(({ path }) => !/^host\/(engine\/|daemon)/.test(path))
    .flatMap(({ path, text }) =>
      [...code(text).matchAll(new RegExp(`(['"\`])(?:${services.join('|')})(?:/[^'"\`\\n]*)?\\1`, 'g'))].map(
        ([name]) => `${path} names ${name}`,
      ),
    )

/** What it holds hosts of others to must not lean on how ours does it. */
const conformanceNeedsContracts: Rule = (sources) =>
  sources.filter(inside('conformance/host')).flatMap(({ path, text }) =>
    imported(text)
      .filter((specifier) => specifier.startsWith('@symbiosis/') && !/^@symbiosis\/(protocol(\/\w+)?|capabilities\/\w+)$/.test(specifier))
      .map((specifier) => `${path} imports ${specifier}`),
  )

const noLooseLevels: Rule = (sources) =>
  sources
    .filter(({ path }) => /(^|\/)(src|lib|utils?|helpers?|common|misc)(\/|\.[jt]s$)/.test(path))
    .map(({ path }) => `${path}: name the folder or file by what is in it`)

const noBarrels: Rule = (sources) =>
  sources
    .filter(({ path }) => isCode(path) && !/(^|\/)index\.ts$/.test(path) && !entries.includes(path))
    .filter(({ text }) => {
      const all = code(text).trim()
      return all !== '' && all.replace(/^export\s(\*[^'"]*|\{[^}]*\})\s*from\s*['"][^'"]+['"];?$/gm, '').trim() === ''
    })
    .map(({ path }) => `${path} only passes on what others export`)

const noLongFiles: Rule = (sources) =>
  sources
    .filter(({ path }) => isCode(path))
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > 400)
    .map(({ path, lines }) => `${path} has ${lines} lines, 400 is the limit`)

/** The folder of the package.json that a file falls under. */
const packageAbove = (path: string): string => {
  let folder = dirname(path)
  while (folder !== '.' && !existsSync(join(root, folder, 'package.json'))) folder = dirname(folder)
  return folder
}

const declared: Rule = (sources) =>
  sources
    .filter(({ path }) => isCode(path))
    .flatMap(({ path, text }) => {
      const folder = packageAbove(path)
      const own = folder !== '.'
      const manifest = json(`${folder}/package.json`)
      // What nobody installs may use what it is developed with.
      const testing = manifest.private || path.startsWith(`${folder}/test/`) ? manifest.devDependencies : {}
      const known = own
        ? [
            manifest.name,
            ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies, ...testing }),
          ]
        : [...Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }), ...Object.keys(names)]
      return imported(text)
        .filter((specifier) => isBare(specifier) && !known.includes(packageOf(specifier)))
        .map((specifier) => `${path} imports ${specifier}, which its package.json doesn't declare`)
    })

const noPromises: Rule = (sources) =>
  sources
    .filter(({ path }) => path !== 'tests/house.test.ts' && path !== 'package-lock.json')
    .flatMap(({ path, text }) =>
      [...text.matchAll(/\b(TODO|FIXME|XXX|HACK|WIP|[Ff]or now|[Nn]ot (?:yet )?implemented)\b/g)].map(([word]) => `${path} says "${word}"`),
    )

const noMachines: Rule = (sources) =>
  sources
    .filter(({ path }) => /(^|\/)(package-lock\.json|\.npmrc)$/.test(path))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/"resolved": "(?!\w[\w/-]*")[^"]*"|^registry.*|\bfile:[^"]*|"\/[^"]*"/gm)].map(([found]) => `${path} has ${found}`),
    )

/** npm leaves out of the lock file what it couldn't fetch for another platform, and `npm ci` then refuses on every platform. */
const allPlatforms: Rule = (sources) =>
  sources
    .filter(({ path }) => path === 'package-lock.json')
    .flatMap(({ text }) => {
      const { packages } = JSON.parse(text) as { packages: Record<string, { optionalDependencies?: Record<string, string> }> }
      const locked = new Set(Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/'))))
      return Object.values(packages)
        .flatMap(({ optionalDependencies }) => Object.keys(optionalDependencies ?? {}))
        .filter((name) => !locked.has(`node_modules/${name}`))
        .map((name) => `package-lock.json lacks ${name}: take a version of its parent that is published whole`)
    })

/** Each rule, and the least that breaks it. */
const RULES: Record<string, [Rule, Source]> = {
  'protocol imports no other workspace': [
    importsOnly('protocol'),
    { path: 'protocol/a.ts', text: "import type { Host } from '@symbiosis/host'" },
  ],
  'protocol needs nothing of Node at run time but for its Unix socket': [
    pureProtocol,
    { path: 'protocol/a.ts', text: "const fs = await import('node:fs')" },
  ],
  'capabilities import protocol only': [
    importsOnly('capabilities', 'protocol'),
    { path: 'capabilities/a.ts', text: "import { Host } from '../host/host.ts'" },
  ],
  'host imports protocol only': [
    importsOnly('host', 'protocol'),
    { path: 'host/a.ts', text: "import type { pin } from '@symbiosis/capabilities/pin'" },
  ],
  'symbiont imports protocol only': [
    importsOnly('symbiont', 'protocol'),
    { path: 'symbiont/a.ts', text: "export {\n  a,\n  b,\n} from '@symbiosis/host'" },
  ],
  'what hosts are held to needs contracts only': [
    conformanceNeedsContracts,
    { path: 'conformance/host/a.ts', text: "import { allow } from '@symbiosis/host'" },
  ],
  'host and symbiont name no service': [namesNoService, { path: 'host/a.ts', text: `if (can === '${services[0]}/add') meter()` }],
  'folders and files are named by what is in them': [noLooseLevels, { path: 'host/utils.ts', text: '' }],
  'only what a package offers passes on what others export': [
    noBarrels,
    { path: 'host/all.ts', text: "// All.\nexport * from './a.ts'\nexport {\n  b,\n} from './b.ts'\n" },
  ],
  'no file is over 400 lines': [noLongFiles, { path: 'tests/a.test.ts', text: 'a()\n'.repeat(401) }],
  'every package declares what it imports': [declared, { path: 'protocol/a.ts', text: "import { pino } from 'pino'" }],
  'nothing is put off': [noPromises, { path: 'docs/a.md', text: 'Fine for now.' }],
  'the lock file serves every platform': [
    allPlatforms,
    { path: 'package-lock.json', text: '{ "packages": { "node_modules/a": { "optionalDependencies": { "a-mac": "1.0.0" } } } }' },
  ],
  'the lock file is the same on every machine': [
    noMachines,
    { path: 'package-lock.json', text: '"resolved": "https://registry.test/a/-/a-1.0.0.tgz"' },
  ],
}

describe('the layout', () => {
  const sources = files()
    .filter((path) => !/\.(car|png|ico|woff2?|bin|gz)$/.test(path))
    .map((path) => ({ path, text: read(path) }))

  for (const [name, [rule, breach]] of Object.entries(RULES)) {
    it(name, () => {
      assert.notDeepEqual(rule([breach]), [], 'the rule sees no breach where there is one')
      assert.deepEqual(rule(sources), [])
    })
  }
})
