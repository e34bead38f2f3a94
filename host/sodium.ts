import { createRequire } from 'node:module'
import { type Ed25519, Failure } from '@symbiosis/protocol'

/** What is used of sodium-native, as its README has it. */
interface Sodium {
  crypto_sign_PUBLICKEYBYTES: number
  crypto_sign_SECRETKEYBYTES: number
  crypto_sign_BYTES: number
  crypto_sign_seed_keypair(publicKey: Uint8Array, secretKey: Uint8Array, seed: Uint8Array): void
  crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
}

const require = createRequire(import.meta.url)

/**
 * Ed25519 by libsodium, which signs and verifies about twice as fast as OpenSSL: `useEd25519(sodium())` before the host is opened. It needs the package
 * sodium-native, which isn't installed with this one.
 * @throws Failure Unavailable where that isn't installed, or has no binary for this platform
 */
export const sodium = (): Ed25519 => {
  const library = load()
  return {
    name: 'sodium-native',
    verify: (publicKey, message, signature) => library.crypto_sign_verify_detached(signature, message, publicKey),
    keyPair(seed) {
      const publicKey = new Uint8Array(library.crypto_sign_PUBLICKEYBYTES)
      const secretKey = new Uint8Array(library.crypto_sign_SECRETKEYBYTES)
      library.crypto_sign_seed_keypair(publicKey, secretKey, seed)
      const sign = (message: Uint8Array) => {
        const signature = new Uint8Array(library.crypto_sign_BYTES)
        library.crypto_sign_detached(signature, message, secretKey)
        return signature
      }
      return { publicKey, sign }
    },
  }
}

const load = (): Sodium => {
  try {
    return require('sodium-native') as Sodium
  } catch (cause) {
    const hint = 'Install it beside the host, `npm install sodium-native`, or do without: the own Ed25519 of Node needs nothing.'
    throw new Failure('Unavailable', 'sodium-native cannot be loaded.', { hint }, { cause })
  }
}
