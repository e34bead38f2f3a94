import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checker } from './checker.ts'
import type { LogFile } from './format.ts'
import { NAMES, pathOf, textOf } from './generate.ts'
import { ours, problemsOf } from './readers.ts'

const read = (name: string): LogFile => JSON.parse(readFileSync(pathOf(name), 'utf8'))

describe('the vectors of the log', () => {
  for (const name of NAMES) {
    describe(name, () => {
      it('are the same when they are made anew, byte for byte', async () => {
        assert.ok((await textOf(name)) === readFileSync(pathOf(name), 'utf8'), 'they have changed: npm run vectors')
      })

      it('are answered by this implementation as they expect', () => assert.equal(problemsOf(read(name), ours).join('\n'), ''))

      it('are answered by stock libraries and plain words as they expect', () =>
        assert.equal(problemsOf(read(name), checker).join('\n'), ''))

      it('are each found to be broken, where another answer is expected', () => {
        const file = read(name)
        for (const vector of file.vectors) Object.assign(vector, { expect: turned(vector.expect) })
        for (const reader of [ours, checker]) assert.equal(problemsOf(file, reader).length, file.vectors.length)
      })

      it('have a name of their own each', () => {
        const names = read(name).vectors.map((vector) => vector.name)
        assert.deepEqual([...new Set(names)], names)
      })
    })
  }

  it('are checked by code that has nothing of this project in it', () => {
    for (const file of ['checker.ts', 'plain-tree.ts', 'plain-formats.ts', 'plain-filter.ts']) {
      const text = readFileSync(join(import.meta.dirname, file), 'utf8')
      const imported = [...text.matchAll(/^import\s(?!type\s)[^'"]*from\s+'([^']+)'/gm)].map(([, specifier]) => specifier as string)
      assert.deepEqual(
        imported.filter((specifier) => !/^(node:|multiformats\/|\.\/plain-|\.\.\/(json|refusal|strict)\.ts$)/.test(specifier)),
        [],
        file,
      )
    }
  })
})

const turned = (expect: object): object => {
  if ('code' in expect) return { code: expect.code === 'Malformed' ? 'NotCanonical' : 'Malformed' }
  return 'valid' in expect ? { valid: !expect.valid } : { code: 'Malformed' }
}
