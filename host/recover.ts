import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CLOCK_SKEW, type DID, Failure, sameBytes, toRefusal } from '@symbiosis/protocol'
import { encodeEntry, noteSigner, originOf } from '@symbiosis/protocol/revocation'
import { type Identity, openIdentity } from './identity.ts'
import { lockFolder } from './lock.ts'
import { writeFork } from './log/forks.ts'
import { MirrorSource } from './log/mirror-source.ts'
import { copyRecords, dropMirrors } from './log/other-records.ts'
import { type FollowAddress, parseFollow, type Reach, reach } from './log/reach.ts'
import { RebuiltLog } from './log/rebuilt-log.ts'
import { type OwnCheckpoint, Remains } from './log/remains.ts'
import { EVIDENCE, evidenceKey, RevocationLog } from './log/revocation-log.ts'
import { type Kept, writeSaid, writeTold } from './log/told.ts'
import type { Log } from './log.ts'
import { entryOf, Revocations } from './revocations.ts'
import { clearExchange, commitExchange, finishExchange, storePath } from './store/exchange.ts'
import { Salvage } from './store/salvage.ts'
import { sqliteStore } from './store/sqlite.ts'
import type { Store } from './store/store.ts'

/** Whose log is had back, and from whom. */
export interface RecoverOptions {
  /** The folder of the host, which must not be running. */
  dir: string
  /** Addresses of hosts that follow it. `#did:key:...` behind one demands that identity. */
  from: readonly string[]
  /** Goes on with what the followers have, though more was signed here, or may have been. */
  acceptLoss?: boolean
  /** Told how many entries are here, of how many. */
  progress?(entries: number, of: number): void
  signal?: AbortSignal
  log?: Log
  /** Seconds that an answer may take. */
  patience?: number
  /** How addresses are reached; HTTP and Unix sockets unless told. */
  reach?(url: string): Reach
  /** Unix seconds. */
  now?(): number
}

/** What was had back, and what was not. */
export interface Recovered {
  readonly host: DID
  /** Entries of its log. */
  readonly size: number
  /** Whose mirror they are from. */
  readonly from: string
  /** How many of them no follower had yet: they could still be read here, and belong to what this host has signed. */
  readonly own: number
  /** Entries that were signed here and are no more; null where that can't be known, since what was signed last can't be read. */
  readonly lost: number | null
  /** Revocations among these that could still be read: they were logged anew. */
  readonly again: number
  /** What became of all else that the store had: consents, leases, usage, pins, stored answers. */
  readonly rest: 'whole' | 'partial' | 'lost'
  /** Records of it. */
  readonly records: number
  /** Hosts whose mirrors were damaged here, and are followed anew; all that were followed, unless it is known that nothing is lost. */
  readonly refollowed: readonly string[]
  /** Where the damaged store lies now, if there was one. */
  readonly aside?: string
}

/**
 * Has a host's log back from those who follow it, and takes along what else its store has that can be read. The log has to be signed by the host's own key, to the last entry, and to begin with all
 * that can be seen to have been signed here: else the host would be a forger by its own proof. Nothing changes until all of it is on disk; a crash leaves the store
 * of before or the new one.
 * @throws Failure StaleLog, field `acceptLoss`, where entries would be lost; BadSignature where what the followers have isn't this log, field `fork` with a proof where two logs
 * were signed; NotFound where nobody follows this host, or there is none; Unavailable
 */
export const recoverHost = async (options: RecoverOptions): Promise<Recovered> => {
  const { dir } = options
  if (!existsSync(join(dir, 'host.key')))
    throw new Failure('NotFound', `There is no host in ${dir}.`, {
      hint: 'Name its folder with --dir. Without its key no host can be recovered.',
    })
  const unlock = lockFolder(dir)
  try {
    finishExchange(dir)
    const identity = openIdentity(dir)
    const signer = noteSigner(originOf(identity.signer.did), identity.logSigner)
    const salvage = new Salvage(storePath(dir))
    let done: Omit<Recovered, 'aside'>
    try {
      const remains = new Remains(identity.signer.did, signer.key, salvage)
      done = await new Recovery({ identity, signer, salvage, remains, signal: new AbortController().signal, ...options }).run()
    } catch (thrown) {
      clearExchange(dir)
      throw thrown
    } finally {
      salvage.close()
    }
    commitExchange(dir)
    const aside = finishExchange(dir)
    const recovered = { ...done, ...(aside !== undefined && { aside }) }
    const fields = { ...recovered, refollowed: [...done.refollowed] }
    if (done.lost === 0) options.log?.info(fields, 'the log was had back from a follower')
    else options.log?.warn(fields, 'the log was had back from a follower, and the loss of entries was accepted')
    return recovered
  } finally {
    unlock()
  }
}

interface Parts extends RecoverOptions {
  readonly identity: Identity
  readonly signer: ReturnType<typeof noteSigner>
  readonly salvage: Salvage
  readonly remains: Remains
  readonly signal: AbortSignal
}

class Recovery {
  readonly #parts: Parts
  readonly #host: DID
  /** Where what was told here stands in the log, and is the same there. */
  readonly #confirmed = new Set<number>()

  constructor(parts: Parts) {
    this.#parts = parts
    this.#host = parts.identity.signer.did
  }

  async run(): Promise<Omit<Recovered, 'aside'>> {
    const sources = await this.#ask()
    let problem: unknown
    for (const source of sources) {
      const store = sqliteStore(clearExchange(this.#parts.dir))
      try {
        return await this.#from(source, sources, store)
      } catch (thrown) {
        this.#parts.signal.throwIfAborted()
        // Another follower may have all of it, and in order; what this host itself has signed is no follower's fault.
        if (!(thrown instanceof Failure) || thrown.details.field === 'fork' || thrown.name === 'StaleLog') throw thrown
        problem ??= thrown
      } finally {
        await store.close()
      }
    }
    throw problem
  }

  /** Who has the longest log comes first. */
  async #ask(): Promise<MirrorSource[]> {
    const { from, identity, signer, signal, patience = 15, log, reach: reached = reach, now = unixTime } = this.#parts
    const parts = { signer: identity.signer, key: signer.key, patience, signal, now }
    const asked = await Promise.allSettled(
      from.map(parseFollow).map((address: FollowAddress) => MirrorSource.ask(address, reached(address.url), parts)),
    )
    signal.throwIfAborted()
    const failed = asked.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []))
    for (const each of failed)
      log?.warn({ refusal: toRefusal(each).name, reason: toRefusal(each).message }, 'a follower has no log to give')
    const sources = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    if (sources.length === 0) throw failed[0] ?? new Failure('InvalidInput', 'No follower is named.', { field: 'from' })
    return sources.sort((a, b) => b.checkpoint.size - a.checkpoint.size)
  }

  async #from(source: MirrorSource, sources: readonly MirrorSource[], store: Store): Promise<Omit<Recovered, 'aside'>> {
    const { remains, salvage, signer, identity, signal, now = unixTime } = this.#parts
    const log = new RebuiltLog(this.#host, store)
    this.#confirmed.clear()
    await this.#fetch(source, log)
    const logOfKey = await RevocationLog.open(identity, store)
    const signed = [...(remains.checkpoint ? [remains.checkpoint] : []), ...sources.map(({ checkpoint }) => checkpoint)]
    for (const each of signed) await this.#mustContinue(log, each, logOfKey.key)
    const own = await this.#append(log)
    const least = Math.max(remains.least, ...signed.map(({ size }) => size))
    const lost = remains.checkpoint ? Math.max(0, least - log.size) : null
    if (lost !== 0) this.#mustBeAccepted(log.size, least, lost, source)
    const { size } = log
    const isOf = ({ ucan, by, index }: Kept) => {
      const known = this.#confirmed.has(index) ? remains.revocations.get(index) : undefined
      return known?.ucan === ucan && known.by === by
    }
    const records = await copyRecords(salvage, store, { host: this.#host, size, isOf, signal })
    const again = await this.#logAgain(log, store)
    await log.sign(signer)
    const refollowed = await dropMirrors(store, this.#host, lost !== 0, signal)
    // As at the start: what wouldn't open must not take the place of what there is.
    await Revocations.open({ store, log: logOfKey, maxPerSpace: 0, now: now() })
    const rest = salvage.isWhole ? 'whole' : salvage.isOpen ? 'partial' : 'lost'
    return { host: this.#host, size: log.size, from: source.url, own, lost, again, rest, records, refollowed }
  }

  async #fetch(source: MirrorSource, log: RebuiltLog): Promise<void> {
    const { signal, progress } = this.#parts
    const { size, root } = source.checkpoint
    for await (const entries of source.frames()) {
      signal.throwIfAborted()
      this.#confirm(
        log.size,
        entries.map(({ leaf }) => leaf),
      )
      await log.append(entries)
      progress?.(log.size, size)
    }
    if (!sameBytes(log.root(), root)) {
      throw new Failure('BadSignature', `What ${source.url} gives is not what this host has signed.`, {
        field: 'root',
        hint: 'Have the log back from another host that follows this one.',
      })
    }
    log.is(source.checkpoint)
  }

  #confirm(first: number, leaves: readonly Uint8Array[]): void {
    for (const [at, leaf] of leaves.entries()) {
      const kept = this.#parts.remains.revocations.get(first + at)
      if (kept && sameBytes(encodeEntry(entryOf(kept)), leaf)) this.#confirmed.add(first + at)
    }
  }

  /** What was signed at a size that is here has to be what is here. */
  async #mustContinue(log: RebuiltLog, signed: OwnCheckpoint, key: Uint8Array): Promise<void> {
    if (signed.size > log.size || (await log.begins(signed))) return
    const fork = await log.fork(signed, key)
    throw new Failure('BadSignature', 'Two logs that contradict each other were signed with the key of this host.', {
      field: 'fork',
      ...(fork && { path: writeFork(this.#parts.dir, fork) }),
      hint: 'Whoever has both can prove it: this host needs another key, in another folder.',
    })
  }

  /** Entries that no follower has, from what is left here: where they lead to what was signed last, they are the true ones. */
  async #append(log: RebuiltLog): Promise<number> {
    const { remains, salvage } = this.#parts
    const { checkpoint } = remains
    if (!checkpoint || checkpoint.size <= log.size) return 0
    for (const records of [false, true]) {
      const leaves = remains.tail(log.size, records)
      if (log.size + leaves.length !== checkpoint.size || !sameBytes(log.rootWith(leaves), checkpoint.root)) continue
      this.#confirm(log.size, leaves)
      const first = log.size
      await log.append(
        leaves.map((leaf, at) => {
          const evidence = salvage.get(EVIDENCE, this.#host, evidenceKey(first + at))
          return { leaf, ...(evidence instanceof Uint8Array && { evidence }) }
        }),
      )
      log.is(checkpoint)
      return leaves.length
    }
    return 0
  }

  #mustBeAccepted(size: number, least: number, lost: number | null, { url }: MirrorSource): void {
    if (this.#parts.acceptLoss) return
    const more = least > size ? `there were ${least} at least` : 'nobody knows whether there were more'
    throw new Failure(
      'StaleLog',
      lost === null
        ? `${url} has ${size} entries, and what this host signed last can't be read: ${more}.`
        : `${url} has ${size} entries, and there were ${least} here: ${lost} would be lost.`,
      {
        field: 'acceptLoss',
        limit: size,
        asked: least,
        ...(lost !== null && { lost }),
        hint:
          'Name every host that follows this one: --from URL --from URL. To go on without the rest: --accept-loss. Whoever holds a longer log of this host will ' +
          'then refuse it, and can prove that it contradicted itself; what was revoked in the rest has to be revoked again.',
      },
    )
  }

  /** Where a loss was accepted, what can be read of it is still refused: the promise to who revoked counts more than where it stood. */
  async #logAgain(log: RebuiltLog, store: Store): Promise<number> {
    const { remains, salvage, now = unixTime } = this.#parts
    const isOver = ({ expiration }: Kept) => expiration !== null && expiration + CLOCK_SKEW < now()
    const missing = [...remains.revocations.values()].filter(({ index }) => !this.#confirmed.has(index) && index >= log.size)
    const open = missing.filter((each) => !isOver(each)).sort((a, b) => a.index - b.index)
    for (const kept of open) {
      const evidence = salvage.get(EVIDENCE, this.#host, evidenceKey(kept.index))
      const index = log.size
      await log.append([{ leaf: encodeEntry(entryOf(kept)), ...(evidence instanceof Uint8Array && { evidence }) }])
      await store.write(async (tx) => {
        await writeSaid(tx, { ...kept, index })
        await writeTold(tx, this.#host, [{ ...kept, index }])
      })
    }
    return open.length
  }
}

const unixTime = (): number => Math.floor(Date.now() / 1000)
