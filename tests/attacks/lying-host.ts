import {
  admit,
  archive,
  BOUNDS,
  type Channel,
  delegate,
  encode,
  encodeInvocations,
  encodeReceipts,
  encodeVarint,
  Failure,
  generateSeed,
  issueReceipt,
  issueUcan,
  type LocalSigner,
  nonce,
  type Proof,
  type Refusal,
  type Result,
  signerFromSeed,
  streamFrom,
  UcanMemory,
} from '@symbiosis/protocol'
import {
  consistencyProof,
  encodeEntry,
  formatCheckpoint,
  inclusionProof,
  LOG_SIGN,
  type LogFrame,
  noteSigner,
  originOf,
  signNote,
} from '@symbiosis/protocol/revocation'
import type { Reach } from '../../host/index.ts'
import { NOW } from '../fixtures.ts'
import { Nodes } from '../protocol/revocation/forest.ts'

export type Entries = LogFrame['entries']
type Answers = { [can: string]: (nb: never, host: LyingHost) => Promise<object> | object }

/** What somebody signed who took a UCAN back, as an entry of a log. `over` says of it what isn't so. */
export const revocationOf = async (
  by: LocalSigner,
  { ucan }: Proof,
  over: { audience?: LocalSigner; expiration?: number | null; proofs?: readonly Proof[]; subject?: LocalSigner } = {},
): Promise<{ leaf: Uint8Array; evidence: Uint8Array }> => {
  const { audience = by, expiration = ucan.expiration, proofs = [], subject = by } = over
  const cause = await issueUcan(by, {
    audience: audience.did,
    capabilities: [{ can: 'ucan/revoke', with: subject.did, nb: { ucan: ucan.cid } }],
    expiration: NOW + 60,
    nonce: nonce(),
    proofs: proofs.map((proof) => proof.ucan.cid),
  })
  return {
    leaf: encodeEntry({ kind: 'revocation', ucan: ucan.cid, by: subject.did, expiration, cause: cause.cid }),
    evidence: encodeInvocations(
      [cause],
      proofs.flatMap((proof) => [proof.ucan, ...proof.proofs]),
    ),
  }
}

/** A host that has its keys and shows whatever log it likes, to whomever it likes. Where it doesn't lie, it answers as every host does. */
export class LyingHost {
  readonly signer = signerFromSeed(generateSeed())
  readonly logSigner = signerFromSeed(generateSeed())
  readonly lies: Answers = {}
  #entries: Entries = []
  #nodes = new Nodes(0)
  #shown = Promise.withResolvers<void>()
  readonly #memory = new UcanMemory()

  /** From now on, this is its log. */
  show(...entries: Entries): void {
    this.#entries = entries
    this.#nodes = new Nodes(0)
    for (const { leaf } of entries) this.#nodes.append(leaf)
    this.#shown.resolve()
    this.#shown = Promise.withResolvers()
  }

  async key(logSigner = this.logSigner): Promise<Uint8Array> {
    const capabilities = [{ can: LOG_SIGN, with: this.signer.did }]
    return archive(await delegate(this.signer, { audience: logSigner.did, capabilities, expiration: null }))
  }

  checkpoint(over: { size?: number; root?: Uint8Array; origin?: string; by?: LocalSigner } = {}): Promise<string> {
    const { size = this.#entries.length, root = this.#nodes.range.root(), origin = originOf(this.signer.did), by = this.logSigner } = over
    return signNote({ text: formatCheckpoint({ origin, size, root }) }, noteSigner(origin, by))
  }

  async frame(from: number, limit = 256): Promise<LogFrame> {
    if (from > this.#entries.length) throw new Failure('NotFound', 'There is no such entry.')
    return { from, entries: this.#entries.slice(from, from + limit), checkpoint: await this.checkpoint() }
  }

  readonly #honest: Answers = {
    'log/checkpoint': async () => ({ checkpoint: await this.checkpoint(), key: await this.key(), witnesses: [] }),
    'log/cosign': () => ({}),
    'log/entries': ({ from, limit }: { from: number; limit?: number }) => this.frame(from, limit),
    'log/inclusion': async ({ index, size = this.#entries.length }: { index: number; size?: number }) => ({
      size,
      proof: await inclusionProof(index, size, this.#nodes.hashAt),
    }),
    'log/consistency': async ({ from, size = this.#entries.length }: { from: number; size?: number }) => ({
      size,
      proof: await consistencyProof(from, size, this.#nodes.hashAt),
    }),
    'log/watch': async () => ({ checkpoint: await this.checkpoint(), key: await this.key() }),
  }

  /** Its frames, as it grows. */
  async *frames({ from }: { from: number }): AsyncGenerator<object> {
    for (let next = from; ; ) {
      const shown = this.#shown.promise
      if (next >= this.#entries.length) {
        await shown
        continue
      }
      const frame = await this.frame(next)
      next += frame.entries.length
      yield frame
    }
  }

  get reach(): Reach {
    const channel: Channel = {
      url: 'http://liar',
      request: async (message) => (await this.#answer(message)).message,
      open: (message) => this.#answer(message),
    }
    return { channel, about: async () => this.signer.did }
  }

  async #answer(message: Uint8Array): Promise<{ message: Uint8Array; body?: ReadableStream<Uint8Array> }> {
    const [invocation] = admit(message, BOUNDS, this.#memory).invocations
    const { can = '', nb } = invocation?.capabilities[0] ?? {}
    if (!invocation) throw new Failure('Malformed', 'Nothing is asked.')
    let out: Result<unknown, Refusal>
    try {
      out = { ok: await (this.lies[can] ?? this.#honest[can])?.((nb ?? {}) as never, this) }
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown
      out = { error: thrown.toRefusal() }
    }
    const answer = encodeReceipts([{ ran: invocation.cid, block: issueReceipt(this.signer, invocation.cid, out) }])
    return can === 'log/watch' ? { message: answer, body: streamFrom(this.#sections(nb as never)) } : { message: answer }
  }

  async *#sections(nb: { from: number }): AsyncGenerator<Uint8Array> {
    const frames = (this.lies.frames?.(nb as never, this) ?? this.frames(nb)) as AsyncIterable<object>
    for await (const frame of frames) {
      const bytes = frame instanceof Uint8Array ? frame : encode(frame)
      yield encodeVarint(bytes.length)
      yield bytes
    }
  }
}
