import { ability, type Provided, provide, service, struct } from '@symbiosis/protocol'

const look = (fresh: number | null, stale: number | null) =>
  ability({ about: 'Looks at the sea', effect: 'read', freshness: { fresh, stale }, nb: struct({}), ok: struct({}) })

/** A service whose abilities differ in how recently logs must have been heard of. */
export const tide = service('tide', {
  rev: 1,
  about: 'Looks at the sea',
  abilities: { now: look(0, 0), soon: look(60, 120), today: look(300, 3600), blind: look(null, null) },
})

export type Tide = keyof typeof tide.abilities

const looked = () => ({})

export const tideService = (): Provided => provide(tide, { now: looked, soon: looked, today: looked, blind: looked })
