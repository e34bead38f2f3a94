import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyTree, files, root } from '../tree.ts'

const copies = new Set<string>()

/** A folder of its own under the temporary ones, that goes with this process. */
export const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'symbiosis-mutants-'))
  copies.add(folder)
  return folder
}

/** A copy of the tree to bend. Other people's packages are the ones of the checkout, ours are the copy's. */
export const newCopy = (): string => {
  const folder = newFolder()
  copyTree(folder)
  const packages = files().flatMap((path) => /^(.*)package\.json$/.exec(path)?.[1] ?? [])
  for (const path of packages) {
    const modules = join(path, 'node_modules')
    if (existsSync(join(root, modules))) linkPackages(join(root, modules), join(folder, modules))
  }
  return folder
}

/** Links that are there already lead to workspaces, by a path from where they stand. */
const linkPackages = (from: string, to: string): void => {
  mkdirSync(to)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.name === '@symbiosis') linkPackages(source, target)
    else symlinkSync(entry.isSymbolicLink() ? readlinkSync(source) : source, target)
  }
}

process.on('exit', () => {
  for (const folder of copies) rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
})
