import { ability, limit, link, service, struct, text } from '@symbiosis/protocol'

/** A service as anybody would write one that keeps blocks: texts by their CIDs. */
export const clips = service('clips', {
  rev: 1,
  about: 'Keeps texts as blocks',
  limits: { bytes: limit.max('bytes kept', { unit: 'bytes', default: 10_000 }) },
  abilities: {
    keep: ability({ about: 'Keeps a text', effect: 'idempotent', nb: struct({ words: text() }), ok: struct({ root: link() }) }),
    read: ability({ about: 'Reads a text', effect: 'read', nb: struct({ root: link() }), ok: struct({ words: text() }) }),
    drop: ability({ about: 'Drops a text', effect: 'idempotent', nb: struct({ root: link() }), ok: struct({}) }),
  },
})
