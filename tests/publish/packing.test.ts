import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { files, root, shell } from '../tree.ts'
import { json, type Packed, packages, workspaces } from './packed.ts'

/** Bytes that a tarball may have: thrice today's largest. What is over holds something that nobody meant to publish. */
const MOST = 300_000

/** What the package.json of a package may say. No address of a repository: who forks needn't change it. */
const FIELDS = ['name', 'version', 'description', 'license', 'type', 'sideEffects', 'engines', 'exports', 'bin', 'files', 'publishConfig']
const NEEDS = ['dependencies', 'peerDependencies', 'peerDependenciesMeta']

/** How ESM is found, by Node and by bundlers. The packages have nothing for `require` and for what came before `exports`. */
const ESM = ['node16-esm', 'bundler'] as const

const own = (name: string) => name === 'symbiosis' || name.startsWith('@symbiosis/')
/** What others go on with is packed as it stands. */
const isTemplate = (path: string) => path.startsWith('template/')
const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} KB`

/** The scripts of a package behind each other, as a network would carry them. */
const gzipped = ({ folder, files: paths }: Packed) =>
  gzipSync(Buffer.concat(paths.filter((path) => path.endsWith('.js')).map((path) => readFileSync(join(folder, path))))).length

describe('what npm pack packs', function () {
  this.timeout(300_000)
  let all: Record<string, Packed> = {}
  const of = (workspace: string) => all[workspace] as Packed

  before(() => {
    all = Object.fromEntries(packages().map((each) => [each.workspace, each]))
  })

  it('is every workspace', () => assert.deepEqual(Object.keys(all), workspaces))

  for (const name of workspaces) {
    it(`${name}: holds what its sources become, and no more`, () => {
      const sources = files().flatMap((path) => (path.startsWith(`${name}/`) ? [path.slice(name.length + 1)] : []))
      const built = of(name).manifest.exports ? ['js', 'd.ts'] : ['js']
      const compiled = (path: string) => path.endsWith('.ts') && !isTemplate(path)
      const expected = sources.flatMap((path) => (compiled(path) ? built.map((kind) => path.replace(/ts$/, kind)) : [path]))
      assert.deepEqual([...of(name).files].sort(), ['LICENSE', ...expected].sort())
      assert.ok(expected.includes('README.md'), 'a README of its own')
      assert.deepEqual(
        expected.filter((path) => !isTemplate(path) && (!/\.(js|d\.ts|md|json)$/.test(path) || /test|fixture/.test(path))),
        [],
      )
    })

    it(`${name}: tells nothing of the machine that built it`, () => {
      const { folder, files: paths } = of(name)
      const telling = [root, homedir(), `${userInfo().username}@`, 'PRIVATE KEY', 'sourceMappingURL']
      const found = paths.flatMap((path) => {
        const text = readFileSync(join(folder, path), 'utf8')
        return telling.filter((words) => text.includes(words)).map((words) => `${path} has ${words}`)
      })
      assert.deepEqual(found, [])
    })

    it(`${name}: has the package.json that npm should get`, () => {
      const { manifest, files: paths } = of(name)
      assert.deepEqual(
        Object.keys(manifest).filter((field) => ![...FIELDS, ...NEEDS].includes(field)),
        [],
      )
      assert.deepEqual([manifest.license, manifest.type, manifest.publishConfig], ['MIT', 'module', { access: 'public' }])
      for (const { types, default: script } of Object.values(manifest.exports ?? {})) {
        assert.ok(paths.includes(types.slice(2)) && paths.includes(script.slice(2)), `${types} and ${script} are packed`)
      }
      // A path that began with a dot npm would publish with a warning, as if it took the command away.
      for (const script of Object.values(manifest.bin ?? {})) assert.ok(paths.includes(script), `${script} is packed`)
    })

    it(`${name}: asks for the Node that the tests run on`, () => {
      assert.equal(of(name).manifest.engines.node, `>=${process.versions.node.split('.')[0]}`)
    })

    it(`${name}: takes its siblings of the same version or a compatible one`, () => {
      const { manifest } = of(name)
      const siblings = NEEDS.slice(0, 2).flatMap((field) => Object.entries((manifest[field] ?? {}) as Record<string, string>))
      for (const [sibling, range] of siblings) {
        if (own(sibling)) assert.equal(range, `^${manifest.version}`, sibling)
        else assert.match(range, /^\^\d+\.\d+\.\d+$/, sibling)
      }
    })

    it(`${name}: passes publint`, async () => {
      const { tarball } = of(name)
      const bytes = new Uint8Array(readFileSync(tarball))
      const { messages } = await publint({ pack: { tarball: bytes.buffer }, strict: true })
      // A template has a package.json of its own, which nobody resolves through this package.
      const ours = messages.filter(
        ({ args }) => !isTemplate(String((args as { filePath?: unknown } | undefined)?.filePath).replace('./', '')),
      )
      assert.deepEqual(ours, [])
    })

    it(`${name}: has types that are found and match what runs`, async () => {
      const { tarball, manifest, files: paths } = of(name)
      // A command, and nothing to import.
      if (!manifest.exports) return assert.ok(!paths.some((path) => path.endsWith('.d.ts')))
      const result = await checkPackage(createPackageFromTarballData(readFileSync(tarball)))
      assert.ok(result.types, 'types are in it')
      assert.deepEqual(Object.keys(result.entrypoints).sort(), Object.keys(manifest.exports).sort())
      for (const [entry, { resolutions }] of Object.entries(result.entrypoints)) {
        for (const kind of ESM) assert.match(resolutions[kind].resolution?.fileName ?? '', /\.d\.ts$/, `${entry} by ${kind}`)
      }
      const problems = result.problems.filter(
        (problem) => !('resolutionKind' in problem) || (ESM as readonly string[]).includes(problem.resolutionKind),
      )
      assert.deepEqual(problems, [])
    })

    it(`${name}: is no larger than it should be`, () => {
      const { size, unpackedSize, files: paths } = of(name)
      console.log(
        `        ${kilobytes(size)} packed, ${kilobytes(unpackedSize)} unpacked, ${paths.length} files; scripts ${kilobytes(gzipped(of(name)))} gzipped`,
      )
      assert.ok(size <= MOST, `${size} bytes, where ${MOST} is the most`)
    })

    it(`${name}: can't be published from its sources`, () => {
      const { status, stdout, stderr } = spawnSync('npm', ['publish', '--dry-run', '--ignore-scripts=false'], {
        cwd: join(root, name),
        env: shell(),
        encoding: 'utf8',
      })
      assert.notEqual(status, 0)
      assert.match(stdout + stderr, /prepublishOnly|These are the sources/)
    })
  }

  it('is published from where it was built', () => {
    for (const name of workspaces) {
      const { directory } = json(join(root, name, 'package.json')).publishConfig
      assert.equal(join(name, directory), join('dist', name))
    }
  })

  it('shares one copy of the protocol with the services of others', () => {
    const { manifest } = of('capabilities')
    assert.ok('@symbiosis/protocol' in (manifest.peerDependencies ?? {}))
    assert.ok(!('@symbiosis/protocol' in (manifest.dependencies ?? {})))
  })
})
