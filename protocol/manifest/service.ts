import { ability, service } from '../contract.ts'
import { logged } from '../revocation/logged.ts'
import { bytes, link, list, optional, struct } from '../schema.ts'
import { MANIFEST_BOUNDS } from './bounds.ts'

/** Asking a host what it leases. Open to all, also to those that it has never heard of. */
export const manifest = service('manifest', {
  rev: 2,
  about: 'Tells what the host leases and how it is called, signed',
  abilities: {
    get: ability({
      about: 'Gives the manifest',
      authority: 'open',
      effect: 'read',
      nb: struct({
        have: optional(
          list(link(), { maxItems: MANIFEST_BOUNDS.services, description: 'Services that are at hand, and need not be sent' }),
        ),
      }),
      ok: struct({
        manifest: bytes({ maxLength: MANIFEST_BOUNDS.manifestBytes, description: 'A CAR: the signature, the root, and services' }),
        // Absent from hosts of revision 1; whoever asks for a manifest by `fetchManifest` refuses it without.
        log: optional(logged),
      }),
    }),
  },
})
