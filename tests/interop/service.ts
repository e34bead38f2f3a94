import { ability, int, link, optional, service, struct, text } from '@symbiosis/protocol'

/** A service of a third party's, small enough to be read at a glance. */
export const shelf = service('shelf', {
  rev: 1,
  about: 'Keeps notes on a shelf',
  abilities: {
    read: ability({
      about: 'Reads a note',
      authority: 'open',
      effect: 'read',
      nb: struct({ name: text(), after: optional(link()) }),
      ok: struct({ name: text(), length: int() }),
    }),
  },
})
