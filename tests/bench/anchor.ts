import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, verify } from 'node:crypto'
import { generateSeed } from '@symbiosis/protocol'
import type { Candidate } from './rounds.ts'

interface Signed {
  message: Buffer
  signature: Buffer
}

/** What no signed call can do without: one Ed25519 verification, or as many as there are new proofs, and one signature by OpenSSL, keys at hand. */
export const anchor = (verifications = 1): Candidate<Signed> => {
  const [caller, host] = [keys(), keys()]
  return {
    name: 'anchor',
    prepare: (count) => signedBy(caller, count),
    run({ message, signature }) {
      for (let index = 0; index < verifications; index++) {
        if (!verify(null, message, caller.publicKey, signature)) throw new Error('The anchor does not verify.')
      }
      return sign(null, message, host.privateKey)
    },
  }
}

/** What no reader of a signed answer can do without. */
export const verification = (): Candidate<Signed> => {
  const caller = keys()
  return {
    name: 'one verification by node:crypto',
    prepare: (count) => signedBy(caller, count),
    run({ message, signature }) {
      if (!verify(null, message, caller.publicKey, signature)) throw new Error('The anchor does not verify.')
    },
  }
}

const signedBy = ({ privateKey }: Keys, count: number): Signed[] =>
  Array.from({ length: count }, () => {
    const message = randomBytes(400)
    return { message, signature: sign(null, message, privateKey) }
  })

interface Keys {
  privateKey: KeyObject
  publicKey: KeyObject
}

const keys = (): Keys => {
  // PKCS #8 around a seed (RFC 8410): the prefix is always the same.
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), generateSeed()])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  return { privateKey, publicKey: createPublicKey(privateKey) }
}
