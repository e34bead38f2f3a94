import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { MutantResult } from '@stryker-mutator/api/core'
import { start } from './children.ts'
import { newFolder } from './copy.ts'
import type { Place } from './scope.ts'

/** One change to a source, and what the suites said of it. */
export interface Mutant {
  readonly file: string
  /** From 1. */
  readonly line: number
  /** The line in which it begins, without the spaces around. */
  readonly text: string
  readonly from: string
  readonly to: string
  readonly fate: 'killed' | 'endless' | 'survived' | 'undecided'
}

/** Bends sources of a folder, one place at a time, and runs the suites that pass there. Paths are from the folder. */
export const mutantsOf = async (folder: string, places: readonly Place[], suites: readonly string[]): Promise<Mutant[]> => {
  const read = new Map(places.map(({ file }) => [file, readFileSync(join(folder, file), 'utf8').split('\n')]))
  const out = join(newFolder(), 'results.json')
  const args = [join(import.meta.dirname, 'bend.ts'), out, places.map(patternOf).join(), suites.join()]
  const [code] = await once(start(args, { cwd: folder, stdio: 'inherit' }), 'exit')
  if (code !== 0) throw new Error(`The suites could not be run: exit ${code}.`)
  const results = JSON.parse(readFileSync(out, 'utf8')) as MutantResult[]
  return results.filter(({ status }) => status !== 'Ignored').map((result) => mutantOf(result, folder, read))
}

const patternOf = ({ file, lines }: Place): string => (lines ? `${file}:${lines.join('-')}` : file)

const mutantOf = (result: MutantResult, folder: string, read: ReadonlyMap<string, readonly string[]>): Mutant => {
  const { fileName, location, replacement, status } = result
  const file = relative(folder, fileName)
  const lines = read.get(file) as readonly string[]
  const { start, end } = location
  const spanned = lines.slice(start.line - 1, end.line)
  const last = spanned.length - 1
  // The end first: on one line the start would move it.
  spanned[last] = (spanned[last] as string).slice(0, end.column - 1)
  spanned[0] = (spanned[0] as string).slice(start.column - 1)
  const text = (lines[start.line - 1] as string).trim()
  return { file, line: start.line, text, from: spanned.join('\n'), to: replacement, fate: FATES[status] ?? 'undecided' }
}

const FATES: { readonly [status: string]: Mutant['fate'] } = {
  Killed: 'killed',
  Timeout: 'endless',
  Survived: 'survived',
  NoCoverage: 'survived',
}
