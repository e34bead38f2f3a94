import type { Account, Charge, Records, Transaction, Value } from '@symbiosis/protocol'
import type { CID } from 'multiformats/cid'
import type { PinStatus } from './index.ts'

/** A pin as it is kept. */
export interface PinRecord extends PinStatus {
  readonly origins: readonly string[]
  /** Whom it counts against, for the work that goes on after the answer. */
  readonly account: Account
  /** What is reserved for it: one pin, and its bytes. */
  readonly charge: Charge
}

export const PINS = 'pin/'
/** Marks the pins that aren't done, so that a start finds them without reading the others. */
export const UNFINISHED = 'unfinished/'

export const readRecord = async (records: Records, root: CID): Promise<PinRecord | undefined> =>
  (await records.get(`${PINS}${root}`)) as unknown as PinRecord | undefined

export const writeRecord = async (tx: Transaction, record: PinRecord): Promise<void> => {
  await tx.put(`${PINS}${record.root}`, record as unknown as Value)
  const mark = `${UNFINISHED}${record.root}`
  const unfinished = record.status === 'queued' || record.status === 'fetching'
  if (unfinished !== ((await tx.get(mark)) !== undefined)) await (unfinished ? tx.put(mark, record.root) : tx.delete(mark))
}

/** Takes a pin away with all that was reserved and held for it. */
export const eraseRecord = async (tx: Transaction, { root, charge }: PinRecord): Promise<void> => {
  await tx.delete(`${PINS}${root}`)
  await tx.delete(`${UNFINISHED}${root}`)
  await tx.adjust(charge, { pins: 0, bytes: 0 })
  await tx.unhold(root)
}

/** What the caller is told of a record. */
export const statusOf = ({ origins: _origins, account: _account, charge: _charge, ...status }: PinRecord): PinStatus => status
