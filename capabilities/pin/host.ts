import { type Account, type Blocks, brief, type Context, Failure, type OpenService, type Provided, provide } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import { Locks } from '../locks.ts'
import { Fetches } from './fetches.ts'
import { type Fetching, HURRIED } from './fetching.ts'
import { encodeStatus, isFinal, type PinStatus, pin } from './index.ts'
import { eraseRecord, PINS, type PinRecord, readRecord, statusOf, writeRecord } from './record.ts'

/** The limits of fetching. */
export interface PinSettings {
  /** How long `add` waits to answer with the outcome, ms. Default 2000. */
  answerWithinMs: number
  /** How long a pin is tried, in seconds, 24 days at most. Default 3600. */
  deadline: number
  /** Fetches at a time. Default 16, and as many quick ones beside them. */
  fetches: number
  /** The same of one space. Default 4. */
  fetchesPerSpace: number
  /** What fails for want of peers is tried again after so long, ms, and then after twice as long, up to `maxRetryMs`. Default 2000. */
  retryMs: number
  /** Default 60 000. */
  maxRetryMs: number
  /** Least time between two states in the stream of `watch`, ms. Default 200. */
  watchEveryMs: number
}

const DEFAULTS: PinSettings = {
  answerWithinMs: 2000,
  deadline: 3600,
  fetches: 16,
  fetchesPerSpace: 4,
  retryMs: 2000,
  maxRetryMs: 60_000,
  watchEveryMs: 200,
}

/** Keeps DAGs for spaces: a pin is a space and a root, and what one space removes another still has. */
export const pinService = (blocks: Pick<Blocks, 'fetch'>, options: Partial<PinSettings> = {}): Provided => {
  const settings = { ...DEFAULTS, ...options }
  const fetches = new Fetches(blocks, settings)
  /** `add` and `remove` of one pin go one after the other. */
  const locks = new Locks()
  const keyOf = (context: Context, root: CID) => `${context.space} ${root}`

  const current = async (context: Context, root: CID): Promise<PinStatus> => {
    const fetching = fetches.find(context.space, root)
    if (fetching) return fetching.status
    const record = await readRecord(context, root)
    if (!record) throw absent(root)
    return statusOf(record)
  }

  /** What `add` does under the lock: the status where it stands already, or what is under way. */
  const begin = async (
    context: Context,
    root: CID,
    name: string | undefined,
    origins: readonly string[],
  ): Promise<PinStatus | Fetching> => {
    const fetching = fetches.find(context.space, root)
    const fresh = { root, origins, created: fetches.now, deadline: fetches.now + settings.deadline, account: context.account }
    const { record, begins } = await context.commit(async (tx) => {
      const old = await readRecord(tx, root)
      // The one under way was just refused and erased; whoever asked for it hears so.
      if (!old && fetching) return {}
      if (old && old.status !== 'failed') {
        const more = [...new Set([...origins, ...old.origins])].slice(0, MAX_ORIGINS)
        const renamed = { ...old, ...(name !== undefined && { name }), origins: old.status === 'pinned' ? old.origins : more }
        await writeRecord(tx, renamed)
        return { record: renamed }
      }
      if (old) await tx.adjust(old.charge, { pins: 0, bytes: 0 })
      const begun = newRecord(fresh, name ?? old?.name, await tx.reserve({ pins: 1 }))
      await writeRecord(tx, begun)
      await tx.hold(root)
      return { record: begun, begins: old ? 'again' : 'new' }
    })
    if (!record) return fetching as Fetching
    if (record.status === 'pinned') return statusOf(record)
    if (begins || !fetching) {
      // One that has just failed may be on its last step.
      await fetching?.ended
      return fetches.start(context.space, record, begins === 'new')
    }
    fetching.update({ name: record.name })
    if (record.origins.length > fetching.origins.length) {
      fetching.origins = record.origins
      fetching.interrupt(HURRIED)
    }
    return fetching
  }

  return provide(
    pin,
    {
      async add({ root: asked, name, origins = [] }, context) {
        const root = asked.toV1()
        const begun = await locks.run(keyOf(context, root), () => begin(context, root, name, origins))
        return 'ended' in begun ? await outcome(begun, settings.answerWithinMs, context.signal) : begun
      },
      remove({ root: asked }, context) {
        const root = asked.toV1()
        return locks.run(keyOf(context, root), async () => {
          if (!(await readRecord(context, root))) throw absent(root)
          await fetches.stop(context.space, root)
          try {
            await context.commit(async (tx) => {
              const record = await readRecord(tx, root)
              if (record) await eraseRecord(tx, record)
            })
          } catch (reason) {
            const kept = await readRecord(context, root)
            if (kept && !isFinal(kept)) fetches.start(context.space, kept, false)
            throw reason
          }
          return {}
        })
      },
      async list({ after, limit = 100, status: wanted }, context) {
        const records = await context.list({ prefix: PINS, limit, ...(after !== undefined && { after: `${PINS}${after}` }) })
        const pins = records.map(({ value }) => {
          const record = value as unknown as PinRecord
          return fetches.find(context.space, record.root)?.status ?? statusOf(record)
        })
        const last = pins.at(-1)
        return {
          pins: pins.filter(({ status }) => !wanted || status === wanted),
          ...(pins.length === limit && last && { next: String(last.root) }),
        }
      },
      status: ({ root }, context) => current(context, root.toV1()),
      async watch({ root: asked }, context) {
        const root = asked.toV1()
        const ok = await current(context, root)
        return { ok, body: watchStream(fetches.find(context.space, root), ok, settings.watchEveryMs, context.signal) }
      },
    },
    { open: (environment) => fetches.open(environment), close: () => fetches.close() },
  )
}

/** By this a host opens it with its defaults. */
const open: OpenService = ({ blocks }) => pinService(blocks)

export default open

const MAX_ORIGINS = 16

const newRecord = (
  fields: Pick<PinRecord, 'root' | 'origins' | 'created' | 'deadline'> & { account: Account },
  name: string | undefined,
  charge: PinRecord['charge'],
): PinRecord => ({ ...fields, charge, status: 'queued', bytes: 0, blocks: 0, ...(name !== undefined && { name }) })

/** The final status where it comes in time, the one of the moment where not. */
const outcome = async (fetching: Fetching, ms: number, signal: AbortSignal): Promise<PinStatus> => {
  const { promise: enough, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(resolve, ms)
  const leave = () => resolve(undefined)
  signal.addEventListener('abort', leave, { once: true })
  fetching.waiting++
  try {
    const ended = await Promise.race([fetching.ended, enough])
    if (ended?.refusal) throw ended.refusal
    return fetching.status
  } finally {
    fetching.waiting--
    clearTimeout(timer)
    signal.removeEventListener('abort', leave)
  }
}

/** States as they change, at most one in so many ms; a slow reader gets the newest and not each. */
const watchStream = (
  fetching: Fetching | undefined,
  first: PinStatus,
  everyMs: number,
  signal: AbortSignal,
): ReadableStream<Uint8Array> => {
  const { promise: gone, resolve } = Promise.withResolvers<void>()
  let left = signal.aborted
  const leave = () => {
    left = true
    resolve()
  }
  signal.addEventListener('abort', leave, { once: true })
  let told: PinStatus | undefined
  const next = async (): Promise<PinStatus | undefined> => {
    if (!fetching) return told ? undefined : first
    if (told && isFinal(told)) return undefined
    if (told) await Promise.race([new Promise((resume) => setTimeout(resume, everyMs)), gone])
    for (let change = fetching.changed(); !left && !fetching.over && fetching.status === told; change = fetching.changed()) {
      await Promise.race([change, gone])
    }
    // One that was removed is over without a final state.
    return left || (fetching.over && !isFinal(fetching.status)) ? undefined : fetching.status
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        told = await next()
        if (told) controller.enqueue(encodeStatus(told))
        else controller.close()
      },
      cancel: leave,
    },
    { highWaterMark: 0 },
  )
}

/** The same for what is absent and for what another space has. */
const absent = (root: CID): Failure =>
  new Failure('NotFound', `There is no pin of ${brief(root)} in this space.`, {
    link: String(root),
    hint: 'List the pins to see which there are.',
  })
