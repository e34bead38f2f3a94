import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newCopy } from './copy.ts'
import { judge } from './judging.ts'
import { type Mutant, mutantsOf } from './mutants.ts'
import { runTable } from './table.ts'

const TOY = `
export const mayEnter = (age: number, name: string): boolean => {
  if (age > 17 && name !== 'mallory') return true
  return false
}
`
const IMPORTS = "import assert from 'node:assert/strict'\nimport { mayEnter } from './toy.ts'\n"
const LAX = `${IMPORTS}
it('lets grown-ups in', () => assert.equal(mayEnter(30, 'alice'), true))
it('keeps children out', () => assert.equal(mayEnter(3, 'bob'), false))
`
const STRICT = `${LAX}
it('draws the line at eighteen', () => assert.deepEqual([mayEnter(17, 'bob'), mayEnter(18, 'bob')], [false, true]))
it('keeps mallory out', () => assert.equal(mayEnter(30, 'mallory'), false))
`

describe('npm run test:mutants', function () {
  this.timeout(120_000)
  let folder: string
  before(() => {
    folder = newCopy()
    mkdirSync(join(folder, 'toy'))
    writeFileSync(join(folder, 'toy/toy.ts'), TOY)
    writeFileSync(join(folder, 'toy/lax.test.ts'), LAX)
    writeFileSync(join(folder, 'toy/strict.test.ts'), STRICT)
  })
  const bent = (suite: string) => mutantsOf(folder, [{ file: 'toy/toy.ts' }], [`toy/${suite}.test.ts`])
  const survivors = (mutants: readonly Mutant[]) => mutants.filter(({ fate }) => fate === 'survived')

  it('reports what no test notices, and where', async () => {
    const mutants = await bent('lax')
    const found = survivors(mutants).map(({ file, line, from, to }) => `${file}:${line} ${from} -> ${to}`)
    assert.deepEqual(found.sort(), ['toy/toy.ts:3 age > 17 -> age >= 17', "toy/toy.ts:3 name !== 'mallory' -> true"])
    const { passed, failures } = judge(mutants, [])
    assert.deepEqual([passed, failures.length], [mutants.length - 2, 2])
  })

  it('reports nothing where each guard has a test', async () => {
    const mutants = await bent('strict')
    assert.deepEqual(survivors(mutants), [])
    assert.deepEqual(judge(mutants, []).failures, [])
  })

  it('takes the word of the list for a mutant that lives, and for no other', () => {
    const mutant = { file: 'a.ts', line: 3, text: 'if (a) b()', from: 'a', to: 'true' }
    const { line: _, ...entry } = { ...mutant, why: 'b() does nothing' }
    assert.deepEqual(judge([{ ...mutant, fate: 'survived' }], [entry]).failures, [])
    assert.equal(judge([{ ...mutant, fate: 'killed' }], [entry]).failures.length, 1)
    assert.equal(judge([{ ...mutant, fate: 'survived', to: 'false' }], [entry]).failures.length, 2)
    assert.equal(judge([{ ...mutant, fate: 'undecided' }], []).failures.length, 1)
  })

  it('reports a guard of the table that its test does not need', async () => {
    const [sound, idle] = [
      { find: 'message.length > bounds.messageBytes', replace: 'false' },
      { find: 'message.length > bounds.messageBytes', replace: 'bounds.messageBytes < message.length' },
    ].map((change) => ({
      ...change,
      guard: 'bounds.messageBytes',
      file: 'protocol/admission.ts',
      test: 'tests/attacks/bounds.test.ts',
      title: 'messageBytes: to the byte',
    }))
    const { passed, failures } = await runTable([sound, idle] as never)
    assert.deepEqual([passed, failures.length], [1, 1])
  })
})
