import { ability, service } from './contract.ts'
import { bytes, choice, dictionary, type Infer, int, link, list, optional, struct, text } from './schema.ts'

/** Amounts by name of limit, as asked for or leased. */
const amounts = () => dictionary(int(), { maxProperties: 32 })

/** An ability that is asked for: `pin/*` or `pin/add`, and how much of it. */
const asked = struct({ can: text({ maxLength: 128 }), limits: optional(amounts()) })

/**
 * Where a request stands. `granted` carries the leases, each an archive that `Delegation.extract` of @ucanto/core reads. A refusal is an error: Denied
 * with the owner's reason, Expired where nobody answered in time.
 */
const state = struct({
  state: choice('pending', 'granted'),
  /** The request, to wait for. */
  request: link(),
  /** Words that both sides show, so that the owner sees who asks. */
  code: optional(text()),
  /** When a pending request ends unanswered, Unix seconds. */
  expires: optional(int()),
  leases: optional(list(bytes())),
})

/** Where a request for leases stands. */
export type AccessState = Infer<typeof state>
/** An ability that is asked for, with amounts by name of limit. */
export type Asked = Infer<typeof asked>

/** How a space comes by its leases. Open to all: who asks proves no more than that it speaks for the space. */
export const access = service('access', {
  rev: 1,
  about: 'Asks the owner of a host for leases',
  abilities: {
    hello: ability({
      about: 'Tells who the host is and what it leases',
      authority: 'open',
      effect: 'read',
      nb: struct({}),
      ok: struct({
        name: text(),
        services: list(struct({ id: text(), about: text(), abilities: list(text()), limits: list(text()) })),
      }),
    }),
    request: ability({
      about: 'Asks for leases',
      authority: 'open',
      effect: 'idempotent',
      nb: struct({
        abilities: list(asked, { maxItems: 16 }),
        why: optional(text({ maxLength: 280 })),
        app: optional(struct({ name: text({ maxLength: 64 }) })),
        ttl: optional(int({ min: 1, description: 'Seconds that the leases should last' })),
      }),
      ok: state,
    }),
    wait: ability({
      about: 'Waits for the answer to a request',
      authority: 'open',
      effect: 'read',
      nb: struct({ request: link() }),
      ok: state,
    }),
    renew: ability({
      about: 'Renews a lease while the consent behind it stands',
      authority: 'open',
      effect: 'idempotent',
      nb: struct({ lease: link({ description: 'The lease; its block comes along with the call' }) }),
      ok: struct({ lease: bytes() }),
    }),
  },
})
