import type { Schema } from './format.ts'
import { isLink } from './strict.ts'

/** Where a value isn't what a schema says: the field, or `nb` for the whole. Structs are closed: a field that isn't named is refused. */
export const misfit = (value: unknown, schema: Schema, field = 'nb'): string | undefined => {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema
  const isOfLength = (length: number) => length >= minLength && length <= maxLength
  const unless = (holds: boolean) => (holds ? undefined : field)
  if (schema.ipld === 'link') return unless(isLink(value))
  if (schema.ipld === 'bytes') return unless(value instanceof Uint8Array && isOfLength(value.length))
  switch (schema.type) {
    case 'string':
      return unless(typeof value === 'string' && isOfLength(value.length))
    case 'integer': {
      const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = schema
      return unless(Number.isSafeInteger(value) && (value as number) >= minimum && (value as number) <= maximum)
    }
    case 'array': {
      const { items = {}, maxItems = Number.POSITIVE_INFINITY } = schema
      if (!Array.isArray(value) || value.length > maxItems) return field
      return value.map((item, index) => misfit(item, items, `${field}[${index}]`)).find((found) => found !== undefined)
    }
    case 'object':
      return isMap(value) ? misfitOfMap(value, schema, field) : field
    default:
      throw new Error(`The schema ${JSON.stringify(schema)} is none that vectors use.`)
  }
}

const misfitOfMap = (map: Record<string, unknown>, schema: Schema, field: string): string | undefined => {
  const { properties = {}, required = [], additionalProperties = false, maxProperties = Number.POSITIVE_INFINITY } = schema
  const names = Object.keys(map)
  const below = (name: string) => (field === 'nb' ? name : `${field}.${name}`)
  if (names.length > maxProperties) return field
  const missing = required.find((name) => !Object.hasOwn(map, name))
  if (missing !== undefined) return below(missing)
  return names
    .map((name) => {
      const own = Object.hasOwn(properties, name) ? properties[name] : additionalProperties || undefined
      return own ? misfit(map[name], own, below(name)) : below(name)
    })
    .find((found) => found !== undefined)
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array) && !isLink(value)
