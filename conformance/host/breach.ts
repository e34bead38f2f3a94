import assert from 'node:assert/strict'
import { Failure } from '@symbiosis/protocol'
import type { Answer, Peer } from './peer.ts'

/** A host does otherwise than a rule says. */
export class Breach extends Error {
  override readonly name = 'Breach'
}

/**
 * A rule could not be looked at: what it would show is not there. It counts as broken, or a host that is asked the wrong way would pass for one in
 * order. The message says what to do.
 */
export class Unseen extends Breach {}

/** Why there is nothing that a rule could be about: by its own manifest the host lacks it, so it can't do it wrongly. */
export class Idle {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

/** What rules are about. */
export type Area =
  | 'answers'
  | 'admission'
  | 'authorization'
  | 'manifest'
  | 'asking'
  | 'leases'
  | 'amounts'
  | 'renewing'
  | 'revocation'
  | 'streams'
  | 'services'

/** Something that every host does. */
export interface Rule {
  readonly area: Area
  readonly name: string
  /** Resolves with an `Idle` where there is nothing to hold. @throws where the host does otherwise */
  check(peer: Peer): Promise<unknown>
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
