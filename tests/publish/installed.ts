import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { root } from '../tree.ts'
import { folder, json, packages, run, workspaces } from './packed.ts'

let app: string | undefined

/** An empty folder with the packages installed from their tarballs, once for all tests. */
export function installed(): string {
  app ??= install(join(folder(), 'app'))
  return app
}

/** Beside the tarballs stands exactly what our lock file names: a release of somebody else's can't change the outcome. */
function install(into: string): string {
  mkdirSync(into)
  const lock = json(join(root, 'package-lock.json'))
  const packed = Object.fromEntries(packages().map((each) => [each.workspace, each]))
  const dependencies = Object.fromEntries(packages().map(({ manifest, tarball }) => [manifest.name, `file:${basename(tarball)}`]))
  const locked: Record<string, object> = { '': { dependencies } }
  for (const [path, entry] of Object.entries<{ link?: boolean; dev?: boolean }>(lock.packages)) {
    const owner = packed[workspaces.find((name) => path === name || path.startsWith(`${name}/`)) ?? '']
    if (owner) {
      const { manifest, workspace } = owner
      const resolved = dependencies[manifest.name]
      locked[`node_modules/${manifest.name}${path.slice(workspace.length)}`] = path === workspace ? { ...manifest, resolved } : entry
    } else if (path !== '' && !entry.link && !entry.dev) locked[path] = entry
  }
  for (const { tarball } of packages()) copyFileSync(tarball, join(into, basename(tarball)))
  writeFileSync(join(into, 'package.json'), JSON.stringify({ private: true, dependencies }))
  writeFileSync(join(into, 'package-lock.json'), JSON.stringify({ lockfileVersion: lock.lockfileVersion, packages: locked }))
  // What libraries want beside them for platforms that nobody here uses is half of all.
  run('npm', ['ci', '--prefer-offline', '--omit=dev', '--omit=peer', '--ignore-scripts'], into)
  return into
}
