import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import {
  bool,
  bytes,
  check,
  choice,
  cidOf,
  dictionary,
  int,
  link,
  list,
  mustMatch,
  optional,
  struct,
  text,
  union,
} from '@symbiosis/protocol'
import { refuses } from './refusal.ts'

const cid = cidOf(new Uint8Array(3))

describe('A schema', () => {
  const cases: { what: string; schema: Parameters<typeof check>[0]; good: unknown[]; bad: unknown[] }[] = [
    { what: 'text', schema: text({ minLength: 1, maxLength: 3 }), good: ['a', 'abc'], bad: ['', 'abcd', 1, null, undefined, ['a'], cid] },
    {
      what: 'int',
      schema: int({ max: 10 }),
      good: [0, 10],
      bad: [-1, 11, 1.5, Number.NaN, 2 ** 53, '1', null, undefined],
    },
    { what: 'int below zero', schema: int({ min: -5, max: 5 }), good: [-5, 0, 5], bad: [-6, 6] },
    { what: 'bool', schema: bool(), good: [true, false], bad: [0, 'true', null] },
    { what: 'choice', schema: choice('a', 'b'), good: ['a', 'b'], bad: ['c', '', ['a'], null] },
    { what: 'list', schema: list(int(), { maxItems: 2 }), good: [[], [1, 2]], bad: [[1, 2, 3], ['a'], {}, 'ab', new Uint8Array(1)] },
    {
      what: 'dictionary',
      schema: dictionary(int(), { maxProperties: 2 }),
      good: [{}, { a: 1, b: 2 }, { a: 1, b: 2, c: undefined }, { constructor: 1 }],
      bad: [{ a: 'x' }, { a: 1, b: 2, c: 3 }, [], null, cid],
    },
    {
      what: 'link',
      schema: link(),
      good: [cid],
      bad: [String(cid), cid.bytes, { '/': String(cid) }, { '/': 'q', bytes: 'q' }, null],
    },
    {
      what: 'bytes',
      schema: bytes({ maxLength: 2 }),
      good: [new Uint8Array(2), Buffer.alloc(1)],
      bad: [new Uint8Array(3), [1], 'a', null],
    },
    { what: 'union', schema: union(int(), text()), good: [1, 'a'], bad: [true, null, {}] },
    {
      what: 'struct',
      schema: struct({ a: int(), b: optional(text()) }),
      good: [{ a: 1 }, { a: 1, b: 'x' }, { a: 1, b: undefined }],
      bad: [{}, { a: 1, b: 2 }, { a: 1, c: 3 }, { b: 'x' }, { a: undefined }, [], null, 'x', cid, new Uint8Array(1)],
    },
    // What an object inherits isn't a field of it.
    { what: 'struct with a name of Object’s', schema: struct({ toString: text() }), good: [{ toString: 'x' }], bad: [{}] },
    { what: 'empty struct', schema: struct({}), good: [{}], bad: [{ toString: 1 }, { hasOwnProperty: 1 }] },
    { what: 'a map that does not say it is closed', schema: { type: 'object', properties: {} }, good: [{}], bad: [{ a: 1 }] },
    { what: 'an unknown kind', schema: { type: 'number' } as never, good: [], bad: [1] },
  ]
  for (const { what, schema, good, bad } of cases) {
    it(`of ${what}`, () => {
      for (const value of good) assert.equal(check(schema, value), undefined, `${inspect(value)} is refused`)
      for (const value of bad) assert.ok(check(schema, value), `${inspect(value)} is admitted`)
    })
  }

  it('names the place that leaves it', () => {
    const schema = struct({ abilities: list(struct({ can: text(), limits: optional(dictionary(int())) })), ttl: optional(int()) })
    const at = (value: unknown) => check(schema, value)?.path
    assert.equal(at({ abilities: [{ can: 'a' }, { can: 1 }] }), 'abilities[1].can')
    assert.equal(at({ abilities: [{ can: 'a', limits: { bytes: -1 } }] }), 'abilities[0].limits.bytes')
    assert.equal(at({ abilities: [], more: 1 }), 'more')
    assert.equal(at({}), 'abilities')
    assert.equal(at(1), '')
    mustMatch(schema, { abilities: [{ can: 'a' }] }, 'access/request')
    refuses(() => mustMatch(schema, { abilities: [{}] }, 'access/request'), 'InvalidInput', { field: 'abilities[0].can' })
  })

  it('is JSON, but for what marks the optional', () => {
    const schema = struct({ a: int({ max: 3 }), b: optional(link()), c: choice('x') })
    const travelled = JSON.parse(JSON.stringify(schema))
    for (const value of [
      { a: 1, c: 'x' },
      { a: 1, b: cid, c: 'x' },
    ])
      assert.equal(check(travelled, value), undefined)
    for (const value of [{ a: 4, c: 'x' }, { c: 'x' }, { a: 1, b: 'y', c: 'x' }]) assert.ok(check(travelled, value))
    assert.deepEqual(travelled.required, ['a', 'c'])
    assert.equal(travelled.additionalProperties, false, 'who reads it elsewhere is told that it is closed')
  })
})
