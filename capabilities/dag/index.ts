import { ability, bool, int, limit, link, optional, service, struct } from '@symbiosis/protocol'

const root = () => link({ description: 'The root of a DAG' })

/** How much of an import is safely here. */
const progress = {
  blocks: int({ description: 'Distinct blocks. Whoever sends the same ones in the same order may skip as many' }),
  bytes: int({ description: 'Bytes of those' }),
  complete: bool({ description: 'Whether everything below the root is here' }),
}

/** Pushing and pulling content, for those who can't be dialled. */
export const dag = service('dag', {
  rev: 2,
  about: 'Takes content in and gives it out',
  limits: {
    bytes: limit.max('bytes pushed and not yet held by a pin', { unit: 'bytes', default: 10_000_000_000 }),
  },
  abilities: {
    import: ability({
      about: 'Takes in the blocks of a DAG, as a CAR',
      effect: 'idempotent',
      nb: struct({
        root: root(),
        more: optional(bool({ description: 'More will follow in another call, so completeness need not be looked at' })),
      }),
      ok: struct({ root: link(), ...progress }),
      stream: 'in',
    }),
    status: ability({ about: 'Tells how much of an import is here', effect: 'read', nb: struct({ root: root() }), ok: struct(progress) }),
    export: ability({
      about: 'Gives out a DAG that the space holds, as a CAR',
      effect: 'read',
      nb: struct({ root: root() }),
      ok: struct({ root: link() }),
      stream: 'out',
    }),
  },
})
