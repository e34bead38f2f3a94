import assert from 'node:assert/strict'
import {
  ability,
  CODES,
  canOf,
  covers,
  defaultAmounts,
  failed,
  leaseCan,
  leaseOf,
  limit,
  provide,
  service,
  serviceOf,
  struct,
  text,
  type Ucan,
} from '@symbiosis/protocol'

const read = ability({ about: 'Reads', effect: 'read', nb: struct({}), ok: struct({}) })

describe('A contract', () => {
  it('gives an ability what it does not say: leased, no stream, no errors of its own', () => {
    const { authority, stream, errors, effect } = read
    assert.deepEqual({ authority, stream, errors, effect }, { authority: 'leased', stream: 'none', errors: {}, effect: 'read' })
  })

  it('says how recently logs must have been heard of: more for what changes something, nothing for what needs no lease', () => {
    const of = (over: object) => ability({ about: '', effect: 'read', nb: struct({}), ok: struct({}), ...over }).freshness
    assert.deepEqual(of({}), { fresh: 3600, stale: 604_800 })
    for (const effect of ['idempotent', 'once']) assert.deepEqual(of({ effect }), { fresh: 300, stale: 3600 })
    for (const authority of ['open', 'operator']) assert.deepEqual(of({ authority, effect: 'once' }), { fresh: null, stale: null })
    for (const [fresh, stale] of [
      [0, 0],
      [null, 60],
      [60, null],
      [60, 60],
    ])
      assert.deepEqual(of({ freshness: { fresh, stale } }), { fresh, stale })
    for (const [fresh, stale] of [
      [61, 60],
      [-1, 60],
      [0.5, 60],
      [60, Number.POSITIVE_INFINITY],
      [undefined, 60],
      ['60', 60],
    ]) {
      assert.throws(() => of({ freshness: { fresh, stale } }), TypeError, `${fresh} ${stale}`)
    }
  })

  it('takes names that stand in a `can` as they are', () => {
    const define = (id: string, name: string) => service(id, { rev: 1, about: '', abilities: { [name]: read } })
    assert.equal(canOf(define('my-shelf2', 'readAll').id, 'readAll'), 'my-shelf2/readall')
    for (const [id, name] of [
      ['Shelf', 'read'],
      ['', 'read'],
      ['a/b', 'read'],
      ['*', 'read'],
      // A service of that name would make leases into delegations.
      ['lease', 'read'],
      ['shelf', 'read/all'],
      ['shelf', '*'],
      ['shelf', '__proto__'],
      ['shelf', ''],
    ] as const) {
      assert.throws(() => define(id, name), TypeError, `${id} ${name}`)
    }
  })

  it('has no error whose fields a refusal would write over', () => {
    const failing = (fields: Parameters<typeof struct>[0]) =>
      ability({ about: '', effect: 'read', nb: struct({}), ok: struct({}), errors: { Lost: struct(fields) } })
    for (const field of ['name', 'message']) assert.throws(() => failing({ [field]: text() }), TypeError, field)
    assert.deepEqual(Object.keys(failing({ title: text() }).errors), ['Lost'])
  })

  it('is not provided with an error that is called as the refusals of every host are', () => {
    const failing = (name: string) =>
      service('shelf', { rev: 1, about: '', abilities: { read: { ...read, errors: { [name]: struct({ page: text() }) } } } })
    for (const code of CODES) assert.throws(() => provide(failing(code), { read: () => ({}) as never }), TypeError, code)
    provide(failing('Torn'), { read: () => ({}) as never })
  })

  it('states what is granted where no amount is named', () => {
    const limits = { bytes: limit.max('bytes', { unit: 'bytes', default: 100 }), notes: limit.max('notes', { default: 3 }) }
    assert.deepEqual(defaultAmounts(limits), { bytes: 100, notes: 3 })
    assert.deepEqual([limits.bytes.unit, limits.notes.unit], ['bytes', 'count'])
  })

  it('holds its handlers and hooks, and errors on their way out', () => {
    const shelf = service('shelf', { rev: 1, about: '', abilities: { read: { ...read, errors: { Torn: struct({ page: text() }) } } } })
    const close = async () => {}
    const provided = provide(shelf, { read: (_, { fail }) => fail('Torn', { page: '3' }) }, { close })
    assert.equal(provided.service, shelf)
    assert.equal(provided.hooks.close, close)
    const { failure } = failed('Torn', { page: '3' })
    assert.deepEqual(failure.toRefusal(), { name: 'Torn', message: 'Torn', page: '3' })
  })
})

describe('Abilities', () => {
  it('cover by whole segments', () => {
    const pairs: [string, string, boolean][] = [
      ['pin/add', 'pin/add', true],
      ['pin/*', 'pin/add', true],
      ['*', 'pin/add', true],
      ['pin/*', 'pinball/add', false],
      ['pin/add', 'pin/addall', false],
      ['pin/add', 'pin/*', false],
      ['pin', 'pin/add', false],
      ['pin/*', 'pin', false],
      ['lease/pin/*', 'lease/pin/add', true],
      ['lease/*', 'lease/pin/add', true],
      ['pin/*', 'lease/pin/add', false],
    ]
    for (const [granted, claimed, expected] of pairs) assert.equal(covers(granted, claimed), expected, `${granted} ${claimed}`)
  })

  it('are leased one service at a time', () => {
    const ucan = (...capabilities: string[]) =>
      ({ capabilities: capabilities.map((can) => ({ can, with: 'did:key:x' })) }) as unknown as Ucan
    for (const can of ['lease/pin/*', 'lease/pin/add']) assert.equal(leaseOf(ucan(can))?.can, can)
    for (const can of ['lease/*', '*', 'pin/add', 'lease/pin', 'lease/pin/add/now', 'lease/', 'ucan:*']) {
      assert.equal(leaseOf(ucan(can)), undefined, can)
    }
    assert.equal(leaseOf(ucan('lease/pin/*', 'lease/dag/*')), undefined)
    assert.equal(leaseOf(ucan()), undefined)
    assert.equal(leaseCan('pin/*'), 'lease/pin/*')
    assert.deepEqual(['lease/pin/*', 'pin/add'].map(serviceOf), ['pin', 'pin'])
  })
})
