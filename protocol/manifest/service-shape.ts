import type { Value } from '../cbor.ts'
import { canOf, isAbilityName, isServiceId } from '../contract.ts'
import { Failure } from '../failure.ts'
import { check, type JsonSchema } from '../schema.ts'
import { MANIFEST_BOUNDS, type ManifestBounds } from './bounds.ts'
import { type Budget, mapOf, mustBeSchema } from './schema-shape.ts'
import { abilityShape, type ServiceDescription, serviceShape } from './shape.ts'

/**
 * Refuses what isn't the description of the service that its manifest calls `id`. Names come out fit to stand in paths, commands and code.
 * @throws Failure Malformed, Unsupported, TooLarge
 */
export const mustBeService = (value: Value, id: string, bounds: ManifestBounds): ServiceDescription => {
  const { abilities, ...service } = mapOf(value, { path: id })
  mustMatch(serviceShape, service, id)
  if (!isServiceId(id) || service.id !== id) throw malformed(`${id}.id`, 'is not what its manifest calls the service')
  for (const name of Object.keys(service.limits as object)) mustBeName(name, `${id}.limits`)
  const named = Object.entries(mapOf(abilities, { path: `${id}.abilities` }))
  if (named.length > bounds.abilities)
    throw new Failure('TooLarge', `A service has more than ${bounds.abilities} abilities.`, { field: 'abilities', limit: bounds.abilities })
  const budget: Budget = { nodes: bounds.schemaNodes }
  for (const [can, ability] of named) mustBeAbility(ability, id, can, bounds, budget)
  return value as unknown as ServiceDescription
}

/**
 * Reads the description of a service by itself, whatever it is called.
 * @throws Failure, as `verifyManifest` does
 */
export const readService = (value: Value, bounds: ManifestBounds = MANIFEST_BOUNDS): ServiceDescription => {
  const { id } = mapOf(value, { path: 'service' })
  return mustBeService(value, typeof id === 'string' ? id : '', bounds)
}

const mustBeAbility = (value: Value, id: string, can: string, bounds: ManifestBounds, budget: Budget): void => {
  const { nb, ok, errors, ...ability } = mapOf(value, { path: can })
  mustMatch(abilityShape, ability, can)
  const name = ability.name as string
  mustBeName(name, can)
  if (canOf(id, name) !== can) throw malformed(`${can}.name`, 'is not the name of that ability')
  if (ability.effect === 'once' && ability.stream === 'out') throw malformed(can, 'runs once and streams out, which no ability can')
  for (const [part, schema] of Object.entries({ nb, ok })) {
    if (mustBeSchema(schema, `${can}.${part}`, bounds, budget).type !== 'object')
      throw malformed(`${can}.${part}`, 'must be the schema of a map')
  }
  for (const [error, schema] of Object.entries(mapOf(errors, { path: `${can}.errors` }))) {
    if (!/^[A-Za-z][A-Za-z0-9]*$/.test(error)) throw malformed(`${can}.errors`, 'has what can not be the name of an error')
    mustBeSchema(schema, `${can}.errors.${error}`, bounds, budget)
  }
}

const mustBeName = (name: string, path: string): void => {
  if (!isAbilityName(name)) throw malformed(path, `has what can not be a name: "${name.slice(0, 40)}"`)
}

const mustMatch = (shape: JsonSchema, value: unknown, where: string): void => {
  const found = check(shape, value)
  if (found) throw malformed(`${where}.${found.path}`, found.message)
}

const malformed = (path: string, what: string) => new Failure('Malformed', `A manifest: ${path.slice(0, 160)} ${what}.`, { field: path })
