import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CODES } from '@symbiosis/protocol'
import { checker } from './checker.ts'
import { problemsOf } from './comparing.ts'
import type { VectorFile } from './format.ts'
import { NAMES, pathOf, textOf } from './generate.ts'
import { Ours } from './ours.ts'

const read = (name: string): VectorFile => JSON.parse(readFileSync(pathOf(name), 'utf8'))

/** Codes that no message meets by itself: each needs something beside it. */
const NOT_MET: Record<string, string> = {
  Replayed: 'is for hosts that do not keep the answers of calls that run once; this one does, and answers a replay',
  Unavailable: 'needs a host that shuts down, or a full disk',
  Cancelled: 'needs a caller who leaves',
}

describe('the vectors', function () {
  this.timeout(120_000)
  let ours: Ours
  before(() => {
    ours = new Ours()
  })
  after(() => ours[Symbol.asyncDispose]())

  for (const name of NAMES) {
    describe(name, () => {
      it('are the same when they are made anew, byte for byte', async () => {
        assert.ok((await textOf(name)) === readFileSync(pathOf(name), 'utf8'), 'they have changed: npm run vectors')
      })

      it('are answered by this implementation as they expect', async () =>
        assert.equal((await problemsOf(read(name), ours)).join('\n'), ''))

      it('are answered by stock libraries and plain words as they expect', async () =>
        assert.equal((await problemsOf(read(name), checker)).join('\n'), ''))

      it('are each found to be broken, where another answer is expected', async () => {
        const broken = breakAll(read(name))
        assert.equal((await problemsOf(broken, checker)).length, expectations(broken).length)
      })

      it('have a name of their own each', () => {
        const names = read(name).vectors.map((vector) => vector.name)
        assert.deepEqual([...new Set(names)], names)
      })
    })
  }

  it('are found to be broken by this implementation, too', async () => {
    for (const name of ['cbor', 'car', 'ucan', 'ed25519', 'receipts', 'streams', 'time']) {
      const broken = breakAll(read(name))
      assert.equal((await problemsOf(broken, ours)).length, expectations(broken).length, name)
    }
  })

  it('meet every code that a message can meet, and no other', () => {
    const met = new Set(NAMES.flatMap((name) => expectations(read(name))).flatMap(({ expect }) => codesOf(expect)))
    assert.deepEqual([...met].sort(), CODES.filter((code) => !Object.hasOwn(NOT_MET, code)).sort())
  })

  it('are checked by code that has nothing of this project in it but the oracle', () => {
    const seen = new Set<string>()
    const visit = (path: string): void => {
      if (seen.has(path)) return
      seen.add(path)
      const text = readFileSync(path, 'utf8')
      const imported = [...text.matchAll(/^import\s(?!type\s)[^'"]*from\s+'([^']+)'/gm)].map(([, specifier]) => specifier as string)
      assert.deepEqual(
        imported.filter((specifier) => specifier.startsWith('@symbiosis/')),
        [],
        path,
      )
      for (const specifier of imported) if (specifier.startsWith('.')) visit(join(path, '..', specifier))
    }
    visit(join(import.meta.dirname, 'checker.ts'))
    const elsewhere = [...seen].filter((path) => !path.startsWith(import.meta.dirname))
    assert.deepEqual(elsewhere, [join(import.meta.dirname, '..', 'protocol', 'oracle.ts')])
  })
})

interface Expectation {
  expect: Record<string, unknown>
}

/** Where vectors say what they expect: an exchange does so at each step. */
const expectations = (file: VectorFile): Expectation[] =>
  file.kind === 'exchange'
    ? file.vectors.flatMap(({ steps }) => steps as unknown as Expectation[])
    : (file.vectors as unknown as Expectation[])

/** Every expectation turned into another, which is wrong then. */
const breakAll = (file: VectorFile): VectorFile => {
  for (const each of expectations(file)) each.expect = turned(each.expect)
  return file
}

const turned = (expect: Record<string, unknown>): Record<string, unknown> => {
  if ('valid' in expect) return { valid: !expect.valid }
  if ('code' in expect) return { ...expect, code: expect.code === 'Malformed' ? 'NotCanonical' : 'Malformed' }
  if (!Array.isArray(expect.receipts)) return { ...expect, code: 'Malformed' }
  const [first, ...rest] = expect.receipts as Record<string, unknown>[]
  const { ran, code } = first as Record<string, unknown>
  return { receipts: [code === undefined ? { ran, code: 'Denied' } : { ran, ok: {} }, ...rest] }
}

const codesOf = (expect: Record<string, unknown>): string[] => {
  const receipts = (expect.receipts ?? []) as Record<string, unknown>[]
  return [expect, ...receipts].flatMap(({ code }) => (typeof code === 'string' ? [code] : []))
}
