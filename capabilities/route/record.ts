import type { Charge, Records, Transaction, Value } from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import type { Provided } from './index.ts'

/** What a space provides, as it is kept. */
export interface ProvideRecord extends Provided {
  readonly charge: Charge
}

/** A record that a space published, as it is kept: its key and no more. The value is with the network. */
export interface PutRecord {
  readonly key: string
  readonly until: number
  readonly charge: Charge
}

export const PROVIDES = 'provide/'
export const PUTS = 'record'

/** The network knows content by its hash alone: CIDs that differ in the rest are one thing to it. */
export const contentOf = (cid: CID): string => String(CID.createV1(raw.code, cid.multihash))

export const readProvide = async (records: Records, cid: CID): Promise<ProvideRecord | undefined> =>
  (await records.get(`${PROVIDES}${contentOf(cid)}`)) as unknown as ProvideRecord | undefined

export const writeProvide = (tx: Transaction, record: ProvideRecord): Promise<void> =>
  tx.put(`${PROVIDES}${contentOf(record.cid)}`, record as unknown as Value)

export const eraseProvide = async (tx: Transaction, { cid, charge }: ProvideRecord): Promise<void> => {
  await tx.delete(`${PROVIDES}${contentOf(cid)}`)
  await tx.adjust(charge, { provides: 0 })
}

/** What the caller is told of one. */
export const providedOf = ({ charge: _charge, ...provided }: ProvideRecord): Provided => provided

export const readPut = async (records: Records, key: string): Promise<PutRecord | undefined> =>
  (await records.get(`${PUTS}${key}`)) as unknown as PutRecord | undefined

export const writePut = (tx: Transaction, record: PutRecord): Promise<void> => tx.put(`${PUTS}${record.key}`, record as unknown as Value)

export const erasePut = async (tx: Transaction, { key, charge }: PutRecord): Promise<void> => {
  await tx.delete(`${PUTS}${key}`)
  await tx.adjust(charge, { records: 0 })
}
