import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { manifests } from './cases.ts'
import { loggedManifests } from './logged-cases.ts'

const MADE = { 'manifests.json': manifests, 'logged.json': loggedManifests }

export const pathOf = (name: string): string => join(import.meta.dirname, name)

/** The texts of the files, made anew: always the same. */
export const texts = (): Promise<[name: string, text: string][]> =>
  Promise.all(Object.entries(MADE).map(async ([name, make]) => [name, `${JSON.stringify(await make(), null, 2)}\n`]))

if (import.meta.main) for (const [name, text] of await texts()) writeFileSync(pathOf(name), text)
