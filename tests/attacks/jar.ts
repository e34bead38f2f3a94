import {
  ability,
  type Charge,
  type Handlers,
  int,
  limit,
  link,
  list,
  optional,
  type Provided,
  provide,
  service,
  streamFrom,
  struct,
  text,
} from '@symbiosis/protocol'

/** A service with one ability for each thing that a kernel decides: things of some size in a jar. */
export const jar = service('jar', {
  rev: 1,
  about: 'Keeps things in a jar',
  limits: { bytes: limit.max('bytes kept', { unit: 'bytes', default: 1000 }), things: limit.max('things kept', { default: 10 }) },
  abilities: {
    look: ability({
      about: 'Looks',
      effect: 'read',
      nb: struct({ at: optional(link()), tag: optional(text()) }),
      ok: struct({ things: list(text()) }),
    }),
    put: ability({
      about: 'Puts a thing in',
      effect: 'idempotent',
      nb: struct({ thing: text({ minLength: 1 }), size: optional(int()) }),
      ok: struct({ size: int() }),
    }),
    drop: ability({ about: 'Takes a thing out', effect: 'idempotent', nb: struct({ thing: text() }), ok: struct({}) }),
    count: ability({ about: 'Counts its own calls', effect: 'once', nb: struct({ by: optional(int()) }), ok: struct({ count: int() }) }),
    fill: ability({
      about: 'Takes bytes',
      effect: 'idempotent',
      stream: 'in',
      nb: struct({ stopAt: optional(int()) }),
      ok: struct({ bytes: int() }),
      errors: { Full: struct({ bytes: int() }) },
    }),
    pour: ability({ about: 'Gives bytes', effect: 'read', stream: 'out', nb: struct({ bytes: int() }), ok: struct({ bytes: int() }) }),
    wait: ability({ about: 'Waits until it is told to stop', effect: 'read', nb: struct({}), ok: struct({}) }),
    work: ability({ about: 'Works for a while', effect: 'idempotent', nb: struct({ milliseconds: int() }), ok: struct({}) }),
    peek: ability({ about: 'Needs no lease', authority: 'open', effect: 'read', nb: struct({}), ok: struct({}) }),
    audit: ability({ about: 'For operators', authority: 'operator', effect: 'read', nb: struct({}), ok: struct({}) }),
    break: ability({ about: 'Throws', effect: 'read', nb: struct({}), ok: struct({}) }),
  },
})

/** Its name begins with the other's: what covers `jar/*` must not cover this one. */
const jarring = service('jarring', {
  rev: 1,
  about: 'Is no jar',
  abilities: { look: ability({ about: 'Looks', effect: 'read', nb: struct({}), ok: struct({}) }) },
})

/** What a test sees of the service from within. */
export interface Watch {
  /** Runs of the handlers, by name. */
  runs: { [ability: string]: number }
  /** Calls that saw their signal abort. */
  aborted: number
  /** Bytes that `pour` was asked for by its stream. */
  poured: number
  /** Streams of `pour` that were let go. */
  released: number
}

export const watch = (): Watch => ({ runs: {}, aborted: 0, poured: 0, released: 0 })

const POURED = 16 * 1024

export const jarService = (seen: Watch = watch()): Provided => {
  const ran = (name: string) => {
    seen.runs[name] = (seen.runs[name] ?? 0) + 1
  }
  const handlers: Handlers<typeof jar> = {
    look: async (_, { list: read }) => {
      ran('look')
      return { things: (await read({ prefix: 'thing/' })).map(({ key }) => key.slice('thing/'.length)) }
    },
    put: ({ thing, size = 1 }, { commit }) => {
      ran('put')
      return commit(async (tx) => {
        const amounts = { bytes: size, things: 1 }
        const before = (await tx.get(`thing/${thing}`)) as { charge: Charge } | undefined
        const charge = before ? await tx.adjust(before.charge, amounts) : await tx.reserve(amounts)
        await tx.put(`thing/${thing}`, { charge: charge as never })
        return { size }
      })
    },
    drop: ({ thing }, { commit }) => {
      ran('drop')
      return commit(async (tx) => {
        const before = (await tx.get(`thing/${thing}`)) as { charge: Charge } | undefined
        if (before) await tx.adjust(before.charge, {})
        await tx.delete(`thing/${thing}`)
        return {}
      })
    },
    count: ({ by = 1 }, { commit }) => {
      ran('count')
      return commit(async (tx) => {
        const count = (((await tx.get('count')) as number | undefined) ?? 0) + by
        await tx.put('count', count)
        return { count }
      })
    },
    fill: async ({ stopAt = Number.POSITIVE_INFINITY }, { body, fail }) => {
      ran('fill')
      let bytes = 0
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        bytes += chunk.length
        if (bytes >= stopAt) return fail('Full', { bytes })
      }
      return { bytes }
    },
    pour: ({ bytes }) => {
      async function* stream(): AsyncGenerator<Uint8Array> {
        // What nobody ever reads from has nothing to let go.
        ran('pour')
        try {
          for (let left = bytes; left > 0; left -= POURED) {
            seen.poured += Math.min(left, POURED)
            yield new Uint8Array(Math.min(left, POURED)).fill(left & 0xff)
          }
        } finally {
          seen.released++
        }
      }
      return { ok: { bytes }, body: streamFrom(stream()) }
    },
    wait: async (_, { signal }) => {
      ran('wait')
      await aborted(signal, seen)
      signal.throwIfAborted()
      return {}
    },
    work: async ({ milliseconds }, { commit }) => {
      ran('work')
      await new Promise((resolve) => setTimeout(resolve, milliseconds))
      return commit(async (tx) => {
        await tx.put('worked', true)
        return {}
      })
    },
    peek: () => ({}),
    audit: () => ({}),
    break: () => {
      throw new Error('/etc/passwd is not for callers')
    },
  }
  return provide(jar, handlers)
}

export const jarringService = (): Provided => provide(jarring, { look: () => ({}) })

const aborted = (signal: AbortSignal, seen: Watch): Promise<void> =>
  new Promise((resolve) => {
    const note = () => {
      seen.aborted++
      resolve()
    }
    if (signal.aborted) note()
    else signal.addEventListener('abort', note, { once: true })
  })
