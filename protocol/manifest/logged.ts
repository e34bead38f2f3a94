import { Failure } from '../failure.ts'
import { encodeVerifierKey } from '../revocation/key.ts'
import type { Logged } from '../revocation/logged.ts'
import { inLog, unproved } from '../revocation/proven.ts'
import type { SignedCheckpoint } from '../revocation/signed-checkpoint.ts'
import type { Manifest } from './verify.ts'

/**
 * Verifies that the log of a manifest's host has it, by the key that the manifest itself names: so a host can't tell one of a manifest that it doesn't tell
 * whoever reads its log.
 * @returns the checkpoint that it is shown in
 * @throws Failure Unsupported where nothing shows it; BadSignature where `field` says: `key` (signed by another than the manifest names, or one that the host
 * didn't name), `keys` and `origin` (a checkpoint of another log), `proof` (the entry isn't at that index), `entry` (it's of something else); Malformed,
 * NotCanonical, TooLarge
 */
export const verifyLoggedManifest = (
  { host, seq, root, log }: Pick<Manifest, 'host' | 'seq' | 'root' | 'log'>,
  logged: Logged | undefined,
): SignedCheckpoint => {
  if (!logged)
    throw new Failure('Unsupported', 'The host does not show that its manifest stands in its log.', {
      field: 'log',
      hint: 'It hides it, or is too old to show it: ask its owner.',
    })
  const { entry, checkpoint, key } = inLog(logged, host)
  if (encodeVerifierKey(key) !== log.key) throw unproved('is in a log of another key than the manifest names', 'key')
  if (entry.kind !== 'manifest' || entry.seq !== seq || !entry.root.equals(root)) throw unproved('is not of this manifest', 'entry')
  return checkpoint
}
