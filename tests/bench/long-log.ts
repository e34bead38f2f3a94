import { join } from 'node:path'
import { sqliteStore } from '@symbiosis/host'
import { cidOf, generateSeed, signerFromSeed } from '@symbiosis/protocol'
import { CompactRange, encodeEntry } from '@symbiosis/protocol/revocation'
import type { CID } from 'multiformats/cid'
import { openIdentity } from '../../host/identity.ts'
import { appendEntries, writeHead } from '../../host/log/records.ts'
import { RevocationLog } from '../../host/log/revocation-log.ts'
import { Revocations } from '../../host/revocations.ts'
import { writeName } from '../../protocol/block.ts'
import { newFolder } from './folders.ts'
import { now } from './world.ts'

const BATCH = 65_536
const text = new TextEncoder()

/** The CID of a UCAN that is revoked by the entry at an index. */
export const revokedAt = (index: number): CID => cidOf(nameAt(index))
const nameAt = (index: number): Uint8Array => text.encode(`UCAN ${index}`)

/** How long ended UCANs of such a log have lived. */
export const LIFE = 86_400

/**
 * A host's log of any length, without the signed calls that brought its entries: nobody asks for them who starts. Written as a host writes one, but for a signature at the end
 * alone.
 */
export class LongLog {
  readonly dir: string
  readonly size: number
  readonly expiration = now() + LIFE

  private constructor(dir: string, size: number) {
    this.dir = dir
    this.size = size
  }

  static async write(size: number): Promise<LongLog> {
    const made = new LongLog(join(await newFolder(), 'host'), size)
    const { log, store } = await made.open()
    const range = new CompactRange()
    for (let first = 0; first < size; first += BATCH) {
      const entries = made.#entries(first, Math.min(size, first + BATCH))
      await store.write((tx) => appendEntries(tx, log.host, range, entries))
    }
    await store.write(async (tx) => {
      await writeHead(tx, log.host, { range, checkpoint: '' })
      // Appending nothing signs what there is.
      await log.append(tx, [])
    })
    await store.close()
    return made
  }

  async open() {
    const identity = openIdentity(this.dir)
    const store = sqliteStore(join(this.dir, 'host.sqlite'))
    return { store, log: await RevocationLog.open(identity, store) }
  }

  /** Opens what a host opens of it, and says how many seconds that took. */
  async start() {
    const began = performance.now()
    const { store, log } = await this.open()
    const revocations = await Revocations.open({ store, log, maxPerSpace: 10_000, options: { verifiedAtStart: 0 }, now: now() })
    return { store, revocations, seconds: (performance.now() - began) / 1000 }
  }

  /** All alike but for the UCAN. */
  #entries(from: number, to: number): Uint8Array[] {
    const { did } = signerFromSeed(generateSeed())
    const form = encodeEntry({ kind: 'revocation', ucan: revokedAt(0), by: did, expiration: this.expiration, cause: revokedAt(0) })
    const at = Buffer.from(form).indexOf(revokedAt(0).bytes)
    return Array.from({ length: to - from }, (_, index) => {
      const entry = form.slice()
      writeName(entry, at, nameAt(from + index))
      return entry
    })
  }
}
