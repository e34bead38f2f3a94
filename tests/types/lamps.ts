import { ability, choice, int, limit, list, optional, provide, service, struct, text } from '@symbiosis/protocol'

/** A service as anybody would write one. It is compiled and never run: `mistakes.test.ts` breaks it, one place at a time. */
export const lamps = service('lamps', {
  rev: 1,
  about: 'Lights lamps',
  limits: { lamps: limit.max('lamps that are lit', { default: 3 }) },
  abilities: {
    light: ability({
      about: 'Lights a lamp',
      nb: struct({ lamp: text(), minutes: optional(int()) }),
      ok: struct({ state: choice('lit', 'broken'), minutes: int() }),
      errors: { Missing: struct({ lamp: text() }) },
      effect: 'idempotent',
    }),
    list: ability({ about: 'Lists lamps', nb: struct({}), ok: struct({ lamps: list(text()) }), effect: 'read' }),
    watch: ability({ about: 'Tells of lamps', nb: struct({ lamp: text() }), ok: struct({}), effect: 'read', stream: 'out' }),
  },
})

export const lampService = provide(lamps, {
  async light({ lamp, minutes = 5 }, { commit, fail }) {
    if (lamp === 'moon') return fail('Missing', { lamp })
    await commit(async (tx) => {
      const charge = await tx.reserve({ lamps: 1 })
      await tx.adjust(charge, { lamps: 2 })
      await tx.put(lamp, minutes)
    })
    return { state: 'lit', minutes }
  },
  list: async (_, context) => ({ lamps: (await context.list()).map(({ key }) => key) }),
  watch: (_, { signal }) => ({ ok: {}, body: signal.aborted ? new ReadableStream() : new ReadableStream() }),
})
