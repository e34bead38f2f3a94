import {
  brief,
  type Context,
  type Environment,
  Failure,
  type OpenService,
  type Provided,
  provide,
  type Routing,
  streamFrom,
} from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import { Announcer, type AnnounceSettings } from './announcing.ts'
import { encodePeer, type FoundPeer, route } from './index.ts'
import { parseKey, parsePeer } from './keys.ts'
import { Publisher, type PublishSettings } from './publishing.ts'
import { inTime, Queries, type Query, type QuerySettings, within } from './queries.ts'
import { PROVIDES, type ProvideRecord, providedOf, readProvide, writeProvide } from './record.ts'

/** Every one of them has a default, and may be left out. */
export interface RouteSettings extends QuerySettings, AnnounceSettings, PublishSettings {
  /** Peers that `findProviders` tells unless the call says how many. Default 20. */
  providers: number
  /** How long `provide` waits to answer with what the network said, ms. Default 2000. */
  answerWithinMs: number
  /** How often it's looked at what is due or over, ms. Default 60 000. */
  sweepEveryMs: number
}

const DEFAULTS: RouteSettings = {
  providers: 20,
  queries: 64,
  queriesPerSpace: 8,
  querySeconds: 30,
  answerWithinMs: 2000,
  announceEvery: 43_200,
  announceSeconds: 60,
  announcements: 8,
  announcementsPerSpace: 2,
  keepRecordsFor: 172_800,
  recordsRead: 64,
  sweepEveryMs: 60_000,
}

/** Lets spaces find their way on the network of the host, and be found by what they keep here. */
export const routeService = (routing: Routing, options: Partial<RouteSettings> = {}): Provided => {
  const settings = { ...DEFAULTS, ...options }
  const queries = new Queries(settings)
  const announcer = new Announcer(routing, settings)
  const publisher = new Publisher(routing, settings)
  let opened: Environment | undefined
  let timer: ReturnType<typeof setInterval> | undefined
  let sweeping: Promise<unknown> | undefined
  const environment = (): Environment => {
    if (!opened) throw new Error('The service was called before it was opened.')
    return opened
  }

  /** Runs a search for a call; its place is free when this is over. */
  const searching = async <T>(context: Context, seconds: number | undefined, work: (query: Query) => Promise<T>): Promise<T> => {
    const query = queries.begin(context, seconds)
    try {
      return await work(query)
    } finally {
      query.end()
    }
  }

  return provide(
    route,
    {
      findProviders({ cid, limit = settings.providers, seconds }, context) {
        const query = queries.begin(context, seconds)
        try {
          const found = within(query.signal, routing.findProviders(cid, query))
          return { ok: { cid }, body: endingStream(query, encoded(query, distinct(found, limit))) }
        } catch (reason) {
          query.end()
          throw reason
        }
      },
      async provide({ cid: asked, seconds }, context) {
        const cid = asked.toV1()
        if (!(await context.holds(cid))?.complete) return context.fail('NotHeld', { cid }, `This space holds no whole DAG ${brief(cid)}.`)
        const now = environment().now()
        const until = Math.min(context.lapses ?? now, now + (seconds ?? Number.MAX_SAFE_INTEGER - now))
        await context.commit(async (tx) => {
          const old = await readProvide(tx, cid)
          await writeProvide(tx, { told: 0, ...old, cid, until, charge: old?.charge ?? (await tx.reserve({ provides: 1 })) })
        })
        await atMost(settings.answerWithinMs, announcer.announce(environment(), context.space, cid))
        const record = await readProvide(context, cid)
        if (!record) throw new Failure('Cancelled', 'It was withdrawn while it was being announced.', { link: String(cid) })
        return providedOf(record)
      },
      async withdraw({ cid }, context) {
        if (!(await readProvide(context, cid))) throw absent(cid)
        await announcer.withdraw(environment(), context.space, cid)
        return {}
      },
      async list({ after, limit = 100 }, context) {
        const records = await context.list({ prefix: PROVIDES, limit, ...(after !== undefined && { after: `${PROVIDES}${after}` }) })
        const last = records.at(-1)
        return {
          provided: records.map(({ value }) => providedOf(value as unknown as ProvideRecord)),
          ...(records.length === limit && last && { next: last.key.slice(PROVIDES.length) }),
        }
      },
      findPeer({ peer, seconds }, context) {
        const id = parsePeer(peer)
        if (!id) throw new Failure('InvalidInput', 'It is no peer id.', { field: 'peer', hint: 'Write it as 12D3Koo... or k51...' })
        return searching(context, seconds, async (query) => {
          const found = await inTime(query.signal, () => routing.findPeer(String(id), query))
          if (found) return bounded(found)
          throw new Failure('NotFound', 'Nobody who was asked knows where the peer is.', {
            hint: 'It may be away, or not known yet: try again.',
          })
        })
      },
      getRecord: ({ key, seconds }, context) => searching(context, seconds, (query) => publisher.get(parseKey(key), query)),
      putRecord: ({ key, value }, context) =>
        searching(context, undefined, (query) => publisher.put(environment(), context, parseKey(key), value, query)),
    },
    {
      open(given) {
        opened = given
        const run = () => {
          // One that takes long isn't overtaken by the next.
          sweeping ??= Promise.all([announcer.sweep(given), publisher.sweep(given)])
            .catch((reason: unknown) => given.log('announcements could not be looked at', { reason }))
            .finally(() => {
              sweeping = undefined
            })
        }
        run()
        timer = setInterval(run, settings.sweepEveryMs)
        ;(timer as { unref?(): void }).unref?.()
      },
      async close() {
        clearInterval(timer)
        await sweeping
        await announcer.close()
      },
    },
  )
}

/** By this a host that takes part in a network opens it with its defaults. */
const open: OpenService = ({ routing }) => {
  if (routing) return routeService(routing)
  throw new Failure('Unavailable', 'The host takes part in no network in which content is looked for.', {
    hint: 'Name a peer to join one by: symbiosis host --bootstrap MULTIADDR',
  })
}

export default open

const MAX_ADDRESSES = 32
const MAX_ADDRESS_LENGTH = 512

/** Peers say of themselves what they like. */
const bounded = ({ peer, addresses }: FoundPeer): FoundPeer => ({
  peer,
  addresses: addresses.filter(({ length }) => length <= MAX_ADDRESS_LENGTH).slice(0, MAX_ADDRESSES),
})

async function* distinct(peers: AsyncIterable<FoundPeer>, most: number): AsyncGenerator<FoundPeer> {
  const seen = new Set<string>()
  for await (const each of peers) {
    if (seen.has(each.peer)) continue
    seen.add(each.peer)
    yield bounded(each)
    if (seen.size === most) return
  }
}

async function* encoded(query: Query, peers: AsyncIterable<FoundPeer>): AsyncGenerator<Uint8Array, void> {
  try {
    for await (const each of peers) yield encodePeer(each)
  } finally {
    query.end()
  }
}

/** A stream whose reader's leaving ends the query at once, not only with the next peer that is found. */
const endingStream = (query: Query, source: AsyncGenerator<Uint8Array, void>): ReadableStream<Uint8Array> =>
  streamFrom({
    [Symbol.asyncIterator]: () => ({
      next: () => source.next(),
      return() {
        query.end()
        return source.return()
      },
    }),
  })

/** Waits no longer than so many ms. */
const atMost = async (ms: number, work: Promise<void>): Promise<void> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, enough])
  clearTimeout(timer)
}

/** The same for what is absent and for what another space provides. */
const absent = (cid: CID): Failure =>
  new Failure('NotFound', `This space does not provide ${brief(cid)}.`, { link: String(cid), hint: 'List what it provides.' })
