import { type Ability, canOf, type Service } from '../contract.ts'
import type { AbilityDescription, ServiceDescription, Terms } from './shape.ts'

/** A contract as data, with the terms of the host that leases it. */
export const describeService = ({ id, rev, about, abilities, limits }: Service, terms: Terms = {}): ServiceDescription => ({
  id,
  rev,
  about,
  abilities: Object.fromEntries(Object.entries(abilities).map(([name, ability]) => [canOf(id, name), describeAbility(name, ability)])),
  limits: { ...limits },
  terms,
})

// Field by field: what else a contract carries is none of the manifest's, and would be refused by who reads it.
const describeAbility = (
  name: string,
  { about, authority, effect, stream, nb, ok, errors, freshness: { fresh, stale } }: Ability,
): AbilityDescription => ({
  name,
  about,
  authority,
  effect,
  stream,
  nb,
  ok,
  errors,
  freshness: { ...(fresh !== null && { fresh }), ...(stale !== null && { stale }) },
})

/** The contract that a description tells: what a typed client is derived from, when the contract's own package isn't at hand. */
export const contractOf = ({ id, rev, about, abilities, limits }: ServiceDescription): Service => {
  const named: { [name: string]: Ability } = Object.create(null)
  for (const { name, freshness: { fresh = null, stale = null } = {}, ...ability } of Object.values(abilities)) {
    named[name] = { ...ability, freshness: { fresh, stale } }
  }
  return { id, rev, about, limits, abilities: named }
}
