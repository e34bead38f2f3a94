import { dag } from '@symbiosis/capabilities/dag'
import { writeCarStream } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import type { Block } from '../host/engine/fixtures.ts'
import type { Guest } from './world.ts'

/** Pushes blocks for a guest in one go. */
export const stage = (guest: Guest, root: CID, blocks: readonly Block[] | AsyncIterable<Block>) => {
  const each = async function* () {
    yield* blocks
  }
  return guest.ask(dag, 'import', { root }, { body: writeCarStream([root], each()) })
}
