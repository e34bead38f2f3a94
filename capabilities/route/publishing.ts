import { type Context, type Environment, type Failed, Failure, type Routing } from '@symbiosis/protocol'
import { Locks } from '../locks.ts'
import type { route } from './index.ts'
import { isValid, newest, parseKey, type RecordKey } from './keys.ts'
import { inTime, lateAfter, type Query, within } from './queries.ts'
import { erasePut, PUTS, type PutRecord, readPut, writePut } from './record.ts'

export interface PublishSettings {
  /** For how long a published record counts, and stays with the host, in seconds. Default 172 800: as long as the network keeps it. */
  keepRecordsFor: number
  /** Values that are looked at to answer with the newest. Default 64. */
  recordsRead: number
}

type Putting = Context<(typeof route)['abilities']['putRecord']>

/** Reads and writes records of the network. What counts is the signature in each: neither the network nor this host is believed. */
export class Publisher {
  readonly #routing: Routing
  readonly #settings: PublishSettings
  readonly #locks = new Locks()

  constructor(routing: Routing, settings: PublishSettings) {
    this.#routing = routing
    this.#settings = settings
  }

  async get(key: RecordKey, query: Query): Promise<{ key: string; value: Uint8Array }> {
    const value = await this.#newest(key, query.signal)
    if (value) return { key: key.text, value }
    throw new Failure('NotFound', 'Nobody who was asked has a valid record under this key.', {
      hint: 'It may have ended, or never been published: ask who signs it.',
    })
  }

  async put(
    environment: Environment,
    context: Putting,
    key: RecordKey,
    value: Uint8Array,
    query: Query,
  ): Promise<{ key: string; told: number } | Failed<'InvalidRecord' | 'Outdated'>> {
    if (!(await isValid(key, value)))
      return context.fail('InvalidRecord', { key: key.text }, 'It is not signed by whom the key names, or has ended.')
    return this.#locks.run(key.text, async () => {
      // Peers that don't compare themselves would take an old record back, by which anybody could undo what its signer did since.
      const known = await this.#known(key, query)
      if (known && newest(key, [value, known]) !== value)
        return context.fail('Outdated', { key: key.text, value: known }, 'The network has a later record under this key.')
      query.signal.throwIfAborted()
      await context.commit(async (tx) => {
        const old = await readPut(tx, key.text)
        const until = environment.now() + this.#settings.keepRecordsFor
        await writePut(tx, { key: key.text, until, charge: old?.charge ?? (await tx.reserve({ records: 1 })) })
      })
      const told = await inTime(query.signal, () => this.#routing.putRecord(key.bytes, value, query))
      if (told > 0) return { key: key.text, told }
      throw new Failure('Unavailable', 'No peer of the network took the record.', { hint: 'Try again later.' })
    })
  }

  /** Gives back what counted for long enough, and has the host keep it no longer. */
  async sweep(environment: Environment): Promise<void> {
    for await (const { space, value } of environment.every(PUTS)) {
      if (environment.signal.aborted) return
      const { key, until } = value as unknown as PutRecord
      if (until > environment.now()) continue
      await this.#locks.run(key, async () => {
        let others = false
        for await (const other of environment.every(`${PUTS}${key}`)) others ||= other.space !== space
        if (!others) await this.#routing.dropRecord(parseKey(key).bytes)
        await environment.space(space).commit(async (tx) => {
          const record = await readPut(tx, key)
          if (record && record.until <= environment.now()) await erasePut(tx, record)
        })
      })
    }
  }

  /** The newest one of the network, looked for in half of the time: the other half is for giving it ours. */
  async #known(key: RecordKey, { signal, seconds }: Query): Promise<Uint8Array | undefined> {
    const half = lateAfter(seconds / 2)
    try {
      return await this.#newest(key, AbortSignal.any([signal, half.signal]))
    } finally {
      half.end()
    }
  }

  async #newest(key: RecordKey, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const valid: Uint8Array[] = []
    let read = 0
    for await (const value of within(signal, this.#routing.getRecords(key.bytes, { signal }))) {
      if (await isValid(key, value)) valid.push(value)
      if (++read === this.#settings.recordsRead) break
    }
    return newest(key, valid)
  }
}
