export { type AccessState, type Asked, access } from './access.ts'
export { type Admitted, admit, admitting, BOUNDS, type Bounds, UcanMemory } from './admission.ts'
export { type Authorized, authorize, type Bound, type Guard } from './authorize.ts'
export { type Block, cidOf, sha256, verifyBlock } from './block.ts'
export { type CarBounds, decodeCar, encodeCar, encodeVarint, readCarStream, StreamReader, writeCarStream } from './car.ts'
export { decode, encode, type Value } from './cbor.ts'
export { findPaths, type Path, revokedBy, type Search } from './chain.ts'
export type { Answer, Call, Channel, Door, Gate, OpenOptions } from './channel.ts'
export { STREAM_TYPE } from './channels/framing.ts'
export { answerAll, gathersUploads, type HttpOptions, httpChannel, httpListener, type Page, readAll, unreachable } from './channels/http.ts'
export { inProcessChannel } from './channels/in-process.ts'
export { Checks, finish, type Steps } from './checks.ts'
export { CLOCK_SKEW } from './clock.ts'
export {
  type Abilities,
  type Ability,
  type Authority,
  ability,
  canOf,
  type Effect,
  type Errors,
  type Input,
  type Limit,
  type Limits,
  limit,
  type Output,
  type Service,
  type Streaming,
  service,
} from './contract.ts'
export { archive, delegate, extract, nonce, type Proof, proofOf, ucansOf } from './delegation.ts'
export { type Backend, backend, type Ed25519, type KeyPair, useEd25519, verifySignature } from './ed25519.ts'
export { BrokenOff, endVerified } from './ending.ts'
export type { Admit, Blocks, Fetched, FoundPeer, Routing } from './engine.ts'
export { brief, CODES, type Code, type Details, Failure, isAbort, type Refusal, type Result, refuse, toRefusal, unwrap } from './failure.ts'
export type { Freshness } from './freshness.ts'
export { type HomeLog, homeLogsFact, homeLogsOf, MAX_HOME_LOGS } from './home-logs.ts'
export { type Answered, type Caller, type CallOptions, invoke } from './invoke.ts'
export { type Amounts, covers, type Edge, exceeds, LEASE, leaseCan, leaseOf, leases, serviceOf } from './lease.ts'
export { asLink, sameBytes, textOf } from './link.ts'
export { CAR_TYPE, decodeReceipts, encodeInvocations, encodeReceipts } from './message.ts'
export type { OpenService, ServicePlace } from './opening.ts'
export { operator } from './operator.ts'
export { signingPayload } from './payload.ts'
export {
  bytesFromDid,
  type DID,
  didFromPublicKey,
  generateSeed,
  isDid,
  type LocalSigner,
  type Signer,
  signerFromSeed,
  verifies,
} from './principal.ts'
export {
  type Account,
  type Charge,
  type Context,
  defaultAmounts,
  type Environment,
  type Failed,
  failed,
  type Handlers,
  type Hooks,
  type Kept,
  type Provided,
  provide,
  type Records,
  type Streamed,
  type Transaction,
  type Workspace,
} from './provide.ts'
export { issueReceipt, type Receipt, readReceipt } from './receipt.ts'
export { ReplyWriter } from './reply.ts'
export { bearing, type Revocation } from './revocation/bearing.ts'
export { parseCheckpoint } from './revocation/checkpoint.ts'
export { type Consistency, verifyConsistency } from './revocation/consistency.ts'
export { leafHash } from './revocation/hashing.ts'
export { type Inclusion, rootFromInclusion, verifyInclusion } from './revocation/inclusion.ts'
export type { Logged } from './revocation/logged.ts'
export { type Note, type NoteBounds, type NoteSignature, parseNote, type VerifiedNote, verifyNote } from './revocation/note.ts'
export { verifyLogged } from './revocation/proven.ts'
export { revocation } from './revocation/service.ts'
export * from './schema.ts'
export { streamFrom, streamTelling, streamUntil } from './stream.ts'
export { type Capability, decodeUcan, isSigned, issueUcan, type Ucan } from './ucan.ts'
export { Undecided } from './undecided.ts'
