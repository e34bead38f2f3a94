import { archive, issueUcan } from '@symbiosis/protocol'
import { cosigner, LOG_WITNESS, type NoteSigner, parseNote, signNote, witnessOf } from '@symbiosis/protocol/revocation'
import type { Identity } from '../identity.ts'

/**
 * This host as a witness of others' logs. It cosigns nothing that it didn't verify to continue all that it has cosigned before: who holds a checkpoint that two
 * hosts cosigned knows that both of them, and whoever follows them, were shown the same log.
 */
export class Witness {
  readonly #signer: NoteSigner
  /** The host's delegation of `log/witness` to its key, archived. */
  readonly key: Uint8Array

  private constructor(signer: NoteSigner, key: Uint8Array) {
    this.#signer = signer
    this.key = key
  }

  static async open({ signer, witnessSigner }: Identity, now: () => number): Promise<Witness> {
    const capabilities = [{ can: LOG_WITNESS, with: signer.did }]
    const delegation = await issueUcan(signer, { audience: witnessSigner.did, capabilities, expiration: null })
    return new Witness(cosigner(witnessOf(signer.did), witnessSigner, now), archive({ ucan: delegation, proofs: [] }))
  }

  /** The note with this host's cosignature. What others cosigned it may have been is left as it is. */
  cosign(note: string): Promise<string> {
    return signNote(parseNote(note), this.#signer)
  }
}
