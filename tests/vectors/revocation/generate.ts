import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { consistencies, inclusions, roots } from './claims.ts'
import { filterPlaces, filters, shards } from './filters.ts'
import type { LogFile } from './format.ts'
import { bundles, checkpoints, entries, notes, tilePaths } from './formats.ts'

/** Every file of vectors about the log, by name. What stands in one depends on nothing but the code that makes it. */
const AREAS: Readonly<Record<string, () => LogFile | Promise<LogFile>>> = {
  roots,
  inclusion: inclusions,
  consistency: consistencies,
  entries,
  notes,
  checkpoints,
  'tile-paths': tilePaths,
  bundles,
  shards,
  'filter-places': filterPlaces,
  filters,
}

export const NAMES = Object.keys(AREAS)
export const pathOf = (name: string): string => join(import.meta.dirname, `${name}.json`)

/** The text of a file, made anew. */
export const textOf = async (name: string): Promise<string> => `${JSON.stringify(await AREAS[name]?.(), null, 2)}\n`

if (import.meta.main) for (const name of NAMES) writeFileSync(pathOf(name), await textOf(name))
