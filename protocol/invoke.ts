import type { Value } from './cbor.ts'
import type { Channel } from './channel.ts'
import { type Ability, canOf, type Errors, type Input, type Output, type Service } from './contract.ts'
import { nonce, type Proof, ucansOf } from './delegation.ts'
import { endVerified } from './ending.ts'
import { Failure, type Refusal, type Result } from './failure.ts'
import { textOf } from './link.ts'
import { decodeReceipts, encodeInvocations } from './message.ts'
import type { DID, Signer } from './principal.ts'
import { readReceipt } from './receipt.ts'
import { mustMatch } from './schema.ts'
import { issueUcan, type Ucan } from './ucan.ts'

/** A caller with what it shows: its key, the host it means, the space it acts for, and its proofs. */
export interface Caller {
  readonly signer: Signer
  readonly host: DID
  /** The DID that the call is about: a space, or the host's own for operators. */
  readonly subject: DID
  /** Delegations and leases that the call relies on. */
  readonly proofs: readonly Proof[]
  readonly channel: Channel
  /** Unix seconds. */
  now(): number
}

/** What a call may be given beside its input. */
export interface CallOptions {
  signal?: AbortSignal
  /** Seconds that the invocation lives; the host may allow less than you ask. */
  life?: number
  /** UCANs that the call is about, beside the ones that prove it. */
  attach?: readonly Proof[]
  /** What goes up beside the call, where the ability streams in. */
  body?: ReadableStream<Uint8Array>
}

/** How long an invocation lives unless told. Short: a call that comes late was given up by its caller. */
const LIFE = 60

/** The verified answer; `body` is what streams behind it. It breaks off with a Failure: what the host refuses the rest with, verified as well, or Unavailable. */
export interface Answered<T> {
  readonly result: Result<T, Refusal>
  readonly body?: ReadableStream<Uint8Array>
}

/**
 * Invokes an ability and verifies the receipt: its signature, its issuer, that it is for this call, and that the answer has the shape of the contract.
 * The one way by which anything is called.
 * @throws Failure where there is no receipt to believe: Unavailable, Cancelled, BadSignature, InvalidInput before sending, and so on
 */
export const invoke = async <S extends Service, N extends keyof S['abilities'] & string>(
  caller: Caller,
  service: S,
  name: N,
  input: Input<S['abilities'][N]>,
  options: CallOptions = {},
): Promise<Answered<Output<S['abilities'][N]>>> => {
  const ability = service.abilities[name]
  if (!ability) throw new TypeError(`The service ${service.id} has no ability ${name}.`)
  mustMatch(ability.nb, input, canOf(service.id, name))
  const invocation = await issueUcan(caller.signer, {
    audience: caller.host,
    capabilities: [{ can: canOf(service.id, name), with: caller.subject, nb: defined(input as object) }],
    expiration: caller.now() + (options.life ?? LIFE),
    nonce: nonce(),
    proofs: caller.proofs.map(({ ucan }) => ucan.cid),
  })
  const message = encodeInvocations([invocation], ucansOf([...caller.proofs, ...(options.attach ?? [])]))
  const signal = options.signal && { signal: options.signal }
  const answered = (bytes: Uint8Array) => resultOf<Output<S['abilities'][N]>>(bytes, invocation, caller.host, ability)
  if (ability.stream === 'none') return { result: answered(await caller.channel.request(message, { ...signal })) }
  const answer = await caller.channel.open(message, { ...signal, ...(options.body && { body: options.body }) })
  const result = answered(answer.message)
  return answer.body && !result.error ? { result, body: endVerified(answer.body, invocation.cid, caller.host) } : { result }
}

const resultOf = <T>(message: Uint8Array, invocation: Ucan, host: DID, { ok, errors }: Ability): Result<T, Refusal> => {
  const block = decodeReceipts(message).get(textOf(invocation.cid))
  if (!block) throw new Failure('Malformed', 'The host answered without a receipt for the call.')
  const { out } = readReceipt<T>(block, invocation.cid, host)
  // What a host signs may still be something else than the types say to who called.
  const shape = out.error ? declared(errors, out.error.name) : ok
  if (shape) mustMatch(shape, out.error ?? out.ok, 'The host answered against the contract', 'Malformed', true)
  return out
}

/** A host may call an error as what every map inherits is called. */
const declared = (errors: Errors, name: string): Errors[string] | undefined => (Object.hasOwn(errors, name) ? errors[name] : undefined)

/** Absent fields are absent in the signed bytes as well. */
const defined = (input: object): { readonly [field: string]: Value } =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
