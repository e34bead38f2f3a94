import { Refusal } from '../refusal.ts'
import { isLink } from '../strict.ts'
import type { Bounds } from './format.ts'

type Model = { readonly [field: string]: unknown }
type Rule = 'text' | 'texts' | 'count' | 'integer' | 'scalars' | 'word' | 'schema' | 'schemas' | 'fields'

/** The table of the specification: what says what a schema admits, the words that it must have beside that, and those that it may have. */
const ROWS: readonly { is(schema: Model): boolean; must: { [word: string]: Rule }; may?: { [word: string]: Rule } }[] = [
  { is: ({ anyOf }) => anyOf !== undefined, must: { anyOf: 'schemas' } },
  { is: (schema) => schema.enum !== undefined, must: { enum: 'scalars' } },
  { is: ({ ipld }) => ipld === 'link', must: { ipld: 'word' } },
  { is: ({ ipld }) => ipld === 'bytes', must: { ipld: 'word' }, may: { minLength: 'count', maxLength: 'count' } },
  { is: ({ type }) => type === 'string', must: { type: 'word' }, may: { minLength: 'count', maxLength: 'count' } },
  { is: ({ type }) => type === 'integer', must: { type: 'word' }, may: { minimum: 'integer', maximum: 'integer' } },
  { is: ({ type }) => type === 'boolean', must: { type: 'word' } },
  { is: ({ type }) => type === 'array', must: { type: 'word', items: 'schema' }, may: { maxItems: 'count' } },
  {
    is: ({ type, additionalProperties }) => type === 'object' && additionalProperties === false,
    must: { type: 'word', additionalProperties: 'word', properties: 'fields', required: 'texts' },
  },
  { is: ({ type }) => type === 'object', must: { type: 'word', additionalProperties: 'schema' }, may: { maxProperties: 'count' } },
]

const isMap = (value: unknown): value is Model =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array) && !isLink(value)

const mustBe = (good: boolean): void => {
  if (!good) throw new Refusal('Malformed')
}

const checkSchema = (schema: unknown, level: number, most: number): void => {
  if (level > most) throw new Refusal('TooLarge')
  if (!isMap(schema)) throw new Refusal('Malformed')
  const row = ROWS.find(({ is }) => is(schema))
  if (!row) throw new Refusal('Unsupported')
  const words: { [word: string]: Rule } = { description: 'text', ...row.must, ...row.may }
  for (const [word, content] of Object.entries(schema)) {
    const rule = words[word]
    if (!rule) throw new Refusal('Unsupported')
    checkWord(rule, content, level, most)
  }
  for (const word of Object.keys(row.must)) mustBe(schema[word] !== undefined)
  if (schema.required) mustBe((schema.required as string[]).every((field) => Object.hasOwn(schema.properties as object, field)))
}

const checkWord = (rule: Rule, content: unknown, level: number, most: number): void => {
  const list = Array.isArray(content) ? content : []
  switch (rule) {
    case 'word':
      return
    case 'text':
      return mustBe(typeof content === 'string')
    case 'texts':
      return mustBe(Array.isArray(content) && list.every((each) => typeof each === 'string'))
    case 'count':
      return mustBe(Number.isInteger(content) && (content as number) >= 0)
    case 'integer':
      return mustBe(Number.isInteger(content))
    case 'scalars':
      return mustBe(list.length > 0 && list.every((each) => /^(string|number|boolean)$/.test(typeof each)))
    case 'schema':
      return checkSchema(content, level + 1, most)
    case 'schemas':
      mustBe(Array.isArray(content))
      for (const each of list) checkSchema(each, level + 2, most)
      return
    case 'fields':
      mustBe(isMap(content) && !Object.hasOwn(content, '/'))
      for (const each of Object.values(content as Model)) checkSchema(each, level + 2, most)
  }
}

const NAME = /^[a-z][a-zA-Z0-9]*$/

/** What a service's block has to be; sizes beyond the depth of schemas are far from their bounds in the vectors. */
export const checkService = (called: string, service: unknown, { schemaDepth = 0 }: Bounds): void => {
  if (!isMap(service)) throw new Refusal('Malformed')
  const { id, rev, about, abilities, limits, terms, ...more } = service
  mustBe(id === called && /^[a-z][a-z0-9-]*$/.test(called) && called !== 'lease' && Object.keys(more).length === 0)
  mustBe(Number.isInteger(rev) && (rev as number) >= 1 && typeof about === 'string')
  mustBe(isMap(abilities) && isMap(limits) && isMap(terms) && Object.keys(limits).every((name) => NAME.test(name)))
  for (const [can, ability] of Object.entries(abilities as Model)) {
    if (!isMap(ability)) throw new Refusal('Malformed')
    const { name, nb, ok, errors } = ability
    mustBe(typeof name === 'string' && NAME.test(name) && can === `${called}/${name.toLowerCase()}`)
    for (const schema of [nb, ok, ...Object.values(errors as Model)]) checkSchema(schema, 1, schemaDepth)
    mustBe([nb, ok].every((schema) => (schema as Model).type === 'object'))
  }
}
