import { isDeepStrictEqual } from 'node:util'
import type {
  CarBounds,
  CarVector,
  CborVector,
  Ed25519Vector,
  ExchangeVector,
  ExpectedReceipt,
  Presumed,
  ReceiptVector,
  Refused,
  StreamVector,
  UcanVector,
  VectorFile,
} from './format.ts'

/** Something that answers vectors, in the terms in which they say what is expected. */
export interface Reader {
  cbor(vector: CborVector): Promise<unknown>
  car(vector: CarVector, bounds: CarBounds): Promise<unknown>
  ucan(vector: UcanVector): Promise<unknown>
  ed25519(vector: Ed25519Vector): Promise<unknown>
  receipt(vector: ReceiptVector): Promise<unknown>
  stream(vector: StreamVector): Promise<unknown>
  /** The answer to each step. */
  exchange(vector: ExchangeVector, presumed: Presumed): Promise<readonly unknown[]>
  /** Details of refusals that it doesn't tell. */
  readonly untold: readonly (keyof Refused)[]
}

/** Where a reader answers otherwise than the file expects: one line for each vector. */
export const problemsOf = async (file: VectorFile, reader: Reader): Promise<string[]> => {
  const problems: string[] = []
  const hold = (name: string, expected: unknown, actual: unknown) => {
    const isAsExpected = agrees(expected as Answer, actual as Answer, reader.untold)
    if (!isAsExpected) problems.push(`${name}: expected ${JSON.stringify(expected)}, and it is ${JSON.stringify(actual)}`)
  }
  switch (file.kind) {
    case 'cbor':
      for (const vector of file.vectors) hold(vector.name, vector.expect, await reader.cbor(vector))
      break
    case 'car':
      for (const vector of file.vectors) hold(vector.name, vector.expect, await reader.car(vector, file.bounds))
      break
    case 'ucan':
      for (const vector of file.vectors) hold(vector.name, vector.expect, await reader.ucan(vector))
      break
    case 'ed25519':
      for (const vector of file.vectors) hold(vector.name, vector.expect, await reader.ed25519(vector))
      break
    case 'receipt':
      for (const vector of file.vectors) hold(vector.name, vector.expect, await reader.receipt(vector))
      break
    case 'stream':
      for (const vector of file.vectors) hold(vector.name, vector.expect, await reader.stream(vector))
      break
    case 'exchange':
      for (const vector of file.vectors) {
        const answers = await reader.exchange(vector, file.presumed)
        for (const [index, { expect }] of vector.steps.entries()) hold(`${vector.name}, step ${index + 1}`, expect, answers[index])
      }
  }
  return problems
}

type Answer = Partial<Refused> & { readonly receipts?: readonly ExpectedReceipt[] }

const DETAILS = ['field', 'chain', 'link', 'by'] as const

const agrees = (expected: Answer, actual: Answer, untold: Reader['untold']): boolean => {
  if (expected.code !== actual.code) return false
  if (expected.code !== undefined)
    return DETAILS.every((detail) => expected[detail] === undefined || untold.includes(detail) || expected[detail] === actual[detail])
  if (!expected.receipts) return isDeepStrictEqual(expected, actual)
  if (expected.receipts.length !== actual.receipts?.length) return false
  return expected.receipts.every((receipt, index) => answers(receipt, actual.receipts?.[index] as ExpectedReceipt, untold))
}

const answers = (expected: ExpectedReceipt, actual: ExpectedReceipt, untold: Reader['untold']): boolean =>
  expected.ran === actual.ran &&
  (expected.code === undefined || agrees(expected as Answer, actual as Answer, untold)) &&
  (expected.code !== undefined) === (actual.code !== undefined) &&
  Object.entries(expected.ok ?? {}).every(([field, value]) => isDeepStrictEqual(actual.ok?.[field], value)) &&
  (expected.receipt === undefined || expected.receipt === actual.receipt) &&
  (expected.allowed === undefined || isDeepStrictEqual(actual.allowed, expected.allowed))
