import type { Value } from '../cbor.ts'
import { Failure } from '../failure.ts'
import { asLink } from '../link.ts'
import type { JsonSchema } from '../schema.ts'
import type { ManifestBounds } from './bounds.ts'

/** What is left of a bound that all schemas of a service share. */
export interface Budget {
  nodes: number
}

interface Place {
  readonly path: string
  readonly depth: number
  readonly bounds: ManifestBounds
  readonly budget: Budget
}

type Check = (content: Value, place: Place) => void

/**
 * Refuses what isn't a schema in the vocabulary of `JsonSchema`. A word that is not known could narrow what is admitted, and whoever passed over it would
 * admit more than the host does: so none is passed over.
 * @throws Failure Malformed, Unsupported for other words, TooLarge
 */
export const mustBeSchema = (value: Value | undefined, path: string, bounds: ManifestBounds, budget: Budget): JsonSchema => {
  mustFit(value, { path, depth: 1, bounds, budget })
  return value as JsonSchema
}

const mustFit = (value: Value | undefined, place: Place): void => {
  const { depth, bounds, budget } = place
  if (depth > bounds.schemaDepth) throw tooLarge('schemaDepth', bounds.schemaDepth)
  if (budget.nodes-- <= 0) throw tooLarge('schemaNodes', bounds.schemaNodes)
  const schema = mapOf(value, place)
  const words = wordsOf(schema)
  if (!words) throw unsupported('says of no known kind what it admits', place)
  for (const [word, content] of Object.entries(schema)) {
    const check = Object.hasOwn(words, word) ? words[word] : undefined
    if (!check) throw unsupported(`has the word "${word.slice(0, 40)}", which is not known there`, place)
    check(content, below(place, word))
  }
  const lacking = neededOf(schema).find((word) => schema[word] === undefined)
  if (lacking) throw malformed(`lacks "${lacking}"`, place)
  if (schema.properties !== undefined) mustHave(schema.required as string[], schema.properties, place)
}

/** The words of a schema, by the one that says what it is. */
const wordsOf = (schema: { readonly [word: string]: Value }): { readonly [word: string]: Check } | undefined => {
  if (schema.anyOf !== undefined) return { description, anyOf: eachOf }
  if (schema.enum !== undefined) return { description, enum: scalars }
  if (schema.ipld === 'link') return { description, ipld: known }
  if (schema.ipld === 'bytes') return { description, ipld: known, maxLength: count, minLength: count }
  switch (schema.type) {
    case 'string':
      return { description, type: known, maxLength: count, minLength: count }
    case 'integer':
      return { description, type: known, minimum: integer, maximum: integer }
    case 'boolean':
      return { description, type: known }
    case 'array':
      return { description, type: known, items: mustFit, maxItems: count }
    case 'object':
      return schema.additionalProperties === false
        ? { description, type: known, additionalProperties: known, properties: everyOf, required: texts }
        : { description, type: known, additionalProperties: mustFit, maxProperties: count }
    default:
      return undefined
  }
}

/** Without these, what a schema admits would be a guess. */
const neededOf = ({ type, additionalProperties }: { readonly [word: string]: Value }): readonly string[] => {
  if (type === 'array') return ['items']
  if (type !== 'object') return []
  return additionalProperties === false ? ['properties', 'required'] : ['additionalProperties']
}

const known: Check = () => {}

const description: Check = (content, place) => {
  if (typeof content !== 'string') throw malformed('must be text', place)
}

const integer: Check = (content, place) => {
  if (!Number.isSafeInteger(content)) throw malformed('must be a whole number', place)
}

const count: Check = (content, place) => {
  if (!Number.isSafeInteger(content) || (content as number) < 0) throw malformed('must be a whole number from 0', place)
}

const texts: Check = (content, place) => {
  if (!listOf(content, place).every((each) => typeof each === 'string')) throw malformed('must list texts', place)
}

const scalars: Check = (content, place) => {
  const values = listOf(content, place)
  if (values.length === 0 || !values.every((each) => ['string', 'number', 'boolean'].includes(typeof each)))
    throw malformed('must list texts, numbers, or true and false', place)
}

const eachOf: Check = (content, place) => {
  for (const [index, each] of listOf(content, place).entries()) mustFit(each, below(place, String(index)))
}

const everyOf: Check = (content, place) => {
  for (const [name, each] of Object.entries(mapOf(content, place))) {
    // In DAG-JSON it would make the map a link.
    if (name === '/') throw malformed('has a field called "/"', place)
    mustFit(each, below(place, name))
  }
}

/** Of a field that is required and can't be there nothing would be admitted. */
const mustHave = (required: readonly string[], properties: Value, place: Place): void => {
  const missing = required.find((field) => !Object.hasOwn(properties as object, field))
  if (missing !== undefined) throw malformed(`requires "${missing.slice(0, 40)}", which it does not have`, place)
}

const below = (place: Place, word: string): Place => ({ ...place, path: `${place.path}.${word}`, depth: place.depth + 1 })

export const mapOf = (value: Value | undefined, { path }: Pick<Place, 'path'>): { readonly [field: string]: Value } => {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array || asLink(value))
    throw malformed('must be a map', { path })
  return value as { readonly [field: string]: Value }
}

const listOf = (value: Value, place: Place): readonly Value[] => {
  if (!Array.isArray(value)) throw malformed('must be a list', place)
  return value as readonly Value[]
}

const malformed = (what: string, { path }: Pick<Place, 'path'>) => new Failure('Malformed', `A manifest: ${path} ${what}.`, { field: path })
const unsupported = (what: string, { path }: Place) =>
  new Failure('Unsupported', `A manifest: the schema ${path} ${what}.`, { field: path })
const tooLarge = (field: string, limit: number) =>
  new Failure('TooLarge', `The schemas of a service are larger than allowed: ${field} over ${limit}.`, { field, limit })
