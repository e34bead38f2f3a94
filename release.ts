import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Turns what is unreleased into a version: the changesets say which, the changelog's notes become its own. Commits nothing.
 * `node release.ts FOLDER` does it to another checkout than this.
 */
const root = process.argv[2] ?? import.meta.dirname
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const versionOf = (folder: string): string => JSON.parse(read(join(folder, 'package.json'))).version
const run = (script: string, ...args: string[]) => execFileSync(script, args, { cwd: root, stdio: 'inherit' })

const HEADING = '## [Unreleased]\n'

const [before, notes = ''] = read('CHANGELOG.md').split(HEADING) as [string, string?]
if (!/^- /m.test(notes.split(/^## /m)[0] as string))
  throw new Error('CHANGELOG.md tells of nothing unreleased: note what a user would notice.')

const last = versionOf('protocol')
run(process.execPath, join(import.meta.dirname, 'node_modules/@changesets/cli/bin.js'), 'version')
const next = versionOf('protocol')
if (next === last) throw new Error('No changeset asks for a release: add one by `npx changeset`.')

const day = new Date().toISOString().slice(0, 10)
writeFileSync(join(root, 'CHANGELOG.md'), `${before}${HEADING}\n## [${next}] - ${day}\n${notes}`)
writeFileSync(join(root, 'package.json'), read('package.json').replace(`"version": "${last}"`, `"version": "${next}"`))
run('npm', 'install', '--package-lock-only', '--ignore-scripts', '--prefer-offline')
console.log(`This is ${next}: look it over, commit it, then run npm run release:publish.`)
