import {
  type Answered,
  type CallOptions,
  canOf,
  type DID,
  Failure,
  type Input,
  invoke,
  mustMatch,
  type Output,
  type Refusal,
  type Service,
  streamTelling,
} from '@symbiosis/protocol'
import { type Choice, choices, noChoice, type Wanted } from './choose.ts'
import { type PatienceOptions, patiently } from './patience.ts'
import { isUnavailable } from './route.ts'
import { callerTo, type Self } from './self.ts'
import { Upload } from './upload.ts'

/** Which space and host a call is for. */
export interface ChoiceOptions {
  /** Only for this space. */
  space?: DID
  /** Only at this host: its DID, name or address. */
  host?: string
}

/** What a call of a symbiont may be given beside its input. */
export interface SymbiontCallOptions extends CallOptions, ChoiceOptions, PatienceOptions {}

/**
 * Calls an ability at the best host for it. Where that one tells that what was shown is revoked, or is unavailable and the ability's effect is not
 * `once`, the next is asked, as long as no host has begun to take the body. One that asks to come back later is asked again.
 * @throws Failure NoLease, Expired, NotOwner where there is no way to make the call; else what `invoke` throws
 */
export const call = async <S extends Service, N extends keyof S['abilities'] & string>(
  self: Self,
  service: S,
  name: N,
  input: Input<S['abilities'][N]>,
  { space, host, patience, ...options }: SymbiontCallOptions = {},
): Promise<Answered<Output<S['abilities'][N]>>> => {
  const ability = service.abilities[name]
  if (!ability) throw new TypeError(`The service ${service.id} has no ability ${name}.`)
  const can = canOf(service.id, name)
  mustMatch(ability.nb, input, can)
  const wanted: Wanted = { can, authority: ability.authority, ...(space && { space }), ...(host && { host }) }
  const candidates = await findChoices(self, wanted)
  const upload = options.body && new Upload(options.body)
  const attempts: Attempt<Output<S['abilities'][N]>>[] = []
  for (const choice of candidates) {
    if (attempts.some(({ gone }) => gone && reliesOn(choice, gone))) continue
    const send = () => invoke(callerTo(self, choice.host, choice.subject, choice.proofs, upload), service, name, input, options)
    const attempt = await attemptAt(choice, () => patiently(send, { signal: options.signal, patience }, () => !upload?.begun))
    attempts.push(attempt.answered ? { ...attempt, answered: learning(self, choice, attempt.answered) } : attempt)
    if (attempt.gone) await learn(self, attempt.gone)
    // What is revoked didn't run; what didn't answer may have.
    const again = attempt.gone || (attempt.unavailable && ability.effect !== 'once')
    if (!again || upload?.begun) break
  }
  if (upload && !upload.begun) await upload.discard()
  return settle(attempts)
}

interface Attempt<T> {
  readonly choice: Choice
  readonly answered?: Answered<T>
  readonly thrown?: unknown
  readonly unavailable: boolean
  /** What of this choice the host says is revoked. */
  readonly gone?: Gone
}

interface Gone {
  readonly link: string
  readonly by?: string
  readonly at: number
}

/** Looks again where nothing was found: another process may have come by a lease. */
const findChoices = async (self: Self, wanted: Wanted): Promise<Choice[]> => {
  let found = choices(self, wanted)
  if (found.length === 0) {
    await self.holdings.reload()
    found = choices(self, wanted)
  }
  if (found.length === 0) throw noChoice(self, wanted)
  return found
}

const attemptAt = async <T>(choice: Choice, send: () => Promise<Answered<T>>): Promise<Attempt<T>> => {
  try {
    const answered = await send()
    const { error } = answered.result
    const gone = error && goneOf(error, choice)
    return { choice, answered, unavailable: error?.name === 'Unavailable', ...(gone && { gone }) }
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown
    const { name, message, details } = thrown
    const named = new Failure(name, message, { host: choice.host.did, ...details }, { cause: thrown.cause })
    return { choice, thrown: named, unavailable: isUnavailable(thrown) }
  }
}

/** A host is believed only about links that it was shown. */
const goneOf = (error: Refusal, choice: Choice): Gone | undefined => {
  const { link, by, at } = error
  if (error.name !== 'Revoked' || link === undefined || !reliesOn(choice, { link })) return undefined
  return { link, ...(typeof by === 'string' && { by }), at: typeof at === 'number' ? at : 0 }
}

const reliesOn = ({ proofs }: Choice, { link }: { link: string }): boolean =>
  proofs.some((proof) => [proof.ucan, ...proof.proofs].some(({ cid }) => String(cid) === link))

/** Remembers what is revoked, so that alternatives come first from now on. Never throws: the answer matters more than that it's remembered. */
const learn = async ({ holdings }: Self, { link, by, at }: Gone): Promise<void> => {
  if (holdings.revocationOf(link)) return
  const remembered = holdings.update((state) => {
    if (!state.revoked.some(({ ucan }) => ucan === link)) state.revoked.push({ ucan: link, ...(by && { by }), at, told: [] })
  })
  await remembered.catch(() => {})
}

/** The same answer, whose stream is heeded like an answer where the host ends it because something was revoked. */
const learning = <T>(self: Self, choice: Choice, { result, body }: Answered<T>): Answered<T> => {
  if (!body) return { result }
  const heeded = streamTelling(body, async (thrown) => {
    const gone = thrown instanceof Failure ? goneOf(thrown.toRefusal(), choice) : undefined
    if (gone) await learn(self, gone)
    return thrown
  })
  return { result, body: heeded }
}

/** The answer to the call: the last one that is one, else a signed refusal, which says more than that a host is away. */
const settle = <T>(attempts: readonly Attempt<T>[]): Answered<T> => {
  const last = attempts.at(-1)
  const telling = last?.unavailable ? (attempts.find(({ gone }) => gone) ?? last) : last
  if (telling?.answered) return telling.answered
  if (attempts.length === 1) throw last?.thrown
  throw new Failure('Unavailable', `None of the ${attempts.length} ways to make this call led to a host.`, {
    hosts: attempts.map(({ choice, thrown }) => ({
      host: choice.host.did,
      name: choice.host.name,
      message: (thrown as Failure | undefined)?.message ?? '',
    })),
    hint: 'Check that one of them runs, and that this device is online.',
  })
}
