import { verify } from '../ed25519.ts'
import { Failure } from '../failure.ts'
import { copyAt } from '../link.ts'
import { bytesFromDid, type Signer } from '../principal.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { COSIGNATURE, type VerifierKey, verifierKey } from './key.ts'
import type { NoteSigner } from './note.ts'
import { checkCount } from './shape.ts'

/**
 * Cosignatures of version 1: a witness says that, at a time, this was the largest tree it had seen of the log, and continued all that it had seen before. The
 * signature is eight bytes of Unix seconds, most significant first, and 64 of Ed25519. Source: https://c2sp.org/tlog-cosignature
 */
const TIME_BYTES = 8
const SIGNATURE_BYTES = TIME_BYTES + 64

/** What is signed. The first line keeps it apart from every checkpoint. */
const cosigned = (time: number, text: string): Uint8Array => new TextEncoder().encode(`cosignature/v1\ntime ${time}\n${text}`)

/**
 * Cosigns checkpoints as `name`, at the time that `now` tells in Unix seconds. The key must sign nothing else, not as another witness either: the name isn't covered.
 * Whoever calls `sign` has verified that the checkpoint continues the last one.
 */
export const cosigner = (name: string, signer: Signer, now: () => number): NoteSigner => ({
  key: verifierKey(name, bytesFromDid(signer.did).subarray(2), COSIGNATURE),
  async sign(text) {
    parseCheckpoint(text)
    const time = now()
    checkCount(time, 'time')
    const bytes = new Uint8Array(SIGNATURE_BYTES)
    new DataView(bytes.buffer).setBigUint64(0, BigInt(time))
    bytes.set(await signer.sign(cosigned(time, text)), TIME_BYTES)
    return bytes
  },
})

/**
 * When a cosignature says it was made, Unix seconds: the claim of its signature's bytes, no more than that before it is verified.
 * @throws Failure Malformed where it has other than 72 bytes, or a time over 2^53 - 1
 */
export const cosignatureTime = (signature: Uint8Array): number => {
  if (signature.length !== SIGNATURE_BYTES)
    throw new Failure('Malformed', `A cosignature has not ${SIGNATURE_BYTES} bytes.`, { field: 'signature' })
  const { buffer, byteOffset } = copyAt(signature, 0, TIME_BYTES)
  const time = Number(new DataView(buffer, byteOffset).getBigUint64(0))
  checkCount(time, 'time')
  return time
}

/** Whether a signature is a cosignature by this key of a checkpoint's text. False for anything else. */
export const isCosigned = (key: VerifierKey, text: string, signature: Uint8Array): boolean => {
  try {
    parseCheckpoint(text)
    return verify(key.publicKey, cosigned(cosignatureTime(signature), text), copyAt(signature, TIME_BYTES, SIGNATURE_BYTES))
  } catch (thrown) {
    if (thrown instanceof Failure) return false
    throw thrown
  }
}
