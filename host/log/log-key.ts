import { join } from 'node:path'
import { archive, delegate, extract, Failure, generateSeed, type LocalSigner, type Proof, signerFromSeed } from '@symbiosis/protocol'
import { LOG_SIGN } from '@symbiosis/protocol/revocation'
import { damaged, readPrivate, writePrivate } from '../identity.ts'

/** The key that signs a host's log, and the host's word that it does. A key of its own: a note is signed as text, and a host's key signs nothing but UCANs and receipts. */
export interface LogKey {
  readonly signer: LocalSigner
  /** The host's delegation of `log/sign` to the key. It never ends: what a log has signed has to convince for ever. */
  readonly delegation: Proof
}

/**
 * The key of the host's log, made at the first start.
 * @throws Failure Malformed where the file is damaged, or open to others
 */
export const openLogKey = async (dir: string, host: LocalSigner): Promise<LogKey> => {
  const path = join(dir, 'log.key')
  const known = readPrivate(path)
  if (known) return readLogKey(path, known, host)
  const seed = generateSeed()
  const signer = signerFromSeed(seed)
  const capabilities = [{ can: LOG_SIGN, with: host.did }]
  const delegation = await delegate(host, { audience: signer.did, capabilities, expiration: null })
  const text = { version: 1, seed: base64url(seed), delegation: base64url(archive(delegation)) }
  writePrivate(path, JSON.stringify(text))
  return { signer, delegation }
}

const readLogKey = (path: string, text: string, host: LocalSigner): LogKey => {
  try {
    const { seed, delegation } = JSON.parse(text) as { seed: string; delegation: string }
    const key = { signer: signerFromSeed(Buffer.from(seed, 'base64url')), delegation: extract(Buffer.from(delegation, 'base64url')) }
    const { issuer, audience } = key.delegation.ucan
    if (issuer !== host.did || audience !== key.signer.did) throw new TypeError('The delegation is not to the key, or not of this host.')
    return key
  } catch (cause) {
    if (cause instanceof Failure && cause.name !== 'Malformed') throw cause
    throw damaged(path, cause)
  }
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
