import { type Blocks, type DID, type Environment, Failure, toRefusal, type Workspace } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import { Slots } from '../slots.ts'
import { Fetching, HURRIED, type Outcome, QUEUED } from './fetching.ts'
import type { PinSettings } from './host.ts'
import { Meter, Room, raise } from './meter.ts'
import { eraseRecord, type PinRecord, readRecord, statusOf, UNFINISHED, writeRecord } from './record.ts'

/** What the caller can mend: told at once to a call that still waits, and nothing is kept. */
const CALLERS = new Set(['LimitExceeded', 'InvalidInput', 'Unsupported', 'Malformed', 'TooLarge'])
/** The longest that a timer of JavaScript runs. */
const MAX_TIMER = 2 ** 31 - 1

/**
 * The pins under way. Each has a first try in a quick place, for a short time, so that content that is here already never waits behind
 * content that nobody sends; then it takes its turn. What fails for want of peers is tried again until the deadline.
 */
export class Fetches {
  readonly #blocks: Pick<Blocks, 'fetch'>
  readonly #settings: PinSettings
  readonly #quick: Slots
  readonly #places: Slots
  readonly #room = new Room()
  readonly #running = new Map<string, Fetching>()
  #environment: Environment | undefined

  constructor(blocks: Pick<Blocks, 'fetch'>, settings: PinSettings) {
    this.#blocks = blocks
    this.#settings = settings
    this.#quick = new Slots(settings.fetches, settings.fetchesPerSpace)
    this.#places = new Slots(settings.fetches, settings.fetchesPerSpace)
  }

  /** Takes up what was left undone. */
  async open(environment: Environment): Promise<void> {
    this.#environment = environment
    for await (const { space, value } of environment.every(UNFINISHED)) {
      const record = await readRecord(environment.space(space), value as CID)
      if (record) this.#start(new Fetching(space, record, false), record, true)
    }
  }

  /** Resolves when all are at rest; the environment's signal stops them, and the next start takes them up. */
  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ ended }) => ended))
  }

  get now(): number {
    return this.#host.now()
  }

  find(space: DID, root: CID): Fetching | undefined {
    return this.#running.get(`${space} ${root}`)
  }

  /** Begins what the record says. There must be none under way for the same pin. */
  start(space: DID, record: PinRecord, fresh: boolean): Fetching {
    return this.#start(new Fetching(space, record, fresh), record, false)
  }

  async stop(space: DID, root: CID): Promise<void> {
    const fetching = this.find(space, root)
    fetching?.removal.abort()
    await fetching?.ended
  }

  get #host(): Environment {
    if (!this.#environment) throw new Error('The service was called before it was opened.')
    return this.#environment
  }

  #start(fetching: Fetching, record: PinRecord, queued: boolean): Fetching {
    const key = `${fetching.space} ${fetching.root}`
    this.#running.set(key, fetching)
    this.#run(fetching, record, queued)
      .catch((reason: unknown): Outcome => {
        const { removal, root, space } = fetching
        if (removal.signal.aborted)
          return { refusal: new Failure('Cancelled', 'The pin was removed while it was being added.', { link: String(root) }) }
        if (this.#host.signal.aborted)
          return { refusal: new Failure('Unavailable', 'The host is closing; the pin goes on when it is up again.') }
        this.#host.log('a pin stopped', { space, root: String(root), reason })
        return { refusal: reason }
      })
      .then((outcome) => {
        this.#running.delete(key)
        fetching.end(outcome)
      })
    return fetching
  }

  async #run(fetching: Fetching, record: PinRecord, queued: boolean): Promise<Outcome> {
    const workspace = this.#host.space(fetching.space, record.account)
    const meter = new Meter(record.charge, this.#room, (bytes) =>
      workspace.commit(async (tx) => {
        const now = await mustRead(tx, fetching.root)
        const charge = await raise(tx, now.charge, now.account, bytes)
        const { blocks, bytes: counted, status } = fetching.status
        await writeRecord(tx, { ...now, charge, blocks, bytes: counted, status })
        return charge
      }),
    )
    const stop = AbortSignal.any([fetching.removal.signal, this.#host.signal])
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), Math.min(MAX_TIMER, Math.max(0, (record.deadline ?? 0) - this.now) * 1000))
    this.#room.enter(meter)
    try {
      const failure = await this.#fetch(fetching, meter, stop, late.signal, queued)
      return await this.#settle(fetching, workspace, failure, stop)
    } finally {
      clearTimeout(timer)
      this.#room.leave(meter)
    }
  }

  /** Resolves when all is here, or to why it never will be. Rejects when stopped. */
  async #fetch(fetching: Fetching, meter: Meter, stop: AbortSignal, late: AbortSignal, queued: boolean): Promise<Failure | undefined> {
    const trouble: { last?: string } = {}
    try {
      return await this.#insist(fetching, meter, AbortSignal.any([stop, late]), queued, trouble)
    } catch (reason) {
      stop.throwIfAborted()
      if (!late.aborted) throw reason
      const hint = 'Name a peer that has the content as an origin, or push the content; then add the pin again.'
      return new Failure('Timeout', `The content did not come in time. ${trouble.last ?? 'It was still coming.'}`, { hint })
    }
  }

  async #insist(
    fetching: Fetching,
    meter: Meter,
    ending: AbortSignal,
    queued: boolean,
    trouble: { last?: string },
  ): Promise<Failure | undefined> {
    const { retryMs, maxRetryMs } = this.#settings
    let turn = queued
    for (let wait = retryMs; ; ) {
      try {
        if (turn) fetching.update({ status: 'queued' })
        await this.#attempt(fetching, meter, ending, await (turn ? this.#places : this.#quick).take(fetching.space, ending), turn)
        return undefined
      } catch (reason) {
        ending.throwIfAborted()
        turn = reason === QUEUED
        if (reason === QUEUED || reason === HURRIED) continue
        const refusal = toRefusal(reason)
        if (CALLERS.has(refusal.name)) return Failure.fromRefusal(refusal)
        if (refusal.name === 'Internal') this.#host.log('a fetch failed', { root: String(fetching.root), reason })
        trouble.last = refusal.message
        fetching.update({ status: 'queued', message: refusal.message })
        await fetching.pause(wait, ending)
        wait = Math.min(wait * 2, maxRetryMs)
      }
    }
  }

  /** One walk over the DAG. One that has had its time in a quick place goes on in an ordinary one, or queues for it. */
  async #attempt(fetching: Fetching, meter: Meter, ending: AbortSignal, leave: () => void, turn: boolean): Promise<void> {
    const { space, root, origins } = fetching
    const signal = AbortSignal.any([ending, fetching.attempt()])
    let place = leave
    const move = () => {
      const next = this.#places.tryTake(space)
      if (!next) return fetching.interrupt(QUEUED)
      place()
      place = next
    }
    const timer = turn ? undefined : setTimeout(move, this.#settings.answerWithinMs)
    let [bytes, blocks] = [0, 0]
    meter.restart()
    fetching.update({ status: 'fetching', message: undefined })
    try {
      for await (const { size, pending } of this.#blocks.fetch(root, {
        signal,
        origins: [...origins],
        admit: (size) => meter.admit(size),
      })) {
        bytes += size
        blocks++
        fetching.update({ bytes, blocks, pending })
      }
      signal.throwIfAborted()
      fetching.update({ bytes, blocks, pending: 0 })
    } catch (reason) {
      signal.throwIfAborted()
      throw reason
    } finally {
      clearTimeout(timer)
      place()
    }
  }

  /** Writes down how it ended. A full disk must not leave a pin that nobody works on, so this too is tried until it's done. */
  async #settle(fetching: Fetching, workspace: Workspace, failure: Failure | undefined, stop: AbortSignal): Promise<Outcome> {
    for (;;) {
      try {
        return await (failure ? fail(fetching, workspace, failure) : complete(fetching, workspace))
      } catch (reason) {
        stop.throwIfAborted()
        if (CALLERS.has((reason as Error).name)) failure ??= reason as Failure
        this.#host.log('how a pin ended could not be written', { root: String(fetching.root), reason })
        await fetching.pause(this.#settings.retryMs, stop)
      }
    }
  }
}

const complete = async (fetching: Fetching, workspace: Workspace): Promise<Outcome> => {
  const { bytes, blocks } = fetching.status
  const status = await workspace.commit(async (tx) => {
    const { pending: _pending, deadline: _deadline, message: _message, reason: _reason, ...record } = await mustRead(tx, fetching.root)
    const pinned: PinRecord = { ...record, charge: await raise(tx, record.charge, record.account, bytes), status: 'pinned', bytes, blocks }
    await writeRecord(tx, pinned)
    await tx.hold(fetching.root, { complete: true })
    return statusOf(pinned)
  })
  fetching.update({ ...status, pending: undefined, deadline: undefined })
  return {}
}

/** The record of a failure still counts as a pin, so that they are bounded; its bytes are given back, and its blocks are no longer held. */
const fail = async (fetching: Fetching, workspace: Workspace, failure: Failure): Promise<Outcome> => {
  const refused = fetching.waiting > 0 && CALLERS.has(failure.name)
  const { name: reason, message } = failure
  const end = { status: 'failed', bytes: 0, blocks: 0, reason, message } as const
  await workspace.commit(async (tx) => {
    const { pending: _pending, ...record } = await mustRead(tx, fetching.root)
    if (refused && fetching.fresh) return eraseRecord(tx, record)
    await writeRecord(tx, { ...record, ...end, charge: await tx.adjust(record.charge, { pins: 1, bytes: 0 }) })
    await tx.unhold(fetching.root)
  })
  fetching.update({ ...end, pending: undefined })
  return refused ? { refusal: failure } : {}
}

const mustRead = async (records: Parameters<typeof readRecord>[0], root: CID): Promise<PinRecord> => {
  const record = await readRecord(records, root)
  if (!record) throw new Error(`The record of a pin under way is gone: ${root}.`)
  return record
}
