import {
  type Caller,
  type Channel,
  check,
  type DID,
  decode,
  Failure,
  generateSeed,
  type Input,
  invoke,
  isDid,
  type Output,
  StreamReader,
  sameBytes,
  signerFromSeed,
  streamUntil,
  unwrap,
} from '@symbiosis/protocol'
import {
  CompactRange,
  frame as frameShape,
  type LogFrame,
  leafHash,
  log,
  logKeyOf,
  originOf,
  type SignedCheckpoint,
  type VerifierKey,
  verifyCheckpoint,
  witnessKeyOf,
} from '@symbiosis/protocol/revocation'
import { reachHost } from './reaching.ts'
import type { Run } from './run.ts'

const MAX_FRAME_BYTES = 4 * 1024 * 1024

/** A checkpoint that was verified, and its note. */
export interface Shown extends SignedCheckpoint {
  readonly note: string
}

/** Reads the log of a host, as anybody can: no key of the reader's is asked for. */
export class LogReader {
  readonly did: DID
  readonly #caller: Caller
  readonly #signal: AbortSignal

  private constructor(did: DID, channel: Channel, signal: AbortSignal) {
    const signer = signerFromSeed(generateSeed())
    this.did = did
    this.#signal = signal
    this.#caller = { signer, host: did, subject: signer.did, proofs: [], channel, now: () => Math.floor(Date.now() / 1000) }
  }

  /**
   * The log of a host by its address or, where it was paired with, by its name or DID; without either that of this machine's own host.
   * @throws Failure NotFound, Unavailable, WrongAudience, InvalidInput
   */
  static async open(name: string | undefined, run: Run): Promise<LogReader> {
    const { did, channel } = await reachHost(name, run)
    return new LogReader(did, channel, run.signal)
  }

  async checkpoint(): Promise<Shown> {
    const { checkpoint, key, witnesses } = await this.#call('checkpoint', {})
    const known = witnesses.map(({ host, key }) => {
      if (!isDid(host)) throw new Failure('Malformed', 'A witness is no host.', { field: 'witnesses' })
      return witnessKeyOf(host, key)
    })
    return this.#verify(checkpoint, key, known)
  }

  /** Entries from an index on, up to, and without, another; as the host gives them, unverified. */
  async *entries(from: number, to: number): AsyncGenerator<LogFrame['entries'][number]> {
    for (let next = from; next < to; ) {
      const { entries } = await this.#call('entries', { from: next, limit: Math.min(1000, to - next) })
      if (entries.length === 0 || entries.length > to - next)
        throw new Failure('BadSignature', 'The host does not give the entries that it has signed.', { field: 'entries' })
      yield* entries
      next += entries.length
    }
  }

  /**
   * Every entry that a checkpoint is over. Who comes to the end has seen what the host has signed.
   * @throws Failure BadSignature, field `root`
   */
  async *verified({ size, root }: Shown): AsyncGenerator<LogFrame['entries'][number]> {
    const range = new CompactRange()
    for await (const entry of this.entries(0, size)) {
      range.append(leafHash(entry.leaf))
      yield entry
    }
    if (!sameBytes(range.root(), root))
      throw new Failure('BadSignature', 'The entries of this log are not those that its host has signed.', { field: 'root' })
  }

  /** Frames as they come, each with a checkpoint of this host's. */
  async *watch(from: number): AsyncGenerator<LogFrame> {
    const { result, body } = await invoke(this.#caller, log, 'watch', { from }, { signal: this.#signal })
    const { key } = unwrap(result)
    if (!body) throw new Failure('Unsupported', 'The host streams no log.')
    const reader = new StreamReader(streamUntil(body, this.#signal))
    for (let next = from; ; ) {
      const bytes = await reader.section(MAX_FRAME_BYTES, 'frame')
      if (!bytes) throw new Failure('Unavailable', 'The host ended its stream.', { reason: 'the stream ended' })
      const frame = wellFormed<LogFrame>(frameShape, decode(bytes))
      const { size } = this.#verify(frame.checkpoint, key)
      if (frame.from !== next || next + frame.entries.length > size)
        throw new Failure('BadSignature', 'The host shows other entries than come next.', { field: 'from' })
      next += frame.entries.length
      yield frame
    }
  }

  #verify(note: string, key: Uint8Array, witnesses: readonly VerifierKey[] = []): Shown {
    return { ...verifyCheckpoint(note, { origin: originOf(this.did), keys: [logKeyOf(this.did, key)], witnesses }), note }
  }

  async #call<N extends keyof (typeof log)['abilities'] & string>(
    name: N,
    input: Input<(typeof log)['abilities'][N]>,
  ): Promise<Output<(typeof log)['abilities'][N]>> {
    const { result } = await invoke(this.#caller, log, name, input, { signal: this.#signal })
    return wellFormed(log.abilities[name].ok, unwrap(result))
  }
}

const wellFormed = <T>(shape: Parameters<typeof check>[0], value: unknown): T => {
  const mismatch = check(shape, value)
  if (mismatch) throw new Failure('Malformed', `The host answered against its contract: ${mismatch.path} ${mismatch.message}.`)
  return value as T
}
