import type { CID } from 'multiformats/cid'
import { type Code, Failure } from './failure.ts'
import type { Flat } from './flat.ts'
import { asLink } from './link.ts'

/**
 * Schemas are data: JSON Schema 2020-12 in the vocabulary below, and `ipld: 'link' | 'bytes'` for the two kinds that JSON lacks. So they
 * travel as they are, and types are inferred from them. Structs are closed: a field that isn't named is refused, never dropped.
 */
export interface JsonSchema {
  readonly type?: 'object' | 'string' | 'integer' | 'boolean' | 'array'
  readonly ipld?: 'link' | 'bytes'
  readonly properties?: { readonly [field: string]: JsonSchema }
  readonly required?: readonly string[]
  /** `false` for a struct, the schema of the values for a map. */
  readonly additionalProperties?: false | JsonSchema
  readonly items?: JsonSchema
  readonly maxItems?: number
  readonly maxProperties?: number
  /** In UTF-16 units for text, in bytes for `ipld: 'bytes'`. */
  readonly maxLength?: number
  readonly minLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly enum?: readonly (string | number | boolean)[]
  readonly anyOf?: readonly JsonSchema[]
  readonly description?: string
}

declare const TYPE: unique symbol
declare const OPTIONAL: unique symbol

/** A schema and, for the compiler only, the type of what it admits. */
export type Schema<T> = JsonSchema & { readonly [TYPE]?: T }
/** A field that may be absent from its struct. */
export type OptionalField<T> = Schema<T> & { readonly [OPTIONAL]: true }

/** The type that a schema admits. */
export type Infer<S> = S extends { readonly [TYPE]?: infer T } ? T : never

type Fields = { readonly [field: string]: Schema<unknown> }
type OptionalKeys<F> = { [K in keyof F]: F[K] extends { readonly [OPTIONAL]: true } ? K : never }[keyof F]
/** The type of a struct with such fields. */
export type InferFields<F> = Flat<{ [K in Exclude<keyof F, OptionalKeys<F>>]: Infer<F[K]> } & { [K in OptionalKeys<F>]?: Infer<F[K]> }>

interface About {
  /** One sentence for people. */
  description?: string
}

const optionalFields = new WeakSet<object>()

/** A closed map with the named fields. */
export const struct = <F extends Fields>(fields: F, about: About = {}): Schema<InferFields<F>> => ({
  type: 'object',
  properties: fields as { [field: string]: JsonSchema },
  required: Object.keys(fields).filter((field) => !optionalFields.has(fields[field] as object)),
  additionalProperties: false,
  ...about,
})

/** A field that may be absent. Absent is the only form: `null` isn't. */
export const optional = <T>(schema: Schema<T>): OptionalField<T> => {
  const field = { ...schema } as OptionalField<T>
  optionalFields.add(field)
  return field
}

/** A text; at most 4096 UTF-16 units unless told. */
export const text = (options: About & { minLength?: number; maxLength?: number } = {}): Schema<string> => ({
  type: 'string',
  maxLength: 4096,
  ...options,
})

/** A whole number, from 0 unless told. */
export const int = (options: About & { min?: number; max?: number } = {}): Schema<number> => {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, ...about } = options
  return { type: 'integer', minimum: min, maximum: max, ...about }
}

/** True or false. */
export const bool = (about: About = {}): Schema<boolean> => ({ type: 'boolean', ...about })

/** One of the given texts. */
export const choice = <const T extends readonly string[]>(...values: T): Schema<T[number]> => ({ enum: values })

/** A list of values of one kind; at most 1024 of them unless told. */
export const list = <T>(items: Schema<T>, options: About & { maxItems?: number } = {}): Schema<T[]> => ({
  type: 'array',
  items,
  maxItems: 1024,
  ...options,
})

/** A map from any text to values of one kind. */
export const dictionary = <T>(values: Schema<T>, options: About & { maxProperties?: number } = {}): Schema<{ [key: string]: T }> => ({
  type: 'object',
  additionalProperties: values,
  maxProperties: 1024,
  ...options,
})

/** A CID. */
export const link = (about: About = {}): Schema<CID> => ({ ipld: 'link', ...about })

/** Bytes; at most 64 KiB unless told. */
export const bytes = (options: About & { maxLength?: number } = {}): Schema<Uint8Array> => ({ ipld: 'bytes', maxLength: 65536, ...options })

/** Any of the given shapes. */
export const union = <const S extends readonly Schema<unknown>[]>(...schemas: S): Schema<Infer<S[number]>> => ({ anyOf: schemas })

/** Where a value leaves its schema: a path such as `abilities[0].can`, and what stands there. */
export interface Mismatch {
  path: string
  message: string
}

/**
 * The first place where `value` leaves `schema`, or undefined. Interpreted, so that no page needs `eval`. With `open`, structs may have fields that aren't
 * named: so answers are read, to which a later revision of a contract may add.
 */
export const check = (schema: JsonSchema, value: unknown, path = '', open = false): Mismatch | undefined => {
  if (schema.anyOf) {
    return schema.anyOf.some((option) => !check(option, value, path, open))
      ? undefined
      : mismatch(path, 'has none of the shapes that are allowed here')
  }
  if (schema.enum) return schema.enum.includes(value as string) ? undefined : mismatch(path, `must be one of ${schema.enum.join(', ')}`)
  if (schema.ipld === 'link') return asLink(value) ? undefined : mismatch(path, 'must be a link')
  if (schema.ipld === 'bytes')
    return value instanceof Uint8Array ? checkLength(schema, value.length, path) : mismatch(path, 'must be bytes')
  switch (schema.type) {
    case 'string':
      return typeof value === 'string' ? checkLength(schema, value.length, path) : mismatch(path, 'must be text')
    case 'integer':
      return checkInteger(schema, value, path)
    case 'boolean':
      return typeof value === 'boolean' ? undefined : mismatch(path, 'must be true or false')
    case 'array':
      return checkList(schema, value, path, open)
    case 'object':
      return checkMap(schema, value, path, open)
    default:
      return mismatch(path, 'has a schema that this version does not know')
  }
}

/**
 * Refuses what leaves its schema: input, unless told otherwise.
 * @throws Failure by the code, InvalidInput unless told, with `field`
 */
export const mustMatch = (schema: JsonSchema, value: unknown, what: string, code: Code = 'InvalidInput', open = false): void => {
  const found = check(schema, value, '', open)
  if (found) throw new Failure(code, `${what}: ${found.path || 'it'} ${found.message}.`, { field: found.path })
}

const mismatch = (path: string, message: string): Mismatch => ({ path, message })

const checkLength = ({ minLength = 0, maxLength = Number.POSITIVE_INFINITY }: JsonSchema, length: number, path: string) => {
  if (length > maxLength) return mismatch(path, `is longer than ${maxLength}`)
  return length < minLength ? mismatch(path, `is shorter than ${minLength}`) : undefined
}

const checkInteger = (
  { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER }: JsonSchema,
  value: unknown,
  path: string,
) => {
  if (!Number.isSafeInteger(value)) return mismatch(path, 'must be a whole number')
  const number = value as number
  return number < minimum || number > maximum ? mismatch(path, `must be between ${minimum} and ${maximum}`) : undefined
}

const checkList = ({ items = {}, maxItems = Number.POSITIVE_INFINITY }: JsonSchema, value: unknown, path: string, open: boolean) => {
  if (!Array.isArray(value)) return mismatch(path, 'must be a list')
  if (value.length > maxItems) return mismatch(path, `has more than ${maxItems} items`)
  for (let index = 0; index < value.length; index++) {
    const found = check(items, value[index], `${path}[${index}]`, open)
    if (found) return found
  }
  return undefined
}

const checkMap = (schema: JsonSchema, value: unknown, path: string, open: boolean) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array || asLink(value)) {
    return mismatch(path, 'must be a map')
  }
  const map = value as { [field: string]: unknown }
  const keys = Object.keys(map)
  if (schema.maxProperties !== undefined && keys.filter((key) => map[key] !== undefined).length > schema.maxProperties) {
    return mismatch(path, `has more than ${schema.maxProperties} entries`)
  }
  for (const field of schema.required ?? []) {
    if (!Object.hasOwn(map, field) || map[field] === undefined) return mismatch(below(path, field), 'is missing')
  }
  for (const key of keys) {
    if (map[key] === undefined) continue
    const field = schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : schema.additionalProperties
    if (!field && open) continue
    if (!field) return mismatch(below(path, key), 'is not a field of it')
    const found = check(field, map[key], below(path, key), open)
    if (found) return found
  }
  return undefined
}

const below = (path: string, field: string): string => (path ? `${path}.${field}` : field)
