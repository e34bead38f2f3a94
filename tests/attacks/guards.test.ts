import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FORMS } from './forms.ts'
import { GUARDS } from './guards.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** Keeps the table true: every guard stands where it says, and its test exists. */
describe('the table of guards', () => {
  for (const { guard, file, find, test, title } of GUARDS) {
    it(guard, () => {
      assert.equal(read(file).split(find).length, 2, `${file} has it once`)
      const [form, what] = [title.slice(0, title.lastIndexOf(': ')), title.slice(title.lastIndexOf(': ') + 2)]
      const made = form in FORMS && read(test).includes(`\${form}: ${what}`)
      const literal = [`'${title}'`, `"${title}"`, `'${title.replaceAll("'", "\\'")}'`].some((text) => read(test).includes(text))
      assert.ok(made || literal, `${test} has no test "${title}"`)
    })
  }

  it('names each once', () => assert.equal(new Set(GUARDS.map(({ guard }) => guard)).size, GUARDS.length))
})
