import {
  type Caller,
  check,
  type DID,
  decode,
  Failure,
  type Input,
  invoke,
  type LocalSigner,
  type Output,
  StreamReader,
  streamUntil,
  unwrap,
} from '@symbiosis/protocol'
import { type Fork, frame as frameShape, type LogFrame, log as logService } from '@symbiosis/protocol/revocation'
import type { Told } from '../revocations.ts'
import type { Store } from '../store/store.ts'
import type { Contacts } from './contacts.ts'
import { forkAhead, forkBehind } from './forks.ts'
import type { Importing } from './importing.ts'
import { Mirror, pin, pinned, type Signed } from './mirror.ts'
import type { FollowAddress, Reach } from './reach.ts'
import type { Witness } from './witness.ts'

/** What bounds the following of one host. */
export interface FollowBounds {
  /** Seconds that an answer may take. */
  readonly patience: number
  /** Seconds after which a log that is watched is pulled all the same: a connection may be dead without telling. */
  readonly pullEvery: number
  /** Entries that are held in memory and written at once. */
  readonly batchEntries: number
  /** Bytes of entries and what comes with them, beyond which a batch is written; and that one frame may have. */
  readonly batchBytes: number
  readonly frameBytes: number
  readonly leafBytes: number
  /** Bytes of what comes with an entry, beyond which it isn't kept for others: it may still be taken over here. */
  readonly evidenceBytes: number
  /** Entries that the log of a followed host may have. */
  readonly maxEntriesPerFollowed: number
}

export interface FollowerParts {
  readonly signer: LocalSigner
  readonly store: Store
  readonly importing: Pick<Importing, 'proved' | 'write'>
  readonly contacts: Contacts
  readonly bounds: FollowBounds
  now(): number
  /** Keeps a proof; resolves with where. */
  convict(fork: Fork): string
  readonly witness: Witness
}

/** Seconds after which a host that wanted no cosignature is asked again. */
const UNWANTED_FOR = 60

/** Entries, and what of them is proved. */
interface Fetched {
  readonly entries: LogFrame['entries']
  readonly told: Told[]
}

type LogAbility = keyof (typeof logService)['abilities'] & string

/** Follows the log of one host: pulls what is new, holds it against what the host signed, and takes over what is proved. */
export class Follower {
  readonly address: FollowAddress
  readonly #parts: FollowerParts
  readonly #reach: Reach
  #mirror: Mirror | undefined
  /** The last checkpoint of which all is here, entries of the last one that was cosigned, and when the host may want cosignatures again. */
  #whole: Signed | undefined
  #cosigned = 0
  #unwantedUntil = 0
  #vouching: Promise<void> | undefined
  #hurry = new AbortController()

  constructor(address: FollowAddress, reach: Reach, parts: FollowerParts) {
    this.address = address
    this.#reach = reach
    this.#parts = parts
  }

  get mirror(): Mirror | undefined {
    return this.#mirror
  }

  /** When the host was last asked for its log, and gave all of it in order, Unix seconds. */
  get contact(): number | undefined {
    return this.#mirror && this.#parts.contacts.of(this.#mirror.did)
  }

  /** Has a log pulled that is waited for or watched. */
  hurry(): void {
    this.#hurry.abort()
    this.#hurry = new AbortController()
  }

  get hurried(): AbortSignal {
    return this.#hurry.signal
  }

  /**
   * Whose log it is: who was demanded, or who answered here first.
   * @throws Failure WrongAudience where that is another one now, InvalidInput where it is this host itself
   */
  async identify(signal: AbortSignal): Promise<Mirror> {
    if (this.#mirror) return this.#mirror
    const { url, did: demanded } = this.address
    const { store, signer, bounds } = this.#parts
    const known = this.address.named ? undefined : await pinned(store, url)
    if (known && demanded && known !== demanded)
      throw new Failure('WrongAudience', `${known} was followed at ${url}, and ${demanded} is demanded.`, { field: 'follow' })
    const did = known ?? demanded ?? (await this.#reach.about(AbortSignal.any([signal, AbortSignal.timeout(bounds.patience * 1000)])))
    // Its mirror would be written over the log itself.
    if (did === signer.did) throw new Failure('InvalidInput', 'A host can not follow itself.', { field: 'follow' })
    this.#mirror = await Mirror.open(did, store)
    return this.#mirror
  }

  /**
   * Takes up all that the log has now.
   * @throws Failure BadSignature where what the host shows is not what it signs; what it refuses with; Unavailable
   */
  async pull(signal: AbortSignal): Promise<void> {
    const mirror = await this.identify(signal)
    const began = this.#parts.contacts.begin()
    const { checkpoint, key } = await this.call('checkpoint', {}, signal)
    const newest = mirror.verify(checkpoint, key)
    await this.#confirm(mirror)
    await this.#judge(mirror, newest)
    for (;;) {
      const known = mirror.checkpoint
      // What was begun comes to its end first: so each checkpoint is held against the one before.
      const target = known && mirror.size < known.size ? known : newest
      if (mirror.size === target.size && known) break
      await this.#pullTo(mirror, target, newest, signal)
    }
    await this.#parts.contacts.seen(mirror.did, began)
    this.#inOrder(newest, signal)
  }

  /** Takes up what comes as it comes. Returns where it has to be pulled: there is more than a frame holds, or it is time to see whether the host is there. */
  async watch(signal: AbortSignal): Promise<void> {
    const mirror = await this.identify(signal)
    const { bounds } = this.#parts
    const time = AbortSignal.any([AbortSignal.timeout(bounds.pullEvery * 1000), this.#hurry.signal])
    const until = AbortSignal.any([signal, time])
    try {
      const { result, body } = await invoke(this.#caller(mirror.did), logService, 'watch', { from: mirror.size }, { signal: until })
      const { checkpoint, key } = unwrap(result)
      await this.#judge(mirror, mirror.verify(checkpoint, key))
      if (!body) throw new Failure('Unsupported', 'The host streams no log.')
      const reader = new StreamReader(streamUntil(body, until))
      for (;;) {
        const bytes = await reader.section(bounds.frameBytes, 'frame')
        if (!bytes) throw new Failure('Unavailable', 'The host ended its stream.', { retryAfter: 1 })
        if (!(await this.#takeFrame(mirror, frameOf(bytes), key, signal))) return
      }
    } catch (thrown) {
      if (time.aborted && !signal.aborted) return
      throw thrown
    }
  }

  /** Whether it was all that the host had. */
  async #takeFrame(mirror: Mirror, frame: LogFrame, key: Uint8Array, signal: AbortSignal): Promise<boolean> {
    const newest = mirror.verify(frame.checkpoint, key)
    mustFollow(frame, mirror.size, newest, this.#parts.bounds)
    await this.#judge(mirror, newest)
    if (frame.from + frame.entries.length < newest.size) return false
    await this.#take(mirror, frame.entries, await this.#parts.importing.proved(frame.entries, signal), newest, signal)
    this.#inOrder(newest, signal)
    return true
  }

  async #pullTo(mirror: Mirror, target: Signed, newest: Signed, signal: AbortSignal): Promise<void> {
    const { maxEntriesPerFollowed } = this.#parts.bounds
    if (target.size > maxEntriesPerFollowed)
      throw new Failure('TooLarge', `The log of ${mirror.did} has ${target.size} entries.`, {
        field: 'maxEntriesPerFollowed',
        limit: maxEntriesPerFollowed,
        asked: target.size,
      })
    const { importing } = this.#parts
    const fetched = async (from: number): Promise<Fetched> => {
      const entries = await this.#batch(from, target, signal)
      return { entries, told: await importing.proved(entries, signal) }
    }
    let coming: ReturnType<typeof fetched> | undefined = fetched(mirror.size)
    while (coming) {
      const { entries, told }: Fetched = await coming
      const next: number = mirror.size + entries.length
      // The next ones come and are verified while these are written.
      coming = next < target.size ? fetched(next) : undefined
      coming?.catch(() => {})
      await this.#take(mirror, entries, told, target, signal, newest)
    }
  }

  async #batch(begin: number, target: Signed, signal: AbortSignal): Promise<LogFrame['entries']> {
    const { batchEntries, batchBytes } = this.#parts.bounds
    const entries: LogFrame['entries'] = []
    for (let bytes = 0; entries.length < batchEntries && bytes < batchBytes; ) {
      const from = begin + entries.length
      const left = Math.min(batchEntries - entries.length, target.size - from)
      if (left === 0) break
      const frame = await this.call('entries', { from, limit: Math.min(left, 1000) }, signal)
      mustFollow(frame, from, target, this.#parts.bounds)
      if (frame.entries.length === 0) throw new Failure('BadSignature', `${target.size} entries are signed, and ${from} are given.`)
      entries.push(...frame.entries)
      for (const { leaf, evidence } of frame.entries) bytes += leaf.length + (evidence?.length ?? 0)
    }
    return entries
  }

  async #take(
    mirror: Mirror,
    entries: LogFrame['entries'],
    told: readonly Told[],
    target: Signed,
    signal: AbortSignal,
    newest = target,
  ): Promise<void> {
    const prove = async (size: number) => (await this.call('consistency', { from: size, size: target.size }, signal)).proof
    const { importing, bounds } = this.#parts
    const kept = entries.map(({ leaf, evidence }) => ({ leaf, ...(evidence && evidence.length <= bounds.evidenceBytes && { evidence }) }))
    try {
      await importing.write(mirror, told, await mirror.hold(kept, target, prove))
    } catch (thrown) {
      if (thrown instanceof Failure && thrown.details.field === 'mirror') this.#mirror = await Mirror.open(mirror.did, this.#parts.store)
      if (thrown instanceof Failure && thrown.details.field === 'root') await this.#convict(mirror, newest, signal)
      throw thrown
    }
  }

  /**
   * Holds a checkpoint against the one that is known, as far as that can be done by what is here.
   * @throws Failure BadSignature where it isn't of the same log, and of a smaller size
   */
  async #judge(mirror: Mirror, newest: Signed): Promise<void> {
    const known = mirror.checkpoint
    if (!known || newest.size > known.size) return
    const fork = await forkBehind(mirror, known, newest)
    if (fork) throw this.#forked(fork)
    if (newest.size < known.size) {
      throw new Failure('BadSignature', `The log of ${mirror.did} had ${known.size} entries, and shows ${newest.size} now.`, {
        field: 'size',
        limit: known.size,
        asked: newest.size,
      })
    }
  }

  /** What the host shows of itself decides whether the mismatch can be proved to others. */
  async #convict(mirror: Mirror, newest: Signed, signal: AbortSignal): Promise<void> {
    const known = mirror.checkpoint
    if (!known) return
    const fork = await forkAhead(mirror.did, known, newest, {
      entry: async (index) => (await this.call('entries', { from: index, limit: 1 }, signal)).entries[0]?.leaf ?? new Uint8Array(),
      inclusion: async (index, size) => (await this.call('inclusion', { index, size }, signal)).proof,
      consistency: async (from, size) => (await this.call('consistency', { from, size }, signal)).proof,
    })
    if (fork) throw this.#forked(fork)
  }

  #forked(fork: Fork): Failure {
    const path = this.#parts.convict(fork)
    return new Failure('BadSignature', `${fork.host} has signed two logs that contradict each other.`, {
      field: 'fork',
      path,
      hint: `The proof is kept, and can be shown to anybody: symbiosis log verify-fraud ${path}`,
    })
  }

  /** A receipt has confirmed who answers here: from now on nobody else may. */
  async #confirm(mirror: Mirror): Promise<void> {
    const { store } = this.#parts
    const { url, named } = this.address
    if (named) return
    if ((await pinned(store, url)) === undefined) await pin(store, url, mirror.did)
  }

  /** All that the checkpoint is over is here, and so this host can vouch for it. */
  #inOrder(checkpoint: Signed, signal: AbortSignal): void {
    // Of a log that is let go again, nobody could say later that it continues what was cosigned.
    if (this.address.named) return
    this.#whole = checkpoint
    this.#vouching ??= this.#vouch(signal).finally(() => {
      this.#vouching = undefined
    })
  }

  /** Cosigns the last checkpoint, and the one that came meanwhile. Never throws: nothing is followed any later for it. */
  async #vouch(signal: AbortSignal): Promise<void> {
    const { witness, now } = this.#parts
    while (this.#whole && this.#whole.size > this.#cosigned && now() >= this.#unwantedUntil) {
      const { size, note } = this.#whole
      try {
        await this.call('cosign', { checkpoint: await witness.cosign(note), key: witness.key }, signal)
        this.#cosigned = size
      } catch (thrown) {
        // Who wants no witness now may want one when its operator has named it.
        if (thrown instanceof Failure && ['Denied', 'UnknownAbility'].includes(thrown.name)) this.#unwantedUntil = now() + UNWANTED_FOR
        return
      }
    }
  }

  /** Calls an ability of the followed host's log. */
  async call<N extends LogAbility>(
    name: N,
    input: Input<(typeof logService)['abilities'][N]>,
    signal: AbortSignal,
  ): Promise<Output<(typeof logService)['abilities'][N]>> {
    const { did } = await this.identify(signal)
    const patient = AbortSignal.any([signal, AbortSignal.timeout(this.#parts.bounds.patience * 1000)])
    const { result } = await invoke(this.#caller(did), logService, name, input, { signal: patient })
    return unwrap(result) as Output<(typeof logService)['abilities'][N]>
  }

  #caller(host: DID): Caller {
    const { signer, now } = this.#parts
    return { signer, host, subject: signer.did, proofs: [], channel: this.#reach.channel, now }
  }
}

const mustBe = (shape: Parameters<typeof check>[0], value: unknown): void => {
  const mismatch = check(shape, value)
  if (mismatch) throw new Failure('Malformed', `The host answered against its contract: ${mismatch.path} ${mismatch.message}.`)
}

const frameOf = (bytes: Uint8Array): LogFrame => {
  const value = decode(bytes)
  mustBe(frameShape, value)
  return value as unknown as LogFrame
}

/** @throws Failure Malformed where a frame doesn't begin where the last one ended, BadSignature where its checkpoint hasn't all of it, TooLarge */
const mustFollow = ({ from, entries }: LogFrame, size: number, { size: signed }: Signed, { leafBytes }: FollowBounds): void => {
  if (from !== size) throw new Failure('Malformed', `A frame begins at ${from}, and ${size} is next.`, { field: 'from' })
  if (from + entries.length > signed)
    throw new Failure('BadSignature', 'A frame has more entries than its checkpoint.', { field: 'entries' })
  if (entries.some(({ leaf }) => leaf.length > leafBytes)) {
    throw new Failure('TooLarge', 'An entry is too long to be followed.', { field: 'leafBytes', limit: leafBytes })
  }
}
