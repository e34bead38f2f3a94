import { archive, type DID, issueUcan } from '@symbiosis/protocol'
import { type Entry, encodeEntry, LOG_SIGN, LOG_WITNESS, type Logged, originOf } from '@symbiosis/protocol/revocation'
import type { CID } from 'multiformats/cid'
import { alice, bob, NOW, phone } from '../../fixtures.ts'
import { logKey, logSigner, shown } from '../../protocol/manifest/logging.ts'
import { blockOf } from '../../protocol/manifest/making.ts'
import { toBase64 } from '../json.ts'
import type { LoggedFile } from './format.ts'

interface Case {
  log: Logged | undefined
  expect: { size: number } | { code: string }
}

const cases = async (told: { seq: number; root: CID }): Promise<[name: string, description: string, each: Case][]> => {
  const manifest: Entry = { kind: 'manifest', ...told }
  const filler: Entry = { kind: 'filter', size: 0, now: NOW, bits: 0, root: blockOf({}).cid }
  const revoked: Entry = { kind: 'revocation', ucan: told.root, by: alice.did, expiration: null, cause: told.root }
  const many = [filler, manifest, filler, filler, filler]
  const among = await shown(many, 1)
  const alone = await shown([manifest], 0)
  const elsewhere = await shown([manifest], 0, { host: bob })
  const lent = async (can: string, by = alice) => {
    const ucan = await issueUcan(by, { audience: logSigner.did, capabilities: [{ can, with: alice.did }], expiration: null })
    return archive({ ucan, proofs: [] })
  }
  const text = (note: string) => note.slice(0, note.indexOf('\n\n'))
  const refused = (log: Logged | undefined, code = 'BadSignature'): Case => ({ log, expect: { code } })
  return [
    ['the only entry', 'Its hash is the root.', { log: alone, expect: { size: 1 } }],
    ['an entry among others', 'Whatever they are.', { log: among, expect: { size: 5 } }],
    ['nothing', 'The host leaves out what would show it.', refused(undefined, 'Unsupported')],
    ['another place', 'The proof is of index 1.', refused({ ...among, index: 0 })],
    ['another leaf', 'It is not what the log has there.', refused({ ...alone, entry: encodeEntry(filler) })],
    ['a bent proof', 'One bit of a hash.', refused({ ...among, proof: among.proof.map((hash) => hash.map((byte, at) => byte ^ +!at)) })],
    ['a proof too short', 'It has a hash for each level.', refused({ ...among, proof: among.proof.slice(1) }, 'Malformed')],
    ['a place beyond the end', 'The log has five entries.', refused({ ...among, index: 5 }, 'Malformed')],
    ['the entry of another number', 'The root is the same.', refused(await shown([{ ...manifest, seq: told.seq + 1 }], 0))],
    ['the entry of another root', 'The number is the same.', refused(await shown([{ ...manifest, root: filler.root }], 0))],
    ['the entry of a filter', 'It is no manifest.', refused(await shown([manifest, filler], 1))],
    ['the entry of a revocation', 'It is no manifest.', refused(await shown([manifest, revoked], 1))],
    ['the log of another host', 'That one has logged it.', refused(elsewhere)],
    ['the checkpoint of another host', 'Beside the key of the right one.', refused({ ...elsewhere, key: alone.key })],
    ['a checkpoint by another name', 'Signed by the right key.', refused(await shown([manifest], 0, { origin: originOf(bob.did) }))],
    ['another key', 'The host has named it, too; its manifest does not.', refused(await shown([manifest], 0, { signer: phone }))],
    ['a key that another named', 'It is the right one.', refused({ ...alone, key: await lent(LOG_SIGN, bob) })],
    ['a key that was named for something else', 'For cosigning.', refused({ ...alone, key: await lent(LOG_WITNESS) })],
    [
      'a signature of another checkpoint',
      'By the right key.',
      refused({ ...alone, checkpoint: text(alone.checkpoint) + among.checkpoint.slice(text(among.checkpoint).length) }),
    ],
  ]
}

/** What shows that a host's log has a manifest, and what doesn't. */
export const loggedManifests = async (): Promise<LoggedFile> => {
  const told = { seq: 1, root: blockOf({ v: 1 }).cid }
  return {
    kind: 'logged-manifest',
    about: 'What manifest/get answers beside a manifest, to show that the log of its host has it.',
    host: alice.did as DID,
    seq: told.seq,
    root: String(told.root),
    key: logKey(),
    vectors: (await cases(told)).map(([name, description, { log, expect }]) => ({
      name,
      description,
      log: log
        ? {
            index: log.index,
            entry: toBase64(log.entry),
            proof: log.proof.map(toBase64),
            checkpoint: log.checkpoint,
            key: toBase64(log.key),
          }
        : null,
      expect,
    })),
  }
}
