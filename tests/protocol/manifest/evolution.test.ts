import assert from 'node:assert/strict'
import {
  type Ability,
  choice,
  int,
  type JsonSchema,
  limit,
  link,
  list,
  optional,
  type Service,
  struct,
  text,
  union,
} from '@symbiosis/protocol'
import { compareServices, describeService } from '@symbiosis/protocol/manifest'
import { rack } from './making.ts'

/** What `compareServices` says of a change: `+` for what may be, `-` for what may not. */
const told = (after: Service, before: Service = rack): string[] =>
  compareServices(describeService(before), describeService(after)).map(({ path, compatible }) => `${compatible ? '+' : '-'}${path}`)

/** The next revision, with one ability changed. */
const withLook = (change: (look: Ability) => Partial<Ability>, over: Partial<Service> = {}): Service => ({
  ...rack,
  rev: rack.rev + 1,
  abilities: { ...rack.abilities, look: { ...rack.abilities.look, ...change(rack.abilities.look as Ability) } },
  ...over,
})
const withOk = (ok: JsonSchema) => withLook(() => ({ ok: ok as Ability['ok'] }))
const withNb = (nb: JsonSchema) => withLook(() => ({ nb: nb as Ability['nb'] }))
const bottle = { bottle: link(), place: int() }
const look = (over: object = {}, of: object = bottle) =>
  struct({
    bottles: list(struct(of as typeof bottle), { maxItems: 500 }),
    byKind: rack.abilities.look.ok.properties?.byKind as never,
    ...over,
  })

describe('The evolution of a service', () => {
  it('is nothing where nothing changed', () => {
    assert.deepEqual(told(rack), [])
    assert.deepEqual(told({ ...rack, rev: 4 }), [])
    assert.deepEqual(told(withOk(look())), [])
  })

  it('may add optional output, however deep', () => {
    assert.deepEqual(told(withOk(look({ more: optional(text()) }))), ['+rack/look.ok.more'])
    assert.deepEqual(told(withOk(look({}, { ...bottle, year: optional(int()) }))), ['+rack/look.ok.bottles[].year'])
    const { putAway } = rack.abilities
    const errors = { Full: struct({ places: int(), hint: optional(text()) }) }
    assert.deepEqual(told({ ...rack, rev: 4, abilities: { ...rack.abilities, putAway: { ...putAway, errors } } as Service['abilities'] }), [
      '+rack/putaway.errors.Full.hint',
    ])
  })

  it('may add abilities, and change what is for people', () => {
    const abilities = { ...rack.abilities, shake: rack.abilities.look }
    assert.deepEqual(told({ ...rack, rev: 4, abilities }), ['+rack/shake'])
    assert.deepEqual(told(withLook(() => ({ about: 'Shows what is there' }), { about: 'Keeps bottles cool' })), [
      '+about',
      '+rack/look.about',
    ])
    assert.deepEqual(told(withNb({ ...struct({}), description: 'Nothing' })), ['+rack/look.nb'])
    const limits = { ...rack.limits, bottles: limit.max('bottles', { default: 20 }) }
    assert.deepEqual(told({ ...rack, rev: 4, limits }), ['+limits.bottles.about', '+limits.bottles.default'])
  })

  it('may not add output that hosts of before do not send', () =>
    assert.deepEqual(told(withOk(look({ more: text() }))), ['-rack/look.ok.more']))

  it('may not touch input: hosts of before refuse what they do not know', () => {
    assert.deepEqual(told(withNb(struct({ more: optional(text()) }))), ['-rack/look.nb.more'])
    assert.deepEqual(told(withNb(struct({ more: text() }))), ['-rack/look.nb.more'])
    assert.deepEqual(told(rack, withNb(struct({ more: optional(text()) }))), ['-rack/look.nb.more', '-rev'])
  })

  it('may not take away or turn what is there', () => {
    const { byKind: _, ...less } = look().properties as Record<string, JsonSchema>
    assert.deepEqual(told(withOk(struct(less as never))), ['-rack/look.ok.byKind'])
    assert.deepEqual(told(withOk(look({}, { ...bottle, place: text() }))), ['-rack/look.ok.bottles[].place'])
    assert.deepEqual(told(withOk(look({}, { ...bottle, place: optional(int()) }))), ['-rack/look.ok.bottles[].place'])
    assert.deepEqual(told(withOk(look({}, { ...bottle, place: int({ max: 5 }) }))), ['-rack/look.ok.bottles[].place'])
    assert.deepEqual(told(withOk(look({ bottles: int() }))), ['-rack/look.ok.bottles', '-rack/look.ok.bottles[]'])
    assert.deepEqual(told(withOk(look({ byKind: struct({}) }))), ['-rack/look.ok.byKind', '-rack/look.ok.byKind', '-rack/look.ok.byKind{}'])
    const { look: gone, ...abilities } = rack.abilities
    assert.ok(gone)
    assert.deepEqual(told({ ...rack, rev: 4, abilities }), ['-rack/look'])
  })

  it('may not offer other alternatives', () => {
    const of = (...schemas: JsonSchema[]) => withOk(struct({ one: union(...(schemas as [])) }))
    assert.deepEqual(told({ ...of(text()), rev: 5 }, of(text(), int())), ['-rack/look.ok.one'])
    assert.deepEqual(told({ ...of(text(), int()), rev: 5 }, of(text())), ['-rack/look.ok.one'])
    assert.deepEqual(told({ ...of(choice('a', 'b')), rev: 5 }, of(choice('a'))), ['-rack/look.ok.one|0'])
  })

  it('may not change who may call, what comes of it, how it streams, or how it fails', () => {
    for (const change of [{ authority: 'leased' }, { effect: 'once' }, { stream: 'out' }] as const)
      assert.deepEqual(told(withLook(() => change)), [`-rack/look.${Object.keys(change)[0]}`])
    assert.deepEqual(told(withLook(() => ({ errors: { Dark: struct({}) } }))), ['-rack/look.errors.Dark'])
    assert.deepEqual(
      told(
        rack,
        withLook(() => ({ errors: { Dark: struct({}) } }), { rev: 1 }),
      ),
      ['-rack/look.errors.Dark'],
    )
  })

  it('may not touch limits, which stand in leases', () => {
    const more = { ...rack.limits, corks: limit.max('corks', { default: 1 }) }
    assert.deepEqual(told({ ...rack, rev: 4, limits: more }), ['-limits.corks'])
    assert.deepEqual(told({ ...rack, rev: 4, limits: { bytes: rack.limits.bytes } }), ['-limits.bottles'])
    const other = { ...rack.limits, bottles: limit.max('bottles kept', { unit: 'bytes', default: 10 }) }
    assert.deepEqual(told({ ...rack, rev: 4, limits: other }), ['-limits.bottles'])
  })

  it('has a number that goes up with it', () => {
    assert.deepEqual(told({ ...rack, rev: 2 }), ['-rev'])
    assert.deepEqual(told({ ...rack, about: 'Keeps bottles cool' }), ['+about', '-rev'])
    assert.deepEqual(told({ ...rack, id: 'shelf' }), ['-id'])
  })
})
