import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

/**
 * Writes what is published: each workspace as `dist/<name>/`, plain JavaScript with declarations, ready for `npm publish`.
 * `node build.ts FOLDER` writes to another folder than `dist`.
 */
const root = import.meta.dirname
const dist = resolve(process.argv[2] ?? join(root, 'dist'))
const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { workspaces: string[] }

/** What a package holds, beside its package.json. A file of another kind that strays into a workspace stays at home. */
const DECLARATIONS = '**/*.d.ts'
const PACKED = ['**/*.js', DECLARATIONS, '**/*.md', 'LICENSE']

rmSync(dist, { recursive: true, force: true })
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', dist], {
  cwd: root,
  stdio: 'inherit',
})

for (const name of workspaces.filter(isPublished)) {
  for (const file of globSync('**/*', { cwd: join(root, name), exclude: ['**/node_modules/**', '**/*.ts'], withFileTypes: true })) {
    if (!file.isFile()) continue
    const from = join(file.parentPath, file.name)
    const to = join(dist, relative(root, from))
    mkdirSync(dirname(to), { recursive: true })
    cpSync(from, to)
  }
  // Sources that others go on with are published as they are.
  if (existsSync(join(root, name, 'template'))) cpSync(join(root, name, 'template'), join(dist, name, 'template'), { recursive: true })
  cpSync(join(root, 'LICENSE'), join(dist, name, 'LICENSE'))
  writeFileSync(join(dist, name, 'package.json'), published(readFileSync(join(root, name, 'package.json'), 'utf8')))
}

// tsc rewrites the specifiers of what it compiles, and leaves those in declarations and in plain JavaScript.
for (const file of globSync('*/**/*.{js,d.ts}', { cwd: dist })) {
  const text = readFileSync(join(dist, file), 'utf8').replace(/((?:from|import) ?\(?['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2')
  const left = /['"`][^'"`\n]*(?<!\.d)\.ts['"`]/.exec(text.replace(/^\s*(\/?\*|\/\/).*$/gm, ''))
  if (left) throw new Error(`${file} still names a source file that is not published: ${left[0]}. Use an import, which the build rewrites.`)
  writeFileSync(join(dist, file), text)
}

function isPublished(name: string): boolean {
  return !(JSON.parse(readFileSync(join(root, name, 'package.json'), 'utf8')) as { private?: boolean }).private
}

/** The manifest of a source package as that of the built one: every export becomes a script and its declarations, and only these are packed. */
function published(source: string): string {
  const { scripts: _scripts, devDependencies: _tests, publishConfig, ...manifest } = JSON.parse(source)
  for (const [path, file] of Object.entries<string>(manifest.exports ?? {})) {
    const stem = file.replace(/\.ts$/, '')
    manifest.exports[path] = { types: `${stem}.d.ts`, default: `${stem}.js` }
  }
  // Nobody imports a command.
  const files = manifest.files ?? (manifest.exports ? PACKED : PACKED.filter((kind) => kind !== DECLARATIONS))
  const { directory: _built, ...rest } = publishConfig
  return `${JSON.stringify({ ...manifest, files, publishConfig: rest }, null, 2)}\n`
}
