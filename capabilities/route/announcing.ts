import { type DID, type Environment, type Routing, toRefusal } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import { Locks } from '../locks.ts'
import { Slots } from '../slots.ts'
import { inTime, lateAfter } from './queries.ts'
import { contentOf, eraseProvide, PROVIDES, type ProvideRecord, readProvide, writeProvide } from './record.ts'

export interface AnnounceSettings {
  /** The network is told again after so many seconds. Default 43 200: it forgets after two days, and peers come and go. */
  announceEvery: number
  /** Seconds that telling it may take. Default 60. */
  announceSeconds: number
  /** Announcements at a time. Default 8, and 2 of one space. */
  announcements: number
  announcementsPerSpace: number
}

/**
 * Tells the network what spaces provide, and tells it again until their time is over. Two spaces that provide the same are one to the network: it's
 * told once for both, and as long as one of them wants it.
 */
export class Announcer {
  readonly #routing: Routing
  readonly #settings: AnnounceSettings
  readonly #slots: Slots
  /** What concerns the same content goes one after the other. */
  readonly #locks = new Locks()
  readonly #running = new Map<string, { readonly stop: AbortController; readonly done: Promise<void> }>()

  constructor(routing: Routing, settings: AnnounceSettings) {
    this.#routing = routing
    this.#settings = settings
    this.#slots = new Slots(settings.announcements, settings.announcementsPerSpace)
  }

  /** Tells the network for all spaces that provide it. Resolves when it's done or has failed, which their records tell. */
  announce(environment: Environment, space: DID, cid: CID): Promise<void> {
    const content = contentOf(cid)
    const running = this.#running.get(content)
    // One that was taken back says nothing of who asks now.
    if (running) return running.stop.signal.aborted ? running.done.then(() => this.announce(environment, space, cid)) : running.done
    const stop = new AbortController()
    const done = this.#insist(environment, space, cid, AbortSignal.any([stop.signal, environment.signal]))
      .catch((reason: unknown) => {
        if (!stop.signal.aborted && !environment.signal.aborted) environment.log('content could not be announced', { cid: content, reason })
      })
      .finally(() => this.#running.delete(content))
    this.#running.set(content, { stop, done })
    return done
  }

  /** Ends what a space provides, if that is meant when its turn comes. Others that provide the same don't notice. */
  async withdraw(environment: Environment, space: DID, cid: CID, isMeant: (record: ProvideRecord) => unknown = () => true): Promise<void> {
    const content = contentOf(cid)
    // The only one need not wait for an announcement that it takes back.
    if (!(await isProvidedBeside(environment, space, content))) this.#running.get(content)?.stop.abort()
    await this.#locks.run(content, async () => {
      const found = await readProvide(environment.space(space), cid)
      if (!found || !(await isMeant(found))) return
      // First the network, since a record that outlives a crash is looked at again, and an announcement without a record is not.
      if (!(await isProvidedBeside(environment, space, content))) await this.#routing.withdraw(cid)
      await environment.space(space).commit(async (tx) => {
        const record = await readProvide(tx, cid)
        if (record) await eraseProvide(tx, record)
      })
    })
  }

  /** Begins to tell again what is due, and ends what has had its time, or isn't held any more by who provides it. */
  async sweep(environment: Environment): Promise<void> {
    for await (const { space, value } of environment.every(PROVIDES)) {
      if (environment.signal.aborted) break
      const record = value as unknown as ProvideRecord
      const isOver = async ({ until }: ProvideRecord) =>
        until <= environment.now() || !(await environment.space(space).holds(record.cid))?.complete
      // It may be asked for again meanwhile, so it's looked at twice.
      if (await isOver(record)) await this.#end(environment, space, record.cid, isOver)
      else if (this.#isDue(record, environment.now())) void this.announce(environment, space, record.cid)
    }
  }

  /** Resolves when all are at rest; the environment's signal stops them. */
  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ done }) => done))
  }

  /** What can't be ended now is tried again by the next sweep, and holds up nothing else. */
  async #end(environment: Environment, space: DID, cid: CID, isOver: (record: ProvideRecord) => Promise<boolean>): Promise<void> {
    try {
      await this.withdraw(environment, space, cid, isOver)
    } catch (reason) {
      environment.log('what is provided no more could not be withdrawn', { space, cid: String(cid), reason })
    }
  }

  async #insist(environment: Environment, space: DID, cid: CID, signal: AbortSignal): Promise<void> {
    const leave = await this.#slots.take(space, signal)
    try {
      await this.#locks.run(contentOf(cid), () => this.#tell(environment, cid, signal))
    } finally {
      leave()
    }
  }

  async #tell(environment: Environment, cid: CID, signal: AbortSignal): Promise<void> {
    const content = contentOf(cid)
    const before = await providersOf(environment, content)
    if (!before.some(({ record }) => this.#isDue(record, environment.now()))) return
    const outcome = await this.#try(environment, cid, signal)
    for (const { space } of await providersOf(environment, content)) {
      await environment.space(space).commit(async (tx) => {
        const record = await readProvide(tx, cid)
        if (!record) return
        const { message: _message, ...rest } = record
        await writeProvide(tx, { ...rest, ...outcome })
      })
    }
  }

  async #try(environment: Environment, cid: CID, signal: AbortSignal): Promise<Partial<ProvideRecord>> {
    const late = lateAfter(this.#settings.announceSeconds)
    const either = AbortSignal.any([signal, late.signal])
    try {
      const told = await inTime(either, () => this.#routing.provide(cid, { signal: either }))
      return told > 0 ? { announced: environment.now(), told } : { message: 'No peer of the network took it.' }
    } catch (reason) {
      signal.throwIfAborted()
      return { message: toRefusal(reason).message }
    } finally {
      late.end()
    }
  }

  #isDue({ announced }: ProvideRecord, now: number): boolean {
    return announced === undefined || announced + this.#settings.announceEvery <= now
  }
}

const providersOf = async (environment: Environment, content: string): Promise<{ space: DID; record: ProvideRecord }[]> => {
  const found: { space: DID; record: ProvideRecord }[] = []
  for await (const { space, key, value } of environment.every(`${PROVIDES}${content}`)) {
    if (key === `${PROVIDES}${content}`) found.push({ space, record: value as unknown as ProvideRecord })
  }
  return found
}

const isProvidedBeside = async (environment: Environment, space: DID, content: string): Promise<boolean> =>
  (await providersOf(environment, content)).some((other) => other.space !== space)
