import { newCopy } from './copy.ts'
import equivalents from './equivalents.json' with { type: 'json' }
import { judge } from './judging.ts'
import { mutantsOf } from './mutants.ts'
import { CORE, type Place, READERS, testFiles } from './scope.ts'
import { runTable } from './table.ts'

// What stays of a graph's shapes in a few thousand of them is told as well by fewer.
process.env.ORACLE_RUNS ??= '3000'

/** Says that all tests were just run, and passed. */
const TESTS_PASSED = '--tests-passed'
const args = process.argv.slice(2)

interface Part {
  readonly passed: number
  readonly failures: readonly string[]
}

const bent = (places: readonly Place[]) => async (): Promise<Part> => {
  const judgement = judge(await mutantsOf(newCopy(), places, testFiles()), equivalents)
  const { killed, endless, equivalent, survived, undecided } = judgement.counts
  console.log(`${killed} killed, ${endless} endless, ${equivalent} equivalent, ${survived} survived, ${undecided} undecided`)
  return judgement
}

const PARTS: { readonly [part: string]: [what: string, run: () => Promise<Part>] } = {
  table: ['The guards of the table, switched off', () => runTable(undefined, { havePassed: args.includes(TESTS_PASSED) })],
  core: ['Who gets in and what they may, bent', bent(CORE)],
  readers: ['What reads the bytes of strangers, bent', bent(READERS)],
}

const asked = args.filter((arg) => arg !== TESTS_PASSED)
const unknown = asked.find((part) => !Object.hasOwn(PARTS, part))
if (unknown !== undefined) throw new Error(`There is no part "${unknown}": ${Object.keys(PARTS).join(', ')}.`)

let [passed, failed] = [0, 0]
for (const [part, [what, run]] of Object.entries(PARTS)) {
  if (asked.length > 0 && !asked.includes(part)) continue
  console.log(`== ${what}`)
  const { failures, ...result } = await run()
  for (const failure of failures) console.log(failure)
  passed += result.passed
  failed += failures.length
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
