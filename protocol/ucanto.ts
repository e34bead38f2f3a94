import { capability, fail, ok, Schema } from '@ucanto/validator'
import { sameValue, type Value } from './cbor.ts'
import { canOf, type Service } from './contract.ts'
import { check, type JsonSchema } from './schema.ts'

/** A ucanto capability, as `capability()` of @ucanto/validator makes it: `invoke` and `delegate` for stock clients. */
type Capability = ReturnType<typeof capability>

/**
 * The ucanto capabilities of a service, by ability name, for applications that use the stock `@ucanto` packages on one side. Each `nb`
 * is closed, as the contract has it; stock schemas would drop what they don't know.
 */
export const ucantoCapabilities = <S extends Service>(service: S): { readonly [N in keyof S['abilities']]: Capability } =>
  Object.fromEntries(
    Object.entries(service.abilities).map(([name, { nb }]) => [
      name,
      capability({
        can: canOf(service.id, name) as `${string}/${string}`,
        with: Schema.did({ method: 'key' }),
        nb: closed(nb) as never,
        derives: allows as never,
      }),
    ]),
  ) as { [N in keyof S['abilities']]: Capability }

interface Claim {
  readonly with: string
  readonly nb?: { readonly [field: string]: Value }
}

/** Whether a delegation allows a claim, as our hosts read it. The stock default compares links by identity, and refuses equal ones. */
const allows = (claimed: Claim, { with: resource, nb = {} }: Claim) => {
  if (claimed.with !== resource) return fail(`${claimed.with} is not ${resource}`)
  const other = Object.keys(nb).find((field) => !sameValue(nb[field], claimed.nb?.[field]))
  return other === undefined ? ok({}) : fail(`only one value of "${other}" is allowed`)
}

/** A contract's struct as a ucanto reader; `partial` is what a delegation may state of it. */
const closed = (schema: JsonSchema): Schema.Schema<object> & { partial(): Schema.Schema<object> } => {
  const read = (shape: JsonSchema) => (input: unknown) => {
    const found = check(shape, input)
    return found ? fail(`${found.path || 'nb'} ${found.message}`) : ok(input as object)
  }
  const reader = { read: read(schema), partial: () => ({ read: read({ ...schema, required: [] }) }) }
  return reader as unknown as Schema.Schema<object> & { partial(): Schema.Schema<object> }
}
