import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { manifests } from './cases.ts'

export const path = join(import.meta.dirname, 'manifests.json')

/** The text of the file, made anew: always the same. */
export const text = async (): Promise<string> => `${JSON.stringify(await manifests(), null, 2)}\n`

if (import.meta.main) writeFileSync(path, await text())
