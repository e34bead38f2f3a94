import type { CID } from 'multiformats/cid'
import { type Block, cidOf } from './block.ts'
import { decode, Encoded, encode, type Value } from './cbor.ts'
import { Failure, type Refusal, type Result } from './failure.ts'
import { asLink } from './link.ts'
import type { DID, LocalSigner } from './principal.ts'
import { verifies } from './principal.ts'
import { hasPrefix, SIGNATURE_PREFIX, withPrefix } from './ucan.ts'

/** A host's signed answer to one invocation, in the form of `ucanto/receipt`. */
export interface Receipt<T = unknown> {
  /** CID of the invocation. */
  readonly ran: CID
  readonly out: Result<T, Refusal>
  /** Who says so. */
  readonly issuer: DID
  readonly block: Block
}

/** Signs an answer. Deterministic: the same answer to the same invocation is the same receipt, CID included. */
export const issueReceipt = (signer: LocalSigner, ran: CID, out: Result<unknown, Refusal>): Block => {
  const outcome = encode({
    fx: { fork: [] },
    iss: signer.did,
    out: out.error ? { error: out.error } : { ok: out.ok },
    prf: [],
    ran,
    meta: {},
  })
  const signature = signer.sign(outcome)
  const bytes = encode({ ocm: new Encoded(outcome), sig: withPrefix(signature) })
  return { cid: cidOf(bytes), bytes }
}

/**
 * Reads a receipt and checks that `host` signed it for the invocation `ran`. The receipt is the only thing a caller
 * may believe, so there is no way to read one unchecked.
 * @throws Failure Malformed, WrongAudience (another issuer or another invocation), BadSignature
 */
export const readReceipt = <T>(block: Block, ran: CID, host: DID): Receipt<T> => {
  const receipt = (decode(block.bytes) ?? {}) as { ocm?: { [field: string]: Value }; sig?: Value }
  const { ocm, sig } = receipt
  const out = ocm?.out as Result<T, Refusal> | undefined
  const answered = asLink(ocm?.ran)
  const isReceipt = ocm && answered && sig instanceof Uint8Array && sig.length === SIGNATURE_PREFIX.length + 64 && isResult(out)
  // Another field would stand in no signature.
  if (!isReceipt || Object.keys(receipt).length !== 2) {
    throw new Failure('Malformed', 'The answer is no receipt.', { link: String(block.cid) })
  }
  if (ocm.iss !== host)
    throw new Failure('WrongAudience', `The receipt is issued by ${String(ocm.iss)}, not by ${host}.`, { link: String(block.cid) })
  if (!answered.equals(ran)) throw new Failure('WrongAudience', 'The receipt answers another invocation.', { link: String(block.cid) })
  const outcome = block.bytes.subarray(BEFORE_OUTCOME, block.bytes.length - BEHIND_OUTCOME)
  if (!hasPrefix(sig) || !verifies(host, outcome, sig.subarray(SIGNATURE_PREFIX.length))) {
    throw new Failure('BadSignature', 'The receipt is not signed by the host.', { link: String(block.cid) })
  }
  return { ran: answered, out, issuer: host, block }
}

/** A block has one form, so what is signed needs not be encoded again: it stands between the names of the two fields. */
const BEFORE_OUTCOME = 1 + encode('ocm').length
const BEHIND_OUTCOME = encode('sig').length + 2 + SIGNATURE_PREFIX.length + 64

/** Either an answer or a refusal: of both, two readers could believe one each. */
const isResult = <T>(out: Result<T, Refusal> | undefined): out is Result<T, Refusal> =>
  typeof out === 'object' &&
  out !== null &&
  ('ok' in out || typeof (out as { error?: Refusal }).error?.name === 'string') &&
  Object.keys(out).length === 1
