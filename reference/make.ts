import { copyFileSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Application, type DeclarationReflection, type DocumentReflection, type ProjectReflection } from 'typedoc'

/**
 * Writes the reference of every public export to a folder, `dist/reference` unless told, and fails where one says nothing of itself.
 * It reads the compiler's own interface, which the version that checks this repository no longer has: so this is a workspace with an older one.
 */
const root = join(import.meta.dirname, '..')
const out = resolve(process.argv[2] ?? join(root, 'dist/reference'))

/** What packages export: files, and how they are imported. */
const entries = new Map(
  globSync('*/package.json', { cwd: root }).flatMap((manifest) => {
    const {
      name,
      exports = {},
      private: hidden,
    } = JSON.parse(readFileSync(join(root, manifest), 'utf8')) as { name: string; exports?: { [path: string]: string }; private?: boolean }
    const offered = hidden ? [] : Object.entries(exports).filter(([, file]) => file.endsWith('.ts'))
    return offered.map(([path, file]) => [join(root, dirname(manifest), file), join(name, path)] as const)
  }),
)

/** The guide, the specification, and what they refer readers to. */
const documents = [
  'docs/guide/*.md',
  'docs/spec/*.md',
  'README.md',
  'examples/*/README.md',
  'SECURITY.md',
  'tests/bench/README.md',
  'tests/vectors/**/README.md',
  'CHANGELOG.md',
]

const app = await Application.bootstrap({
  entryPoints: [...entries.keys()],
  tsconfig: join(root, 'tsconfig.json'),
  out,
  name: 'Symbiosis',
  readme: join(root, 'docs/README.md'),
  projectDocuments: documents.map((path) => join(root, path)),
  customJs: join(import.meta.dirname, 'diagrams.js'),
  customCss: join(import.meta.dirname, 'style.css'),
  favicon: join(import.meta.dirname, 'favicon.svg'),
  ignoredHighlightLanguages: ['mermaid', 'go'],
  // Whoever builds this may have the repository from anywhere.
  disableGit: true,
  sourceLinkTemplate: 'source:{path}',
  excludePrivate: true,
  // The compiler that counts has checked everything.
  skipErrorChecking: true,
  // Types by which exports are made of others are shown where they are used.
  validation: { notExported: false, notDocumented: false, invalidLink: true },
  treatWarningsAsErrors: true,
  logLevel: 'Warn',
})

/** A page is found by what stands above it, beside the others of its folder. */
const titleOf = ({ name, content }: DocumentReflection): string => {
  const heading = /^# (.*)$/m.exec(content.map(({ text }) => text).join(''))?.[1] ?? name
  return `${/^docs\/(\w+)/.exec(name)?.[1] ?? 'more'}/${heading}`
}

const undocumented = (project: ProjectReflection): string[] =>
  (project.children ?? []).flatMap((module) =>
    (module.children ?? []).filter((each) => !isDocumented(each)).map(({ name }) => `${module.name}: ${name}`),
  )

const isDocumented = (each: DeclarationReflection): boolean =>
  each.hasComment() || each.isReference() || (each.signatures ?? []).some((signature) => signature.hasComment())

const project = await app.convert()
if (project) {
  for (const module of project.children ?? []) module.name = entries.get(module.sources?.[0]?.fullFileName ?? '') ?? module.name
  for (const document of project.documents ?? []) document.name = titleOf(document)
  // Where they are is told, and where they may be read isn't known.
  for (const { sources } of Object.values(project.reflections) as DeclarationReflection[])
    for (const source of sources ?? []) delete source.url
  app.validate(project)
  await app.generateOutputs(project)
  copyFileSync(fileURLToPath(import.meta.resolve('@mermaid-js/tiny')), join(out, 'assets/mermaid.js'))
  for (const each of undocumented(project)) app.logger.error(`Nothing is said of ${each}`)
}
if (!project || app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1
