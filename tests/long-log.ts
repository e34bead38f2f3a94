import { join } from 'node:path'
import { sqliteStore } from '@symbiosis/host'
import { cidOf, generateSeed, signerFromSeed } from '@symbiosis/protocol'
import { encodeEntry } from '@symbiosis/protocol/revocation'
import type { CID } from 'multiformats/cid'
import { openIdentity } from '../host/identity.ts'
import { appendEntries, writeHead } from '../host/log/records.ts'
import { RevocationLog } from '../host/log/revocation-log.ts'
import { writeName } from '../protocol/block.ts'

const BATCH = 65_536
const text = new TextEncoder()

/** The CID of a UCAN that the entry at an index of such a log revokes. */
export const revokedAt = (index: number): CID => cidOf(nameAt(index))
const nameAt = (index: number): Uint8Array => text.encode(`UCAN ${index}`)

export const openLogOf = async (dir: string) => {
  const store = sqliteStore(join(dir, 'host.sqlite'))
  return { store, log: await RevocationLog.open(openIdentity(dir), store) }
}

/**
 * Makes the log of the host in a folder as long as is asked for, without the signed calls that would bring its entries: nobody asks for them who starts. Written as a host writes
 * one, but for a signature at the end alone.
 */
export const lengthen = async (dir: string, size: number, expiration: number | null): Promise<void> => {
  const { store, log } = await openLogOf(dir)
  const range = await log.range()
  while (range.end < size) {
    const entries = entriesFrom(range.end, Math.min(size, range.end + BATCH), expiration)
    await store.write((tx) => appendEntries(tx, log.host, range, entries))
  }
  await store.write(async (tx) => {
    await writeHead(tx, log.host, { range, checkpoint: '' })
    // To append nothing signs what there is.
    await log.append(tx, [])
  })
  await store.close()
}

/** All alike but for the UCAN. */
const entriesFrom = (from: number, to: number, expiration: number | null): Uint8Array[] => {
  const { did } = signerFromSeed(generateSeed())
  const form = encodeEntry({ kind: 'revocation', ucan: revokedAt(0), by: did, expiration, cause: revokedAt(1) })
  const at = Buffer.from(form).indexOf(revokedAt(0).bytes)
  return Array.from({ length: to - from }, (_, index) => {
    const entry = form.slice()
    writeName(entry, at, nameAt(from + index))
    return entry
  })
}
