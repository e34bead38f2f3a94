import { archive, bytesFromDid, issueUcan, type LocalSigner } from '@symbiosis/protocol'
import {
  type Entry,
  encodeEntry,
  encodeVerifierKey,
  formatCheckpoint,
  inclusionProof,
  LOG_SIGN,
  type Logged,
  noteSigner,
  originOf,
  signNote,
  verifierKey,
} from '@symbiosis/protocol/revocation'
import { alice, numbered } from '../../fixtures.ts'
import { Nodes } from '../revocation/forest.ts'

/** What signs the log of alice's host. */
export const logSigner = numbered(8)

/** As a manifest names it. */
export const logKey = (host = alice, signer = logSigner): string =>
  encodeVerifierKey(verifierKey(originOf(host.did), bytesFromDid(signer.did).subarray(2)))

interface Bend {
  host?: LocalSigner
  /** Who signs the checkpoint. */
  signer?: LocalSigner
  /** Whom the host names as the log's key. */
  named?: LocalSigner
  /** Whose log the checkpoint says that it is of. */
  origin?: string
}

/** What shows that a log of these entries has the one at an index: alice's, unless bent. */
export const shown = async (
  entries: readonly Entry[],
  index: number,
  { host = alice, signer = logSigner, named = signer, origin = originOf(host.did) }: Bend = {},
): Promise<Logged> => {
  const nodes = new Nodes(0)
  const leaves = entries.map(encodeEntry)
  for (const leaf of leaves) nodes.append(leaf)
  const capabilities = [{ can: LOG_SIGN, with: host.did }]
  const delegation = await issueUcan(host, { audience: named.did, capabilities, expiration: null })
  const text = formatCheckpoint({ origin, size: leaves.length, root: nodes.range.root() })
  return {
    index,
    entry: leaves[index] as Uint8Array,
    proof: await inclusionProof(index, leaves.length, nodes.hashAt),
    checkpoint: await signNote({ text }, noteSigner(originOf(host.did), signer)),
    key: archive({ ucan: delegation, proofs: [] }),
  }
}
