import { check, Failure, sha256, signerFromSeed } from '@symbiosis/protocol'
import { base64url } from 'multiformats/bases/base64'
import { type WalletState, walletSchema } from './wallet.ts'

const VERSION = 1

/**
 * A wallet as JSON text: `{ "symbiosis-wallet": 1, "sha256": ..., "state": ... }`. The checksum stands against bits that flip: a changed key would
 * still be a key, and its owner somebody else.
 */
export const encodeWallet = (state: WalletState): string =>
  `${JSON.stringify({ 'symbiosis-wallet': VERSION, sha256: checksum(state), state }, null, 2)}\n`

/**
 * Reads what `encodeWallet` wrote. `where` names the place in messages.
 * @throws Failure Malformed for anything damaged or cut short, Unsupported for a newer version
 */
export const decodeWallet = (text: string, where: string): WalletState => {
  const broken = (what: string) =>
    new Failure('Malformed', `The wallet ${where} ${what}; it was left as it is.`, {
      field: 'wallet',
      hint: 'Put a backup in its place. Without one, move it away, open a new wallet and recover your space with its phrase.',
    })
  let document: { 'symbiosis-wallet'?: unknown; sha256?: unknown; state?: unknown } | null
  try {
    document = JSON.parse(text)
  } catch {
    throw broken(text.trim() === '' ? 'is empty' : 'is no whole JSON document')
  }
  const version = document?.['symbiosis-wallet']
  if (typeof version === 'number' && version > VERSION) {
    throw new Failure('Unsupported', `The wallet ${where} is of version ${version}, this program knows ${VERSION}.`, {
      hint: 'Use a newer version of Symbiosis.',
    })
  }
  const mismatch = check(walletSchema, document?.state)
  if (version !== VERSION || mismatch)
    throw broken(mismatch ? `has a bad field: ${mismatch.path || 'state'} ${mismatch.message}` : 'is no wallet')
  const state = document?.state as WalletState
  if (document?.sha256 !== checksum(state)) throw broken('does not have the checksum that it states')
  try {
    signerFromSeed(base64url.decode(state.seed))
  } catch {
    throw broken('holds no key')
  }
  return state
}

const checksum = (state: WalletState): string => base64url.encode(sha256(new TextEncoder().encode(JSON.stringify(state))))
