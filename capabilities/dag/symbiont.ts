import {
  type Answered,
  type Block,
  Failure,
  gathersUploads,
  type Input,
  type Output,
  readCarStream,
  type Service,
  verifyBlock,
  writeCarStream,
} from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import { dag } from './index.ts'
import { linksOf } from './links.ts'

/** Bytes that a browser gathers for a call: soon enough sent for the call not to expire meanwhile, and refused before all has gone up in vain. */
const GATHERED = 8 * 1024 * 1024

/** Whatever calls a host: a symbiont, or `invoke` with its caller bound. */
export interface Calls {
  call<S extends Service, N extends keyof S['abilities'] & string>(
    service: S,
    name: N,
    input: Input<S['abilities'][N]>,
    options?: { signal?: AbortSignal; body?: ReadableStream<Uint8Array> },
  ): Promise<Answered<Output<S['abilities'][N]>>>
}

/** What is pushed, and how. */
export interface PushOptions {
  root: CID
  /** The DAG's blocks, in the same order each time it's called. */
  blocks(): AsyncIterable<Block>
  signal?: AbortSignal
  /** Told after each block: how many are behind, sent or skipped, and their bytes. */
  onProgress?(progress: { blocks: number; bytes: number }): void
  /** Bytes of a call, about. Unless given all goes in one; in browsers, which have to gather what they send, 8 MiB. */
  segmentBytes?: number
  /** How often a broken push is taken up again without a block of progress. Default 5. */
  retries?: number
  /** Wait before the first of them, ms; then twice as long each time. Default 250. */
  retryMs?: number
}

/** What came of a push. */
export interface Pushed {
  blocks: number
  bytes: number
  /** False where blocks are missing that `blocks` didn't give: a pin fetches those elsewhere, or finds them where the space has them already. */
  complete: boolean
}

/**
 * Pushes a DAG to the host, going on where an earlier push was broken off.
 * @throws Failure whatever the host refuses with, Unavailable when it can't be reached any more; and whatever `blocks` throws
 */
export const push = async (
  use: Calls,
  { root, blocks, signal, onProgress, segmentBytes = gathersUploads ? GATHERED : undefined, retries = 5, retryMs = 250 }: PushOptions,
): Promise<Pushed> => {
  const options = signal && { signal }
  let source: Source | undefined
  let trust = true
  let [most, failures] = [0, 0]
  for (;;) {
    try {
      if (!source) {
        const status = answered(await use.call(dag, 'status', { root }, options))
        if (status.complete) return status
        if (status.blocks > most) failures = 0
        most = Math.max(most, status.blocks)
        source = new Source(blocks(), trust ? status.blocks : 0, onProgress)
      }
      const more = segmentBytes !== undefined && !source.done
      const body = writeCarStream([root], source.take(more ? segmentBytes : Number.POSITIVE_INFINITY))
      const {
        blocks: count,
        bytes,
        complete,
      } = answered(await use.call(dag, 'import', { root, ...(more && { more }) }, { ...options, body }))
      most = Math.max(most, count)
      failures = 0
      if (more) continue
      if (complete || source.skipped === 0) return { blocks: count, bytes, complete }
      // What was skipped was not what is there: the order has changed. Once more, and whole.
      trust = false
      source = undefined
    } catch (thrown) {
      const broken = source?.failure
      await source?.close()
      source = undefined
      if (broken) throw broken.reason
      signal?.throwIfAborted()
      if (!isPassing(thrown) || ++failures > retries) throw thrown
      await pause(Math.max((thrown.details.retryAfter ?? 0) * 1000, retryMs * 2 ** (failures - 1)), signal)
    }
  }
}

/** How a DAG is pulled. */
export interface PullOptions {
  root: CID
  signal?: AbortSignal
  /** Bounds for what a host may send. Default 4 MiB and 10 million. */
  maxBlockBytes?: number
  maxBlocks?: number
}

/**
 * Pulls a DAG from the host, depth first. Each block is checked: its hash, and that the DAG has it.
 * @throws Failure NotFound where the space doesn't hold it whole; BadHash, Malformed (a stream that ends early, too) for a host that
 * sends something else; Unavailable where the connection breaks
 */
export async function* pull(
  use: Calls,
  { root, signal, maxBlockBytes = 4 * 1024 * 1024, maxBlocks = 10_000_000 }: PullOptions,
): AsyncGenerator<Block, void> {
  const { result, body } = await use.call(dag, 'export', { root }, signal && { signal })
  answered({ result })
  if (!body) throw new Failure('Malformed', 'The host answered without the stream that it announced.')
  const known = new Set<string>()
  const missing = new Set<string>()
  const expect = (cid: CID): void => {
    const name = nameOf(cid)
    if (known.has(name)) return
    known.add(name)
    if (cid.multihash.code !== IDENTITY) missing.add(name)
    else for (const link of linksOf({ cid, bytes: cid.multihash.digest })) expect(link)
  }
  expect(root)
  for await (const block of readCarStream(body, { maxBlocks, maxBlockBytes })) {
    if (!missing.delete(nameOf(block.cid)))
      throw new Failure('Malformed', 'The host sent a block that was not asked for.', { link: String(block.cid) })
    verifyBlock(block)
    for (const link of linksOf(block)) expect(link)
    yield block
  }
  if (missing.size > 0)
    throw new Failure('Malformed', `The stream ended with ${missing.size} blocks to come, at the least.`, {
      link: String(root),
      hint: 'Try again.',
    })
}

const IDENTITY = 0x00
const DAG_PB = 0x70

/** A CID of version 0 names the same block as the one of version 1. */
const nameOf = (cid: CID): string => String.fromCharCode(cid.version === 0 ? DAG_PB : cid.code, ...cid.multihash.bytes)

/** Blocks that are read once and sent in parts. */
class Source {
  readonly skipped: number
  done = false
  /** Why the blocks themselves came to an end: that's no broken connection. */
  failure: { reason: unknown } | undefined
  readonly #iterator: AsyncIterator<Block>
  readonly #onProgress: PushOptions['onProgress']
  #blocks = 0
  #bytes = 0

  constructor(blocks: AsyncIterable<Block>, skip: number, onProgress: PushOptions['onProgress']) {
    this.#iterator = blocks[Symbol.asyncIterator]()
    this.skipped = skip
    this.#onProgress = onProgress
  }

  async *take(bytes: number): AsyncGenerator<Block, void> {
    for (let taken = 0; taken < bytes; ) {
      const block = await this.#next()
      if (!block) return
      this.#blocks++
      this.#bytes += block.bytes.length
      if (this.#blocks > this.skipped) {
        taken += block.bytes.length
        yield block
      }
      this.#onProgress?.({ blocks: this.#blocks, bytes: this.#bytes })
    }
  }

  async close(): Promise<void> {
    await this.#iterator.return?.()
  }

  async #next(): Promise<Block | undefined> {
    try {
      const next = await this.#iterator.next()
      if (!next.done) return next.value
      this.done = true
      return undefined
    } catch (reason) {
      this.failure = { reason }
      throw reason
    }
  }
}

const answered = <T>({ result }: Answered<T>): T => {
  if (result.error) throw Failure.fromRefusal(result.error)
  return result.ok as T
}

const isPassing = (thrown: unknown): thrown is Failure =>
  thrown instanceof Failure && (thrown.name === 'Unavailable' || thrown.name === 'RateLimited')

const pause = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', abort, { once: true })
  })
