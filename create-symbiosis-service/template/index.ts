import { ability, limit, list, service, struct, text } from '@symbiosis/protocol'

/** The contract. Whoever calls the service imports this and no more; types, checks and clients follow from it. */
export const sampleService = service('sample-service', {
  rev: 1,
  about: 'Keeps short notes',
  limits: { notes: limit.max('notes kept', { default: 100 }) },
  abilities: {
    write: ability({
      about: 'Keeps a note',
      nb: struct({ title: text({ minLength: 1, maxLength: 80 }), body: text() }),
      ok: struct({ title: text() }),
      errors: { Taken: struct({ title: text() }) },
      effect: 'idempotent',
    }),
    read: ability({
      about: 'Reads a note',
      nb: struct({ title: text() }),
      ok: struct({ body: text() }),
      errors: { Unknown: struct({ title: text() }) },
      effect: 'read',
    }),
    list: ability({ about: 'Lists notes', nb: struct({}), ok: struct({ titles: list(text()) }), effect: 'read' }),
  },
})
