import { type DID, Failure, invoke, type Proof, textOf, type Ucan, unwrap } from '@symbiosis/protocol'
import { decodeEntry, log, logKeyOf, MAX_FOUND, originOf, verifyCheckpoint, verifyLogged } from '@symbiosis/protocol/revocation'
import { mustContinue } from './filter-fetching.ts'
import type { HeldFilter } from './held-filter.ts'
import { callerTo, type Self } from './self.ts'
import { parentsOf } from './standing.ts'
import type { KeptHost } from './wallet.ts'

/** A revocation that a host's log was shown to have. */
export interface FoundRevocation {
  /** CID of the link that was revoked. */
  link: string
  by: DID
  /** Where it stands in the log, which can't be denied any more. */
  index: number
}

export interface AskedLog {
  /** Entries of the log that the answers are of. */
  size: number
  /** When it was asked, Unix seconds. */
  time: number
  revoked: FoundRevocation[]
}

/**
 * Asks a host whether its log has a link of a chain as revoked by somebody who may: who issued it or one above it, or received it. What it has, it has to prove. That it has nothing it can only
 * say, and says it in a receipt with the checkpoint that it is true of: whoever has that log's entries can convict it, and a log that doesn't continue the one
 * which this device's filter is of is refused here.
 * @throws Failure BadSignature, Malformed, TooLarge, NotCanonical where the answer isn't proved or of another log; Unavailable, and what the host answers
 */
export const askLog = async (
  self: Self,
  host: KeptHost,
  { ucan, proofs }: Proof,
  held: HeldFilter | undefined,
  signal: AbortSignal,
): Promise<AskedLog> => {
  const caller = callerTo(self, host, self.signer.did, [])
  const time = self.now()
  const known = new Map(proofs.map((each) => [String(each.cid), each]))
  const asked = [ucan, ...proofs].flatMap((link) => inParts(authors(link, known)).map((by) => ({ link, by })))
  const answers = await Promise.all(
    asked.map(async ({ link, by }) => {
      const { entries, checkpoint: note, key } = unwrap((await invoke(caller, log, 'find', { ucan: link.cid, by }, { signal })).result)
      const checkpoint = verifyCheckpoint(note, { origin: originOf(host.did), keys: [logKeyOf(host.did, key)] })
      if (held) await mustContinue(caller, checkpoint, held.proven.checkpoint, signal)
      const revoked = entries.map((each): FoundRevocation => {
        const entry = decodeEntry(each.entry)
        if (entry.kind !== 'revocation' || !by.includes(entry.by)) throw unasked()
        verifyLogged({ ...each, checkpoint: note, key }, { host: host.did, ucan: link.cid, by: entry.by })
        return { link: textOf(link.cid), by: entry.by, index: each.index }
      })
      return { size: checkpoint.size, revoked }
    }),
  )
  return { size: Math.min(...answers.map(({ size }) => size)), time, revoked: answers.flatMap(({ revoked }) => revoked) }
}

/** Who may revoke a link, as far as any path leads up from it. */
const authors = (link: Ucan, known: Map<string, Ucan>): DID[] => {
  const found = new Set<DID>([link.audience])
  const seen = new Set<Ucan>()
  const visit = (each: Ucan): void => {
    if (seen.has(each)) return
    seen.add(each)
    found.add(each.issuer)
    for (const parent of parentsOf(each, known)) visit(parent)
  }
  visit(link)
  return [...found]
}

const inParts = <T>(all: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(all.length / MAX_FOUND) }, (_, at) => all.slice(at * MAX_FOUND, (at + 1) * MAX_FOUND))

const unasked = (): Failure => new Failure('BadSignature', 'The host shows what it was not asked for.', { field: 'entries' })
