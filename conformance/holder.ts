import { type DID, type Environment, type Provided, provide, service } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'

/** Stands for the other services of a host, through which a space came to hold a root. */
export const holder = (): { provided: Provided; hold(space: DID, root: CID): Promise<void> } => {
  let environment: Environment | undefined
  return {
    provided: provide(
      service('conformance-holder', { rev: 1, about: 'Has spaces hold what they would have pinned', abilities: {} }),
      {},
      {
        open(opened) {
          environment = opened
        },
      },
    ),
    async hold(space, root) {
      await environment?.space(space).commit((tx) => tx.hold(root, { complete: true }))
    },
  }
}
