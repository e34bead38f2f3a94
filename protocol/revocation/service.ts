import { ability, service } from '../contract.ts'
import { int, link, list, optional, struct } from '../schema.ts'
import { logged } from './logged.ts'

/** Taking back what was delegated or leased. Final: a revocation can't be revoked. */
export const revocation = service('ucan', {
  rev: 1,
  about: 'Takes back delegations and leases',
  abilities: {
    revoke: ability({
      about: 'Takes a delegation or lease back, for good',
      authority: 'open',
      effect: 'idempotent',
      nb: struct({
        ucan: link({ description: 'The UCAN to revoke; its block, and the blocks of the chain above it, come along with the call' }),
        proof: optional(list(link(), { maxItems: 32, description: 'Links of its chain that come along, too' })),
      }),
      ok: struct({ at: int({ description: 'When this host acknowledged it, Unix seconds' }), log: logged }),
    }),
  },
})
