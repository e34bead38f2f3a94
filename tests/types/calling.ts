import { pin } from '@symbiosis/capabilities/pin'
import type { Symbiont } from '@symbiosis/symbiont'
import type { CID } from 'multiformats/cid'
import { lamps } from './lamps.ts'

/** An app as anybody would write one. It is compiled and never run: `mistakes.test.ts` breaks it, one place at a time. */
export const app = async (symbiont: Symbiont, root: CID): Promise<string> => {
  const pinned = await symbiont.use(pin).add({ root, name: 'notes' })
  const lamp = await symbiont.use(lamps).light({ lamp: 'porch' })
  const state: 'lit' | 'broken' = lamp.state
  const watched = await symbiont.use(lamps).watch({ lamp: 'porch' })
  await watched.body.cancel()
  const listed = await symbiont.try(lamps).list()
  const tried = await symbiont.try(lamps).light({ lamp: 'porch', minutes: 5 })
  if (tried.error?.name === 'Missing') return tried.error.lamp
  if (tried.error?.name === 'Revoked') return tried.error.link ?? ''
  if (listed.error?.name === 'NoLease') return listed.error.hint ?? ''
  return `${pinned.status} ${state} ${tried.ok?.minutes}`
}
