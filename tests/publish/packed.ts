import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, shell } from '../tree.ts'

/** A package.json as npm gets it. */
export interface Manifest {
  name: string
  version: string
  license: string
  type: string
  engines: { node: string }
  files: string[]
  exports?: Record<string, { types: string; default: string }>
  bin?: Record<string, string>
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  peerDependenciesMeta?: Record<string, { optional?: boolean }>
  [field: string]: unknown
}

/** A package as `npm pack` packs it. */
export interface Packed {
  /** Folder of its sources. */
  readonly workspace: string
  readonly manifest: Manifest
  readonly tarball: string
  /** Paths of all that is in it. */
  readonly files: readonly string[]
  /** Where it lies unpacked, as built. */
  readonly folder: string
  /** Bytes, packed and unpacked. */
  readonly size: number
  readonly unpackedSize: number
}

export const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'))
const isPublished = (name: string) => !json(join(root, name, 'package.json')).private
export const workspaces: readonly string[] = json(join(root, 'package.json')).workspaces.filter(isPublished)

/** What a command prints, in a person's shell. Its failure shows all that it printed. */
export function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env: shell(), encoding: 'utf8' })
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${error ?? `exit ${status}`}\n${stdout}${stderr}`)
  return stdout
}

const folders: string[] = []
process.once('exit', () => {
  for (const made of folders) rmSync(made, { recursive: true, force: true })
})

/** A folder outside of the repository, which goes with the process. */
export function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'symbiosis-publish-'))
  folders.push(made)
  return made
}

let packed: Packed[] | undefined

/** Builds and packs every workspace, once for all tests. */
export function packages(): readonly Packed[] {
  packed ??= pack(folder())
  return packed
}

function pack(temp: string): Packed[] {
  const dist = join(temp, 'dist')
  const tarballs = join(temp, 'tarballs')
  run(process.execPath, ['build.ts', dist], root)
  mkdirSync(tarballs)
  const built = workspaces.map((name) => join(dist, name))
  const told = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', tarballs, ...built], temp)) as {
    filename: string
    files: { path: string }[]
    size: number
    unpackedSize: number
  }[]
  return told.map(({ filename, files, size, unpackedSize }, at) => ({
    workspace: workspaces[at] as string,
    manifest: json(join(built[at] as string, 'package.json')),
    tarball: join(tarballs, filename),
    files: files.map(({ path }) => path),
    folder: built[at] as string,
    size,
    unpackedSize,
  }))
}
