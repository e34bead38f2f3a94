import assert from 'node:assert/strict'
import { Failure } from '@symbiosis/protocol'
import type { Answer, Peer } from './peer.ts'

/** A host does otherwise than a rule says. */
export class Breach extends Error {
  override readonly name = 'Breach'
}

/** Something that every host does. */
export interface Rule {
  readonly area: 'answers' | 'admission' | 'authorization' | 'manifest' | 'leases' | 'revocation'
  readonly name: string
  /** @throws where the host does otherwise */
  check(peer: Peer): Promise<void>
}

/** The code of an answer or of what was thrown in its place; `ok` where it was none. */
export const codeOf = async (answer: Promise<Answer | Uint8Array>): Promise<string> => {
  try {
    const out = await answer
    return out instanceof Uint8Array ? 'ok' : (out.error?.name ?? 'ok')
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown.name
    throw thrown
  }
}

/** Has to be answered by one of the codes. */
export const expectCode = async (answer: Promise<Answer | Uint8Array>, what: string, ...codes: readonly string[]): Promise<void> => {
  const code = await codeOf(answer)
  if (!codes.includes(code)) throw new Breach(`${what}: ${code}, where ${codes.join(' or ')} was due`)
}

export const must = (holds: unknown, what: string): void => {
  if (!holds) throw new Breach(what)
}

export const mustEqual = (actual: unknown, expected: unknown, what: string): void => {
  try {
    assert.deepEqual(actual, expected)
  } catch (cause) {
    throw new Breach(what, { cause })
  }
}
