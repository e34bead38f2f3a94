import { encode, type Value } from '../cbor.ts'
import { sameBytes } from '../link.ts'
import type { JsonSchema } from '../schema.ts'
import type { AbilityDescription, ServiceDescription } from './shape.ts'

/** One difference between two revisions of a service. */
export interface Change {
  /** Where: `pin/add.ok.name`, `limits.bytes`. */
  readonly path: string
  readonly what: string
  /**
   * Whether it may be made under the same id: callers and hosts of both revisions still understand each other. What may not needs a new id, or a new
   * ability beside the old one.
   */
  readonly compatible: boolean
}

/**
 * What changed between two revisions of a service, and whether that may be. A later revision may add abilities and optional fields of answers, and reword
 * what is for people. Input, which hosts of the earlier revision refuse where they don't know it, stays as it is; and so does all that a caller relies on.
 * Terms and freshness are the host's own, and are not compared.
 */
export const compareServices = (before: ServiceDescription, after: ServiceDescription): Change[] => {
  if (before.id !== after.id) return [broken('id', `was "${before.id}", is "${after.id}"`)]
  const changes = [
    ...reworded('about', before, after),
    ...compareLimits(before.limits, after.limits),
    ...both(before.abilities, after.abilities, compareAbilities, {
      gone: (can) => broken(can, 'is gone'),
      added: (can) => fine(can, 'is new'),
    }),
  ]
  if (after.rev < before.rev) return [...changes, broken('rev', `went from ${before.rev} to ${after.rev}`)]
  if (changes.length > 0 && after.rev === before.rev) return [...changes, broken('rev', `is still ${after.rev}, and something changed`)]
  return changes
}

const fine = (path: string, what: string): Change => ({ path, what, compatible: true })
const broken = (path: string, what: string): Change => ({ path, what, compatible: false })

const same = (a: unknown, b: unknown): boolean => sameBytes(encode([a ?? null] as Value), encode([b ?? null] as Value))

const reworded = (path: string, before: { about: string }, after: { about: string }): Change[] =>
  before.about === after.about ? [] : [fine(path, 'is worded anew')]

type Named<T> = { readonly [name: string]: T }

/** Compares what both have, and tells what only one has. */
const both = <T>(
  before: Named<T>,
  after: Named<T>,
  compare: (path: string, before: T, after: T) => Change[],
  { gone, added }: { gone: (name: string, what: T) => Change; added: (name: string, what: T) => Change },
): Change[] => [
  ...Object.entries(before).flatMap(([name, old]) =>
    Object.hasOwn(after, name) ? compare(name, old, after[name] as T) : [gone(name, old)],
  ),
  ...Object.entries(after).flatMap(([name, fresh]) => (Object.hasOwn(before, name) ? [] : [added(name, fresh)])),
]

/** Leases carry limits in closed maps, so that a host refuses one that it doesn't know. */
const compareLimits = (before: ServiceDescription['limits'], after: ServiceDescription['limits']): Change[] =>
  both(
    before,
    after,
    (name, old, fresh) => {
      const path = `limits.${name}`
      if (old.kind !== fresh.kind || old.unit !== fresh.unit) return [broken(path, 'counts something else')]
      return [
        ...reworded(`${path}.about`, old, fresh),
        ...(old.default === fresh.default ? [] : [fine(`${path}.default`, 'is another amount')]),
      ]
    },
    { gone: (name) => broken(`limits.${name}`, 'is gone'), added: (name) => broken(`limits.${name}`, 'is new') },
  )

const compareAbilities = (can: string, before: AbilityDescription, after: AbilityDescription): Change[] => [
  ...reworded(`${can}.about`, before, after),
  ...(['name', 'authority', 'effect', 'stream'] as const).flatMap((field) =>
    before[field] === after[field] ? [] : [broken(`${can}.${field}`, `was "${before[field]}", is "${after[field]}"`)],
  ),
  ...compareSchemas(`${can}.nb`, before.nb, after.nb, 'input'),
  ...compareSchemas(`${can}.ok`, before.ok, after.ok, 'output'),
  ...both(before.errors, after.errors, (name, old, fresh) => compareSchemas(`${can}.errors.${name}`, old, fresh, 'output'), {
    gone: (name) => broken(`${can}.errors.${name}`, 'is gone'),
    added: (name) => broken(`${can}.errors.${name}`, 'is new, and no caller expects it'),
  }),
]

const compareSchemas = (path: string, before: JsonSchema, after: JsonSchema, direction: 'input' | 'output'): Change[] => {
  const { description, properties, required, items, additionalProperties, anyOf, ...rest } = before
  const {
    description: newDescription,
    properties: newProperties,
    required: newRequired,
    items: newItems,
    additionalProperties: newAdditional,
    anyOf: newAnyOf,
    ...newRest
  } = after
  const deeper = (name: string, old?: JsonSchema, fresh?: JsonSchema): Change[] =>
    old && fresh
      ? compareSchemas(`${path}${name}`, old, fresh, direction)
      : same(old, fresh)
        ? []
        : [broken(`${path}${name}`, 'is of another kind')]
  return [
    ...(description === newDescription ? [] : [fine(path, 'is described anew')]),
    ...(same(rest, newRest) ? [] : [broken(path, 'admits something else')]),
    ...(properties && newProperties
      ? compareFields(path, { properties, required: required ?? [] }, { properties: newProperties, required: newRequired ?? [] }, direction)
      : same(properties, newProperties)
        ? []
        : [broken(path, 'is of another kind')]),
    ...deeper('[]', items, newItems),
    ...deeper('{}', additionalProperties || undefined, newAdditional || undefined),
    ...(anyOf?.length === newAnyOf?.length
      ? (anyOf ?? []).flatMap((option, index) => deeper(`|${index}`, option, newAnyOf?.[index]))
      : [broken(path, 'has other alternatives')]),
  ]
}

interface Struct {
  readonly properties: Named<JsonSchema>
  readonly required: readonly string[]
}

const compareFields = (path: string, before: Struct, after: Struct, direction: 'input' | 'output'): Change[] =>
  both(
    before.properties,
    after.properties,
    (name, old, fresh) => {
      const [was, is] = [before.required.includes(name), after.required.includes(name)]
      const turned = was === is ? [] : [broken(`${path}.${name}`, is ? 'is required now' : 'may be absent now')]
      return [...turned, ...compareSchemas(`${path}.${name}`, old, fresh, direction)]
    },
    {
      gone: (name) => broken(`${path}.${name}`, 'is gone'),
      added: (name) => {
        if (direction === 'input') return broken(`${path}.${name}`, 'is new, and hosts of before refuse it')
        if (after.required.includes(name)) return broken(`${path}.${name}`, 'is new and required, and hosts of before do not send it')
        return fine(`${path}.${name}`, 'is new and optional')
      },
    },
  )
