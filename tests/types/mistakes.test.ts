import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../tree.ts'
import { Compiler } from './compiler.ts'

/** What somebody may write by mistake, and what the compiler then underlines. */
interface Mistake {
  readonly find: string
  readonly replace: string
  readonly at: string
  /** TypeScript's number of the error. */
  readonly code: number
}

const HANDLING: Record<string, Mistake> = {
  'a handler is missing': {
    find: '  list: async (_, context) => ({ lamps: (await context.list()).map(({ key }) => key) }),\n',
    replace: '',
    at: '{',
    code: 2741,
  },
  'a handler for no ability': { find: '  list: async', replace: '  burn: () => ({}),\n  list: async', at: 'burn', code: 2353 },
  'a result of another shape': { find: "return { state: 'lit', minutes }", replace: "return { state: 'lit' }", at: 'light', code: 2322 },
  'a field of another type': {
    find: "return { state: 'lit', minutes }",
    replace: "return { state: 'lit', minutes: '5' }",
    at: 'light',
    code: 2322,
  },
  'a literal that is none of the choices': { find: "state: 'lit'", replace: "state: 'lighted'", at: 'light', code: 2322 },
  'an input that is not declared': { find: 'light({ lamp,', replace: 'light({ lump: lamp,', at: 'lump', code: 2339 },
  'an error that is not declared': { find: "fail('Missing'", replace: "fail('Mising'", at: "'Mising'", code: 2345 },
  'an error where none is declared': {
    find: 'list: async (_, context) => (',
    replace: "list: async (_, context) => context.space ? context.fail('Missing', {}) : (",
    at: "'Missing'",
    code: 2345,
  },
  'an error that says something else': {
    find: "fail('Missing', { lamp })",
    replace: "fail('Missing', { name: lamp })",
    at: 'name',
    code: 2353,
  },
  'an error that says too little': { find: "fail('Missing', { lamp })", replace: "fail('Missing', {})", at: '{}', code: 2741 },
  'a limit that is not declared': { find: 'reserve({ lamps: 1 })', replace: 'reserve({ lamp: 1 })', at: 'lamp', code: 2561 },
  'a charge of a limit that is not declared': { find: '{ lamps: 2 }', replace: '{ candles: 2 }', at: 'candles', code: 2353 },
  'a stream that is left out': {
    find: 'ok: {}, body: signal.aborted ? new ReadableStream() : new ReadableStream()',
    replace: '',
    at: '({  })',
    code: 2322,
  },
  'a stream where none is declared': {
    find: "return { state: 'lit', minutes }",
    replace: "return { ok: { state: 'lit', minutes }, body: new ReadableStream() }",
    at: 'light',
    code: 2322,
  },
}

const DECLARING: Record<string, Mistake> = {
  'an effect that there is not': { find: "effect: 'idempotent'", replace: "effect: 'twice'", at: 'effect', code: 2322 },
  'an ability that says no effect': {
    find: "nb: struct({}), ok: struct({ lamps: list(text()) }), effect: 'read'",
    replace: 'nb: struct({}), ok: struct({})',
    at: "{ about: 'Lists lamps', nb: struct({}), ok: struct({}) }",
    code: 2741,
  },
  'an input that is no struct': { find: 'nb: struct({})', replace: 'nb: text()', at: 'nb', code: 2322 },
  'a limit without a default': { find: ', { default: 3 }', replace: '', at: 'max', code: 2554 },
}

const CALLING: Record<string, Mistake> = {
  'a field is missing': {
    find: "light({ lamp: 'porch', minutes: 5 })",
    replace: 'light({ minutes: 5 })',
    at: '{ minutes: 5 }',
    code: 2741,
  },
  'a field that is not declared': { find: "{ root, name: 'notes' }", replace: "{ root, nam: 'notes' }", at: 'nam', code: 2561 },
  'a field of another type': { find: 'minutes: 5', replace: "minutes: '5'", at: 'minutes', code: 2322 },
  'no input where some is needed': { find: "watch({ lamp: 'porch' })", replace: 'watch()', at: 'watch', code: 2554 },
  'an ability that there is not': { find: ').watch(', replace: ').observe(', at: 'observe', code: 2339 },
  'a result that is not declared': { find: 'lamp.state', replace: 'lamp.colour', at: 'colour', code: 2339 },
  'a literal taken for another': { find: "const state: 'lit' | 'broken'", replace: "const state: 'lit'", at: 'state', code: 2322 },
  'a result that may be a refusal': { find: 'tried.ok?.minutes', replace: 'tried.ok.minutes', at: 'tried.ok', code: 18048 },
  'an error that is not declared': {
    find: "name === 'Missing') return tried.error.lamp",
    replace: "name === 'Mising') return ''",
    at: "tried.error?.name === 'Mising'",
    code: 2367,
  },
  'an error where none is declared': {
    find: "=== 'NoLease'",
    replace: "=== 'Missing'",
    at: "listed.error?.name === 'Missing'",
    code: 2367,
  },
  'what an error does not say': { find: 'tried.error.lamp', replace: 'tried.error.light', at: 'light', code: 2339 },
}

const FILES = { 'tests/types/lamps.ts': { ...HANDLING, ...DECLARING }, 'tests/types/calling.ts': CALLING }

describe('the compiler', function () {
  this.timeout(120_000)
  let compiler: Compiler

  before(async () => {
    compiler = await Compiler.start()
  })

  after(() => compiler[Symbol.asyncDispose]())

  for (const [path, mistakes] of Object.entries(FILES)) {
    const text = readFileSync(join(root, path), 'utf8')

    it(`has nothing against ${path} as it is`, async () => assert.deepEqual(await compiler.complaints(path, text), []))

    for (const [name, { find, replace, at, code }] of Object.entries(mistakes)) {
      it(`refuses ${path} with ${name}`, async () => {
        assert.equal(text.split(find).length, 2, 'the place is one')
        const found = await compiler.complaints(path, text.replace(find, replace))
        assert.deepEqual(
          found.map((complaint) => ({ code: complaint.code, at: complaint.at })),
          [{ code, at }],
          JSON.stringify(found),
        )
      })
    }
  }
})
