import { decode, mustMatch, StreamReader, type Ucan } from '@symbiosis/protocol'
import { frame, type LogFrame } from '@symbiosis/protocol/revocation'
import { Breach } from './breach.ts'
import { open } from './lessee.ts'
import type { CallShape, Peer } from './peer.ts'

const MAX_FRAME_BYTES = 8 * 1024 * 1024

/** A stream of a host's log under way. */
export interface Watching {
  readonly invocation: Ucan
  /** The next part of the log. @throws whatever ends the stream before its time; Breach where none comes in time */
  next(): Promise<LogFrame>
  /** Resolves when the stream has ended: with what it broke off with, or undefined where that was all. */
  ended(milliseconds: number): Promise<unknown>
  leave(): Promise<void>
}

/** Follows the log from an index on: the one ability with a stream that all hosts have, and that all may call. */
export const watch = async (peer: Peer, from: number, call: Partial<CallShape> = {}): Promise<Watching> => {
  const { proofs = [] } = call
  const invocation = await peer.invocation({ ...call, can: 'log/watch', nb: { from } })
  const leaving = new AbortController()
  // Who is late is only known to be so until there is an answer: a stream may go on for ever.
  const { answer, body } = await peer.patiently((late) => within(open(peer, invocation, proofs, { signal: leaving.signal }), late, leaving))
  if (answer.error) throw new Breach(`log/watch answers ${answer.error.name}: ${answer.error.message}`)
  if (!body) throw new Breach('log/watch is answered without a stream')
  const reader = new StreamReader(body)
  const read = async (): Promise<LogFrame | undefined> => {
    const bytes = await reader.section(MAX_FRAME_BYTES, 'frame')
    if (!bytes) return undefined
    const value = decode(bytes)
    mustMatch(frame, value, 'A frame of the log')
    return value as LogFrame
  }
  return {
    invocation,
    async next() {
      const next = await soon(read(), peer.soon, 'Nothing of the log comes by its stream')
      if (!next) throw new Breach('The stream of the log ends by itself')
      return next
    },
    async ended(milliseconds) {
      const last = async () => {
        while (await read());
      }
      return soon(
        last().catch((thrown: unknown) => thrown),
        milliseconds,
        `The stream goes on for more than ${milliseconds} milliseconds`,
      )
    },
    async leave() {
      leaving.abort()
      await reader.close().catch(() => {})
    },
  }
}

const within = <T>(work: Promise<T>, late: AbortSignal, aborter: AbortController): Promise<T> => {
  const abort = () => aborter.abort(late.reason)
  late.addEventListener('abort', abort, { once: true })
  return work.finally(() => late.removeEventListener('abort', abort))
}

/** @throws Breach where it takes longer */
export const soon = <T>(work: Promise<T>, milliseconds: number, late: string): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Breach(late)), milliseconds)
  })
  // What comes after that is of no use, if it fails, too.
  work.catch(() => {})
  return Promise.race([work, timeout]).finally(() => clearTimeout(timer))
}
