import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Script } from 'node:vm'

/** A package `sample-package` that works as it stands, with a service `sample-service`: a new one is the same under other names. */
const TEMPLATE = join(import.meta.dirname, 'template')

/** npm publishes no file of that name, so it is called otherwise until it is written. */
const RENAMED: { readonly [file: string]: string } = { gitignore: '.gitignore' }

/** What names a package, and at its end the service: as `service()` of @symbiosis/protocol takes it. */
const NAME = /^(@[a-z0-9][a-z0-9._-]*\/)?[a-z][a-z0-9]*(-[a-z0-9]+)*$/

/**
 * Writes a new package called `name` into `folder`, which must not be there yet.
 * @returns the files, as paths in it
 */
export const scaffold = (name: string, folder: string): string[] => {
  if (!NAME.test(name))
    throw new Error(`"${name}" can't name a service: use lower-case letters, digits and dashes, such as my-notes or @acme/my-notes.`)
  const id = name.slice(name.indexOf('/') + 1)
  const words = id.split('-').map((word) => word.charAt(0).toUpperCase() + word.slice(1))
  const pascal = words.join('')
  const camel = pascal.charAt(0).toLowerCase() + pascal.slice(1)
  if (!canBeNamed(id, camel)) throw new Error(`A service can't be called ${id}: the word has a meaning already.`)
  try {
    mkdirSync(folder)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST')
      throw new Error(`There is something called ${folder} already; nothing was written.`, { cause })
    throw cause
  }
  const files = globSync('**/*', { cwd: TEMPLATE, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name).slice(TEMPLATE.length + 1))
    .sort()
  return files.map((file) => {
    const text = readFileSync(join(TEMPLATE, file), 'utf8')
      .replaceAll('sample-package', name)
      .replaceAll('sample-service', id)
      .replaceAll('SampleService', pascal)
      .replaceAll('sampleService', camel)
    const to = RENAMED[file] ?? file
    mkdirSync(dirname(join(folder, to)), { recursive: true })
    writeFileSync(join(folder, to), text, { flag: 'wx' })
    return to
  })
}

/** Leases are no service, and the contract is a constant of that name. */
const canBeNamed = (id: string, constant: string): boolean => {
  try {
    return id !== 'lease' && constant !== 'await' && new Script(`'use strict'; const ${constant} = 0`) instanceof Script
  } catch {
    return false
  }
}
