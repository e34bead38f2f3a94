import { type Caller, type DID, Failure, invoke, type LocalSigner, unwrap } from '@symbiosis/protocol'
import { type LogFrame, log as logService, originOf, type VerifierKey, verifyCheckpoint } from '@symbiosis/protocol/revocation'
import type { Mirrored } from './mirrored.ts'
import type { FollowAddress, Reach } from './reach.ts'
import type { OwnCheckpoint } from './remains.ts'

export interface SourceParts {
  readonly signer: LocalSigner
  /** Of this host's own log. */
  readonly key: VerifierKey
  /** Seconds that an answer may take. */
  readonly patience: number
  readonly signal: AbortSignal
  now(): number
}

/** A host that follows this one, asked for this one's own log. Nothing that it says is believed which this host's key hasn't signed. */
export class MirrorSource {
  readonly url: string
  /** The last one that it was shown. */
  readonly checkpoint: OwnCheckpoint
  readonly #caller: Caller
  readonly #parts: SourceParts

  private constructor(url: string, caller: Caller, parts: SourceParts, checkpoint: OwnCheckpoint) {
    this.url = url
    this.checkpoint = checkpoint
    this.#caller = caller
    this.#parts = parts
  }

  /** @throws Failure NotFound where it doesn't follow this host, BadSignature where what it shows is not of this log, Unavailable */
  static async ask({ url, did: demanded }: FollowAddress, reach: Reach, parts: SourceParts): Promise<MirrorSource> {
    const { signer, now } = parts
    const did = demanded ?? (await reach.about(patient(parts)))
    const caller: Caller = { signer, host: did, subject: signer.did, proofs: [], channel: reach.channel, now }
    const { checkpoint } = await ask(caller, parts, 0, 1)
    return new MirrorSource(url, caller, parts, signed(signer.did, checkpoint, parts.key))
  }

  /**
   * All entries that its checkpoint is over, in order. That they are its entries, their root has to tell.
   * @throws Failure Unavailable where it hasn't all of them
   */
  async *frames(): AsyncGenerator<LogFrame['entries']> {
    const { size } = this.checkpoint
    for (let from = 0; from < size; ) {
      const frame = await ask(this.#caller, this.#parts, from, Math.min(1000, size - from))
      const { entries } = frame
      if (frame.from !== from || from + entries.length > size)
        throw new Failure('BadSignature', 'A follower gives other entries than it was asked for.', { field: 'from' })
      if (entries.length === 0) {
        throw new Failure('Unavailable', `${this.url} has ${from} entries of ${size} that were signed: it had not come to the end.`, {
          limit: size,
          asked: from,
          hint: 'Have the log back from another host that follows this one.',
        })
      }
      yield entries
      from += entries.length
    }
  }
}

const ask = async (caller: Caller, parts: SourceParts, from: number, limit: number): Promise<Mirrored> => {
  const input = { of: parts.signer.did, from, limit }
  const { result } = await invoke(caller, logService, 'mirrored', input, { signal: patient(parts) })
  return unwrap(result)
}

const patient = ({ signal, patience }: SourceParts): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(patience * 1000)])

const signed = (host: DID, note: string, key: VerifierKey): OwnCheckpoint => ({
  ...verifyCheckpoint(note, { origin: originOf(host), keys: [key] }),
  note,
})
