import { readFileSync } from 'node:fs'
import type { Sample } from '@symbiosis/conformance'
import { bytes, check, dictionary, Failure, int, list, optional, struct, text } from '@symbiosis/protocol'
import { fromDagJson } from './dag-json.ts'

/** A sample as a file has it, but for its input, which is whatever the ability takes. */
const shape = list(
  struct({
    ability: text({ maxLength: 128 }),
    body: optional(bytes({ maxLength: 16 * 1024 * 1024 })),
    uses: optional(dictionary(int({ min: Number.MIN_SAFE_INTEGER }))),
    error: optional(text()),
    varies: optional(list(text())),
  }),
)

/**
 * Calls of a host's own services, as a file of DAG-JSON has them.
 * @throws Failure NotFound, Malformed
 */
export const samplesIn = (path: string): Sample[] => {
  const value = valueIn(path)
  const all = Array.isArray(value) ? value.map((each) => (isMap(each) ? withoutInput(each) : each)) : value
  const found = check(shape, all)
  if (found)
    throw new Failure('Malformed', `The file ${path} has no samples: ${found.path || 'it'} ${found.message}.`, {
      field: found.path,
      hint: 'Write a list: [{ "ability": "thumbs/make", "nb": {}, "uses": { "pixels": 100 } }]',
    })
  return value as Sample[]
}

const withoutInput = ({ nb: _, ...rest }: { readonly [key: string]: unknown }) => rest

const valueIn = (path: string): unknown => {
  let json: string
  try {
    json = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new Failure('NotFound', `The file ${path} can't be read.`, {}, { cause })
  }
  try {
    return fromDagJson(JSON.parse(json))
  } catch (cause) {
    throw new Failure('Malformed', `The file ${path} is not DAG-JSON.`, {}, { cause })
  }
}

const isMap = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
