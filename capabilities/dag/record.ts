import type { Charge, Records, Transaction, Value } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'

/** What a space has pushed below a root, and doesn't hold yet. The blocks' CIDs stand in batches beside it. */
export interface Staged {
  readonly root: CID
  readonly blocks: number
  readonly bytes: number
  readonly batches: number
  readonly complete: boolean
  /** When blocks last came, Unix seconds. */
  readonly touched: number
  /** What is reserved: the bytes that are here, and those of the batch on its way. */
  readonly charge: Charge
}

export const IMPORTS = 'import/'
export const BATCHES = 'batch/'

export const readStaged = async (records: Records, root: CID): Promise<Staged | undefined> =>
  (await records.get(`${IMPORTS}${root}`)) as unknown as Staged | undefined

export const writeStaged = (tx: Transaction, staged: Staged): Promise<void> =>
  tx.put(`${IMPORTS}${staged.root}`, staged as unknown as Value)

export const batchKey = (root: CID, batch: number): string => `${BATCHES}${root}/${String(batch).padStart(9, '0')}`

export const readBatch = async (records: Records, root: CID, batch: number): Promise<readonly CID[]> =>
  ((await records.get(batchKey(root, batch))) ?? []) as readonly CID[]

/** Forgets what was pushed, and gives its bytes back. */
export const eraseStaged = async (tx: Transaction, { root, batches, charge }: Staged): Promise<void> => {
  for (let batch = 0; batch < batches; batch++) await tx.delete(batchKey(root, batch))
  await tx.delete(`${IMPORTS}${root}`)
  await tx.adjust(charge, { bytes: 0 })
}
