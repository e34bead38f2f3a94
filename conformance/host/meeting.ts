import { type DID, Failure, isDid } from '@symbiosis/protocol'
import type { Sample } from '../guests.ts'

/** The time that the host and the rules share. */
export interface SharedClock {
  /** Unix seconds. */
  now(): number
  /** Resolves when so many seconds have passed, for both. */
  pass(seconds: number): Promise<void>
}

/** How a host is met across the wire. */
export interface PeerOptions {
  /** Services to ask leases of; all that the host tells of unless given. */
  services?: readonly string[]
  /** Abilities of those services that are open to all; as its manifest says unless given. */
  open?: readonly string[]
  /** Seconds that the owner may take to say yes. 0 unless told. */
  patience?: number
  /** Seconds within which a call is answered, 10 unless told; an ability that waits for something is given up after it. */
  answerWithin?: number
  /**
   * Calls of the host's own services that work for a new space, in this order; `ability` in full, `thumbs/make`, and what an ability gives back as a
   * negative amount of `uses`. Of `pin` and `dag` the rules have some.
   */
  samples?: readonly Sample[]
  /** Real time unless given: for hosts whose clock can be moved. */
  clock?: SharedClock
  /** Called when the owner is asked. */
  onAsked?(code: string): void
  signal?: AbortSignal
}

export const realClock: SharedClock = {
  now: () => Math.floor(Date.now() / 1000),
  pass: (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000)),
}

/** @throws Failure Unavailable, Unsupported where no host tells of itself */
export const didAt = async (url: string): Promise<DID> => {
  let about: { did?: unknown }
  try {
    about = (await (await fetch(url)).json()) as { did?: unknown }
  } catch (cause) {
    throw new Failure('Unavailable', `No host tells of itself at ${url}.`, { reason: 'no answer', hint: 'Check the address.' }, { cause })
  }
  if (typeof about?.did !== 'string' || !isDid(about.did)) throw new Failure('Unsupported', `What answers at ${url} is no host.`)
  return about.did
}
