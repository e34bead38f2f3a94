import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { UcanMemory } from '@symbiosis/protocol'
import { decodeEntry, isProved, type RevocationEntry } from '@symbiosis/protocol/revocation'

/** An entry that is a revocation, and the message that should say so. */
export interface Claim {
  readonly leaf: Uint8Array
  readonly evidence: Uint8Array
}

/** Claims from which on threads of their own pay. */
const MANY = 128
const THREADS = Math.max(1, Math.min(2, availableParallelism()))
/** Milliseconds without work after which a thread ends, and for which signatures are checked at a time where there is none. */
const IDLE_MS = 5000
const SLICE_MS = 4
/** Delegations of `ucan/revoke` that are remembered; most entries have none. */
const MEMORY = 2000
/** What tells a thread that it was started from here, and not by whoever else imports this file in one. */
const NAME = 'symbiosis: proving revocations'

/** Says of entries whether they are proved by what came with them. A long log is checked in other threads, so that calls don't wait for it. */
export class Proving {
  readonly #memory = new UcanMemory(MEMORY)
  readonly #threads: Thread[] = []

  async verdicts(claims: readonly Claim[], signal: AbortSignal): Promise<boolean[]> {
    if (claims.length < MANY) return this.#here(claims, signal)
    const part = Math.ceil(claims.length / THREADS)
    const parts = Array.from({ length: THREADS }, (_, at) => {
      this.#threads[at] ??= new Thread()
      return (this.#threads[at] as Thread).verdicts(claims.slice(at * part, (at + 1) * part))
    })
    const all = await Promise.all(parts)
    signal.throwIfAborted()
    return all.flat()
  }

  async #here(claims: readonly Claim[], signal: AbortSignal): Promise<boolean[]> {
    const verdicts: boolean[] = []
    let began = performance.now()
    for (const claim of claims) {
      if (performance.now() - began > SLICE_MS) {
        await new Promise((resolve) => setImmediate(resolve))
        signal.throwIfAborted()
        began = performance.now()
      }
      verdicts.push(isClaimProved(claim, this.#memory))
    }
    return verdicts
  }
}

/** A thread that is there as long as it has work. */
class Thread {
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  #asked: { resolve(verdicts: boolean[]): void; reject(error: Error): void } | undefined
  #last: Promise<unknown> = Promise.resolve()

  verdicts(claims: readonly Claim[]): Promise<boolean[]> {
    const answered = this.#last.then(() => this.#ask(claims))
    this.#last = answered.catch(() => {})
    return answered
  }

  async #ask(claims: readonly Claim[]): Promise<boolean[]> {
    clearTimeout(this.#idle)
    const worker = this.#worker ?? this.#start()
    const { promise, resolve, reject } = Promise.withResolvers<boolean[]>()
    this.#asked = { resolve, reject }
    const bytes = packed(claims)
    worker.postMessage(bytes, [bytes.buffer])
    try {
      return await promise
    } finally {
      this.#idle = setTimeout(() => this.#end(), IDLE_MS).unref()
    }
  }

  #start(): Worker {
    const worker = new Worker(new URL(import.meta.url), { workerData: NAME })
    const failed = (error: Error) => {
      if (this.#worker === worker) this.#worker = undefined
      this.#asked?.reject(error)
    }
    worker
      .on('message', (verdicts: boolean[]) => this.#asked?.resolve(verdicts))
      .on('error', failed)
      .on('exit', () => failed(new Error('A thread ended before it was done.')))
    // It must not keep a process that has nothing else to do.
    worker.unref()
    this.#worker = worker
    return worker
  }

  #end(): void {
    void this.#worker?.terminate()
    this.#worker = undefined
  }
}

const LENGTH = 4

/** Claims as one piece, that is handed over and not copied: to copy two thousand small arrays costs more than a tenth of what is done with them. */
const packed = (claims: readonly Claim[]): Uint8Array<ArrayBuffer> => {
  const pieces = claims.flatMap(({ leaf, evidence }) => [leaf, evidence])
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + LENGTH + length, 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const piece of pieces) {
    view.setUint32(at, piece.length)
    bytes.set(piece, at + LENGTH)
    at += LENGTH + piece.length
  }
  return bytes
}

const unpacked = (bytes: Uint8Array): Claim[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const claims: Claim[] = []
  let at = 0
  const next = (): Uint8Array => {
    const from = at + LENGTH
    at = from + view.getUint32(at)
    // A view would keep all of them in memory as long as one UCAN of them is remembered.
    return bytes.slice(from, at)
  }
  while (at < bytes.length) claims.push({ leaf: next(), evidence: next() })
  return claims
}

const isClaimProved = ({ leaf, evidence }: Claim, memory: UcanMemory): boolean =>
  isProved(decodeEntry(leaf) as RevocationEntry, evidence, memory)

if (!isMainThread && workerData === NAME) {
  const memory = new UcanMemory(MEMORY)
  parentPort?.on('message', (bytes: Uint8Array) => parentPort?.postMessage(unpacked(bytes).map((claim) => isClaimProved(claim, memory))))
}
