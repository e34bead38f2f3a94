import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GUARDS, type Guard } from '../attacks/guards.ts'
import { start } from './children.ts'
import { newCopy, newFolder } from './copy.ts'

/** Runs that may go on at once, each in a copy of its own. */
const AT_ONCE = 2
/** A guard that keeps something from going on for ever shows in that. */
const TIMEOUT_MS = 60_000
/** What a switched-off guard lets never happen is waited for no longer than this. */
const PATIENCE_MS = 6000

export interface TableResult {
  readonly passed: number
  readonly failures: readonly string[]
}

/**
 * Switches the guards of the table off, one after the other: the test that each names has to fail then, and no test before. Where the tests were
 * just run and `havePassed`, that isn't tried again.
 */
export const runTable = async (guards: readonly Guard[] = GUARDS, { havePassed = false } = {}): Promise<TableResult> => {
  const failures: string[] = []
  const suites = havePassed ? [] : [...new Set(guards.map(({ test }) => test))]
  await inCopies(suites, async (folder, test) => {
    const { failed, output } = await runTests(folder, [test])
    if (failed !== 0) failures.push(`${test} fails while every guard is on:\n${output}`)
  })
  if (failures.length > 0) return { passed: 0, failures }
  let done = 0
  await inCopies(guards, async (folder, guard) => {
    const failure = await switchedOff(folder, guard)
    if (failure !== undefined) failures.push(`survived: the guard ${guard.guard} of ${guard.file} switched off: ${failure}`)
    if (++done % 10 === 0) console.log(`Guards of the table: ${done}/${guards.length} switched off (${failures.length} survived)`)
  })
  return { passed: guards.length - failures.length, failures }
}

const inCopies = async <T>(items: readonly T[], run: (folder: string, item: T) => Promise<void>): Promise<void> => {
  const rest = items.values()
  await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, index) => {
      const folder = copyOf(index)
      for (const item of rest) await run(folder, item)
    }),
  )
}

const copies: string[] = []
const copyOf = (index: number): string => {
  copies[index] ??= newCopy()
  return copies[index]
}

/** Why the guard isn't needed as far as its test can tell, or undefined where it is. */
const switchedOff = async (folder: string, { file, find, replace, test, title }: Guard): Promise<string | undefined> => {
  const path = join(folder, file)
  const source = readFileSync(path, 'utf8')
  writeFileSync(
    path,
    source.replace(find, () => replace),
  )
  try {
    const { passed, failed, output } = await runTests(folder, [test, '--fgrep', title])
    if (failed === undefined) return `the test did not come to an end.\n${output}`
    if (failed > 0) return undefined
    return passed === 0 ? `${test} has no test "${title}".` : `"${title}" passes.`
  } finally {
    writeFileSync(path, source)
  }
}

/** Where Node keeps what it has compiled: most of a run's time would else go into that. */
let compiled: string | undefined

const runTests = async (folder: string, args: readonly string[]): Promise<{ passed?: number; failed?: number; output: string }> => {
  compiled ??= newFolder()
  const env = { ...process.env, NODE_COMPILE_CACHE: compiled, PATIENCE_MS: String(PATIENCE_MS) }
  const child = start([join(folder, 'node_modules/mocha/bin/mocha.js'), ...args], { cwd: folder, env, timeout: TIMEOUT_MS })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  await once(child, 'close')
  const [, passed, failed] = /^(\d+) passed, (\d+) failed$/m.exec(output) ?? []
  return { output, ...(passed !== undefined && { passed: Number(passed), failed: Number(failed) }) }
}
