import { ability, service } from './contract.ts'
import { bool, bytes, choice, dictionary, int, link, list, optional, struct, text } from './schema.ts'

const amounts = () => dictionary(int(), { maxProperties: 32 })
const asked = struct({ can: text(), limits: optional(amounts()) })

/** Watching over a host, `with` its DID. The command line and the prompt in the terminal use these, and have no other way in. */
export const operator = service('host', {
  rev: 1,
  about: 'Watches over a host',
  abilities: {
    requests: ability({
      about: 'Lists the requests that wait for an answer',
      authority: 'operator',
      effect: 'read',
      nb: struct({}),
      ok: struct({
        requests: list(
          struct({
            request: link(),
            space: text(),
            agent: text(),
            code: text(),
            abilities: list(asked),
            why: optional(text()),
            /** As the caller says; only `origin` is vouched for. */
            app: optional(text()),
            origin: optional(text()),
            ttl: int(),
            expires: int(),
          }),
        ),
      }),
    }),
    approve: ability({
      about: 'Grants a request, whole or in part',
      authority: 'operator',
      effect: 'idempotent',
      nb: struct({
        request: link(),
        abilities: optional(list(asked, { maxItems: 16, description: 'Less than was asked' })),
        ttl: optional(int({ min: 1 })),
        always: optional(bool({ description: 'Grant the same space the same without asking from now on' })),
      }),
      ok: struct({ leases: list(link()) }),
    }),
    deny: ability({
      about: 'Denies a request',
      authority: 'operator',
      effect: 'idempotent',
      nb: struct({ request: link(), reason: optional(text({ maxLength: 280 })), always: optional(bool()) }),
      ok: struct({}),
    }),
    leases: ability({
      about: 'Lists the leases that were issued, and how much of them is used',
      authority: 'operator',
      effect: 'read',
      nb: struct({ after: optional(text()), limit: optional(int({ min: 1, max: 1000 })) }),
      ok: struct({
        leases: list(
          struct({
            lease: link(),
            space: text(),
            can: text(),
            limits: amounts(),
            used: amounts(),
            issued: int(),
            expires: int(),
            state: choice('valid', 'expired', 'revoked'),
            archive: bytes(),
          }),
        ),
        /** Give it as `after` for the next page. */
        next: optional(text()),
      }),
    }),
    policies: ability({
      about: 'Lists the standing answers to requests',
      authority: 'operator',
      effect: 'read',
      nb: struct({}),
      ok: struct({
        policies: list(struct({ id: text(), answer: choice('allow', 'deny'), space: text(), can: text(), limits: amounts(), ttl: int() })),
      }),
    }),
    forget: ability({
      about: 'Takes a standing answer away',
      authority: 'operator',
      effect: 'idempotent',
      nb: struct({ policy: text() }),
      ok: struct({}),
    }),
    following: ability({
      about: 'Lists the hosts whose logs are followed, and how that stands',
      authority: 'operator',
      effect: 'read',
      nb: struct({}),
      ok: struct({
        hosts: list(
          struct({
            url: text(),
            did: optional(text()),
            size: int({ description: 'Entries of its log that are here' }),
            contact: optional(int({ description: 'When it last showed a log in order, Unix seconds' })),
            problem: optional(text({ description: 'Why the last try failed' })),
            forks: list(text({ description: 'File with a proof that it has signed contradictions' })),
          }),
        ),
      }),
    }),
    collect: ability({
      about: 'Removes the blocks that no space holds',
      authority: 'operator',
      effect: 'idempotent',
      nb: struct({}),
      ok: struct({ kept: int(), removed: int(), bytes: int() }),
    }),
  },
})
