import { type Asked, Failure } from '@symbiosis/protocol'
import { parseBytes } from './amounts.ts'

/**
 * What is asked for: `[{ can: 'acme/*', limits: { bytes: 2e9 } }]`, or in short `{ acme: { bytes: '2 GB' } }`, where a service's id means all of it
 * and amounts may be text.
 */
export type Abilities =
  | readonly { can: string; limits?: { readonly [limit: string]: number | string } }[]
  | { readonly [serviceOrAbility: string]: { readonly [limit: string]: number | string } }

/** The list form of what is asked for. */
export const askedOf = (abilities: Abilities): Asked[] => {
  const list = Array.isArray(abilities)
    ? (abilities as Exclude<Abilities, { readonly [service: string]: unknown }>)
    : Object.entries(abilities as { [can: string]: { [limit: string]: number | string } }).map(([can, limits]) => ({ can, limits }))
  if (list.length === 0)
    throw new Failure('InvalidInput', 'Nothing is asked for.', { field: 'abilities', hint: 'Name a service or an ability.' })
  return list.map(({ can, limits = {} }) => {
    const amounts = Object.fromEntries(Object.entries(limits).map(([name, amount]) => [name, parseBytes(amount)]))
    return { can: abilityOf(can), ...(Object.keys(amounts).length > 0 && { limits: amounts }) }
  })
}

/**
 * An ability as people write it: a service's id alone means all of it.
 * @throws Failure InvalidInput
 */
export const abilityOf = (text: string): string => {
  const can = text.trim().toLowerCase()
  if (/^[a-z][a-z0-9-]*$/.test(can)) return `${can}/*`
  if (/^[a-z][a-z0-9-]*\/(\*|[a-z][a-z0-9]*)$/.test(can)) return can
  throw new Failure('InvalidInput', `"${text.slice(0, 60)}" is no ability.`, {
    field: 'can',
    hint: 'Write it like service/ability, service/* or service.',
  })
}
