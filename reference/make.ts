import { globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Application, type DeclarationReflection, type ProjectReflection } from 'typedoc'

/**
 * Writes the reference of every public export to a folder, `dist/reference` unless told, and fails where one says nothing of itself.
 * It reads the compiler's own interface, which the version that checks this repository no longer has: so this is a workspace with an older one.
 */
const root = join(import.meta.dirname, '..')
const out = resolve(process.argv[2] ?? join(root, 'dist/reference'))

/** What packages export, as files. */
const entryPoints = globSync('*/package.json', { cwd: root }).flatMap((manifest) => {
  const { exports = {}, private: hidden } = JSON.parse(readFileSync(join(root, manifest), 'utf8')) as {
    exports?: object
    private?: boolean
  }
  return hidden ? [] : Object.values<string>({ ...exports }).map((file) => join(root, dirname(manifest), file))
})

const app = await Application.bootstrap({
  entryPoints: entryPoints.filter((file) => file.endsWith('.ts')),
  tsconfig: join(root, 'tsconfig.json'),
  out,
  name: 'Symbiosis',
  readme: join(root, 'docs/README.md'),
  projectDocuments: [join(root, 'docs/guide/*.md'), join(root, 'docs/spec/*.md')],
  ignoredHighlightLanguages: ['mermaid'],
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

const undocumented = (project: ProjectReflection): string[] =>
  (project.children ?? []).flatMap((module) =>
    (module.children ?? []).filter((each) => !isDocumented(each)).map(({ name }) => `${module.name}: ${name}`),
  )

const isDocumented = (each: DeclarationReflection): boolean =>
  each.hasComment() || each.isReference() || (each.signatures ?? []).some((signature) => signature.hasComment())

const project = await app.convert()
if (project) {
  app.validate(project)
  await app.generateOutputs(project)
  for (const each of undocumented(project)) app.logger.error(`Nothing is said of ${each}`)
}
if (!project || app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1
