import { connect, type Socket } from 'node:net'
import { type Answer, AnswerReader } from './answers.ts'
import type { Case } from './cases.ts'

export interface Exchange {
  readonly answers: readonly Answer[]
  /** Bytes of an answer that was not whole when the connection ended. */
  readonly partial?: Answer
  /** The host ended the connection, or nobody did. */
  readonly end: 'open' | 'closed' | 'left' | 'hung'
  readonly ms: number
}

export interface Patience {
  /** Milliseconds without a byte after which a caller ends its half. */
  readonly unanswered: number
  /** Milliseconds that more answers of a pipeline are waited for. */
  readonly more: number
  readonly hang: number
}

/** A connection that anything can be sent over. It is made anew when the last case has used it up. */
export class Connection {
  readonly #port: number
  readonly #patience: Patience
  #socket: Socket | undefined

  constructor(port: number, patience: Patience) {
    this.#port = port
    this.#patience = patience
  }

  close(): void {
    this.#socket?.resetAndDestroy()
    this.#socket = undefined
  }

  /** Sends a case, and gives what came of it. Never rejects: what the host does is the answer. */
  exchange(sent: Pick<Case, 'bytes' | 'answers' | 'framing' | 'head' | 'leaves' | 'patient'>): Promise<Exchange> {
    // The host ends what was idle for long; nothing tells of it where no exchange is under way.
    if (sent.framing !== 'kept' || this.#socket?.readableEnded) this.close()
    this.#socket ??= this.#connected()
    const socket = this.#socket
    const reader = new AnswerReader(sent.head)
    const started = performance.now()
    return new Promise((resolve) => {
      const timers: NodeJS.Timeout[] = []
      const done = (end: Exchange['end']) => {
        for (const timer of timers) clearTimeout(timer)
        socket.off('data', read).off('close', closed).off('end', closed)
        if (end !== 'open' || sent.framing !== 'kept' || reader.closes) this.close()
        const { answers } = reader
        const partial = end === 'closed' ? reader.partial() : undefined
        resolve({ answers, ...(partial && { partial }), end, ms: performance.now() - started })
      }
      const read = (chunk: Buffer) => {
        reader.push(chunk)
        if (reader.answers.length < sent.answers) return
        if (sent.framing === 'pipelined' && !reader.closes) timers.push(setTimeout(() => done('open'), this.#patience.more))
        else done('open')
      }
      const closed = () => done('closed')
      socket.on('data', read).once('close', closed).once('end', closed)
      timers.push(setTimeout(() => done('hung'), this.#patience.hang))
      // Who sent what may look unfinished has said all; a patient one waits until the host has had enough.
      if (sent.framing !== 'kept' && !sent.patient)
        timers.push(setTimeout(() => reader.answers.length === 0 && socket.end(), this.#patience.unanswered))
      socket.write(sent.bytes)
      if (sent.leaves) setImmediate(() => done('left'))
    })
  }

  #connected(): Socket {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    // What matters of an error is the end of the connection, and that comes by itself.
    socket.on('error', () => {})
    socket.once('close', () => {
      if (this.#socket === socket) this.#socket = undefined
    })
    return socket
  }
}
