import type { CID } from 'multiformats/cid'

/**
 * Every way in which Symbiosis itself refuses: the closed list of the wire. A service's declared errors stand beside it.
 * Match codes, never messages: messages are for people and may change.
 */
export const CODES = [
  'Malformed', // bytes that aren't what they claim to be
  'TooLarge', // over a bound, see `field` and `limit`
  'Unsupported', // well formed, but a codec, version or content type not spoken here
  'BadHash', // a block's bytes don't match its CID
  'NotCanonical', // a second encoding of something that has one form
  'BadSignature',
  'Expired',
  'TooEarly',
  'TooLong', // an invocation that lives longer than the host allows
  'WrongAudience',
  'NotOwner', // no delegation leads from the space to the caller
  'NoLease', // no lease leads from the host to the space
  'LimitExceeded', // see `limit`, `used`, `asked`
  'Revoked', // see `link`, `by`, `at`
  'StaleLog',
  'Replayed', // something signed that was superseded: a manifest older than one that was seen, see `field`
  'UnknownAbility',
  'InvalidInput', // see `field`
  'NotRevoker',
  'NotFound', // absent, or another space's: indistinguishable on purpose
  'Denied',
  'RateLimited', // see `retryAfter`, seconds
  'Unavailable', // the peer can't now: disk full, shutting down, unreachable
  'Cancelled',
  'Internal',
] as const

/** A code of the closed list. */
export type Code = (typeof CODES)[number]

/** What a refusal says beyond its code. Every field is plain data, so that it crosses the wire as it is. */
export interface Details {
  /** CID of the UCAN that failed. */
  link?: string
  /** Which of the two chains it stands in. */
  chain?: 'owner' | 'lease' | 'invocation'
  /** The field of the input, or the named bound. */
  field?: string
  /** DID of who did it: the revoker, say. */
  by?: string
  /** When, in Unix seconds. */
  at?: number
  limit?: number
  used?: number
  asked?: number
  /** Seconds until another try makes sense. */
  retryAfter?: number
  /** What to do about it, one sentence. */
  hint?: string
  [detail: string]: unknown
}

/** A refusal as it crosses the wire: the ucanto failure shape, `name` being the code. */
export interface Refusal extends Details {
  name: string
  message: string
}

/** An answer or a refusal: exactly one of them is there. */
export type Result<T, E = Refusal> = { ok: T; error?: undefined } | { ok?: undefined; error: E }

const FAILURE = Symbol.for('@symbiosis/protocol/Failure')

/**
 * A refusal on its way to whoever answers for it. Thrown inside a process; a `Refusal` on the wire. `name` is a code of `CODES`,
 * or the name of an error that a service declares.
 */
export class Failure extends Error {
  readonly details: Details

  static {
    Object.defineProperty(Failure.prototype, FAILURE, { value: true })
  }

  /** A service may come with its own copy of this package, and what it throws is as good. Kinds of failures are told apart as ever. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: kinds of failures inherit this, and each asks for itself
    if (this !== Failure) return Function.prototype[Symbol.hasInstance].call(this, value)
    return (value as { [FAILURE]?: unknown } | null | undefined)?.[FAILURE] === true
  }

  constructor(name: Code | (string & {}), message: string, details: Details = {}, options?: ErrorOptions) {
    super(message, options)
    this.name = name
    this.details = details
  }

  /** The wire form. It has no stack and no cause: those stay in the process. */
  toRefusal(): Refusal {
    return { ...this.details, name: this.name, message: this.message }
  }

  static fromRefusal({ name, message, ...details }: Refusal): Failure {
    return new Failure(name, message, details)
  }
}

/** `{ error }` for the steps that answer with values. */
export const refuse = (name: Code, message: string, details: Details = {}): { error: Refusal } => ({ error: { ...details, name, message } })

/** The value, or its refusal thrown. */
export const unwrap = <T>(result: Result<T, Refusal>): T => {
  if (result.error) throw Failure.fromRefusal(result.error)
  return result.ok as T
}

/**
 * Any thrown thing as a refusal fit for the wire. What isn't a `Failure` or an abort is `Internal`, and its text stays here:
 * it may name paths or hold secrets.
 */
export const toRefusal = (thrown: unknown): Refusal => {
  if (thrown instanceof Failure) return thrown.toRefusal()
  if (isAbort(thrown)) return { name: 'Cancelled', message: 'The call was cancelled before it was done.' }
  if ((thrown as { code?: unknown } | null)?.code === 'ENOSPC') {
    return {
      name: 'Unavailable',
      message: 'The disk of this host is full; nothing of this call was kept.',
      hint: 'Free some space on the host, then try again.',
    }
  }
  return { name: 'Internal', message: 'The host failed on its side; its log has the reason.' }
}

/** Whether something was thrown because a signal aborted. */
export const isAbort = (thrown: unknown): boolean =>
  thrown instanceof Error && (thrown.name === 'AbortError' || thrown.name === 'TimeoutError')

/** Short text for a CID in messages. */
export const brief = (cid: CID | string): string => {
  const text = String(cid)
  // A cut may go through a character of two units, and half of one can't be written.
  return text.length > 20 ? `${text.slice(0, 8)}…${text.slice(-4)}`.toWellFormed() : text
}
