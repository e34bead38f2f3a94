import { createPrivateKey, sign } from 'node:crypto'
import * as dagCbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { type Judgement, judge, type Question } from '../protocol/oracle.ts'
import { admitPlainly, type CarriedUcan, type Message, proofsOf } from './admit.ts'
import type { ExchangeVector, ExpectedReceipt, Options, Presumed, PresumedAbility, Refused } from './format.ts'
import { fromBase64, toDagJson } from './json.ts'
import { misfit } from './plain-schema.ts'
import { PlainServices } from './plain-services.ts'
import { Refusal } from './refusal.ts'
import { cidOf } from './strict.ts'

type Claim = CarriedUcan['capabilities'][number]
export type Answer = Refused | { readonly receipts: readonly ExpectedReceipt[] }

/** A call that may run. */
export interface Permitted {
  readonly invocation: CarriedUcan
  readonly claim: Claim
  readonly ability: PresumedAbility
  readonly judgement: Judgement
}

export interface Revocation {
  readonly ucan: string
  readonly by: string
  readonly at: number
}

/**
 * A host in plain words, for checking what vectors expect: slow, forgetful of nothing, and made of stock libraries and the oracle of the two-chain rules. It
 * knows of the services what the vectors' file says.
 */
export class PlainHost {
  readonly presumed: Presumed
  readonly bounds: { readonly [bound: string]: number }
  readonly options: Required<Options>
  readonly revocations: Revocation[] = []
  readonly #services = new PlainServices(this)
  /** Answers of calls that run once, by CID. */
  readonly #answered = new Map<string, object>()

  constructor(presumed: Presumed, { bounds, options }: Pick<ExchangeVector, 'bounds' | 'options'>) {
    this.presumed = presumed
    this.bounds = { ...presumed.bounds, ...bounds }
    this.options = { ...presumed.options, ...options }
  }

  async answer(bytes: Uint8Array, now: number): Promise<Answer> {
    let message: Message
    try {
      message = await admitPlainly(bytes, this.bounds)
    } catch (thrown) {
      return refusedBy(thrown)
    }
    const receipts: ExpectedReceipt[] = []
    for (const invocation of message.invocations) receipts.push(await this.#call(invocation, message, now))
    return { receipts }
  }

  async #call(invocation: CarriedUcan, message: Message, now: number): Promise<ExpectedReceipt> {
    const ran = invocation.cid
    try {
      const permitted = this.#permitOf(invocation, message, now)
      const { judgement, claim } = permitted
      const ok = this.#run(permitted, message, now)
      const [owner = []] = judgement.owner
      const receipt = String(await this.#receipt(invocation, ok))
      return { ran, ok: toDagJson(ok) as never, receipt, allowed: { space: claim.with, owner, leases: judgement.leases } }
    } catch (thrown) {
      return { ran, ...refusedBy(thrown) }
    }
  }

  /** The steps in their order. */
  #permit(invocation: CarriedUcan, message: Message, now: number): Permitted {
    const { host, skew, maxLife } = this.presumed
    const [claim, ...more] = invocation.capabilities
    if (!claim || more.length > 0) throw new Refusal('Malformed')
    const { expiration, notBefore = 0 } = invocation
    if (expiration !== null && now > expiration + skew) throw new Refusal('Expired')
    if (now < notBefore - skew) throw new Refusal('TooEarly')
    if (expiration === null || expiration > now + maxLife + skew) throw new Refusal('TooLong')
    this.#mustBeFewSignatures(invocation, message)
    if (!invocation.signed) throw new Refusal('BadSignature')
    if (invocation.audience !== host) throw new Refusal('WrongAudience')
    const service = this.presumed.services.find(({ abilities }) => Object.hasOwn(abilities, claim.can))
    const ability = service?.abilities[claim.can]
    if (!service || !ability) throw new Refusal('UnknownAbility', 'can')
    if (ability.authority === 'leased' && claim.with === host) throw new Refusal('NotOwner', 'with')
    if (ability.authority === 'operator' && claim.with !== host) throw new Refusal('NotOwner', 'with')
    const field = misfit(claim.nb ?? {}, ability.nb)
    if (field !== undefined) throw new Refusal('InvalidInput', field)
    const fields = Object.keys(ability.nb.properties ?? {})
    const limits = ability.authority === 'leased' ? service.limits : null
    const judgement = this.judge({ issuer: invocation.issuer, claim, fields, limits }, invocation, message, now)
    const owner = judgement.owner.filter((chain) => !this.#isStale(chain, message, ability))
    if (judgement.code === undefined && owner.length > 0) return { invocation, claim, ability, judgement: { ...judgement, owner } }
    if (judgement.code === undefined) throw Object.assign(new Refusal('StaleLog'), { chain: 'owner' })
    const refusal = new Refusal(judgement.tried > (this.bounds.paths as number) ? 'TooLarge' : judgement.code)
    refusal.chain = judgement.chain
    throw refusal
  }

  /** Nobody else's log was ever heard of here, so a chain that names one is stale, unless the ability doesn't care. */
  #isStale(chain: readonly string[], { ucans }: Message, { freshness }: PresumedAbility): boolean {
    const named = chain.flatMap((cid) => namedLogs(ucans.get(cid) as CarriedUcan) ?? [])
    return freshness.stale !== null && named.some((did) => did !== this.presumed.host)
  }

  /** What the oracle says of a claim on the proofs of an invocation. */
  judge(
    question: Pick<Question, 'issuer' | 'claim' | 'fields' | 'limits'>,
    invocation: CarriedUcan,
    { ucans }: Message,
    now: number,
  ): Judgement {
    const { host, skew } = this.presumed
    return judge({
      ...question,
      host,
      now,
      skew,
      proofs: invocation.proofs.map(String),
      ucans: new Map(
        [...ucans].map(([cid, ucan]) => [
          cid,
          { ...(namedLogs(ucan) ? ucan : { ...ucan, capabilities: COVERING_NOTHING }), proofs: ucan.proofs.map(String) },
        ]),
      ),
      unsigned: new Set([...ucans.values()].filter(({ signed }) => !signed).map(({ cid }) => cid)),
      revocations: this.revocations,
    })
  }

  /** What is refused before the chains were asked is the call itself. */
  #permitOf(invocation: CarriedUcan, message: Message, now: number): Permitted {
    try {
      return this.#permit(invocation, message, now)
    } catch (thrown) {
      if (thrown instanceof Refusal) thrown.chain ??= 'invocation'
      throw thrown
    }
  }

  /** Counted as if all that hangs together were asked for, as it is where nothing is wrong. */
  #mustBeFewSignatures(invocation: CarriedUcan, { ucans }: Message): void {
    const asked = new Set<CarriedUcan>()
    const ask = (ucan: CarriedUcan): void => {
      if (asked.has(ucan)) return
      asked.add(ucan)
      for (const proof of proofsOf(ucan, ucans)) ask(proof)
    }
    ask(invocation)
    if (asked.size > (this.bounds.signatures as number)) throw new Refusal('TooLarge', 'signatures')
  }

  /** A call that runs once has its answer kept: the same call gets the same one. */
  #run(permitted: Permitted, message: Message, now: number): object {
    const { ability, invocation } = permitted
    if (ability.stream !== 'none') throw new Refusal('Unsupported')
    const known = this.#answered.get(invocation.cid)
    if (known) return known
    const ok = this.#services.run(permitted, message, now)
    if (ability.effect === 'once') this.#answered.set(invocation.cid, ok)
    return ok
  }

  async #receipt(invocation: CarriedUcan, ok: object): Promise<CID> {
    const ocm = { fx: { fork: [] }, iss: this.presumed.host, out: { ok }, prf: [], ran: CID.parse(invocation.cid), meta: {} }
    // RFC 8410: what stands before the seed in PKCS #8.
    const der = Buffer.from(`302e020100300506032b657004220420${Buffer.from(fromBase64(this.presumed.seed)).toString('hex')}`, 'hex')
    const signature = sign(null, dagCbor.encode(ocm), createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
    return cidOf(dagCbor.encode({ ocm, sig: Uint8Array.of(0xed, 0xa1, 0x03, 0x40, ...signature) }))
  }
}

const COVERING_NOTHING = [{ can: 'nothing/nothing', with: 'nothing:' }]

/** Whose logs the facts of a UCAN name; undefined where a fact with the key "logs" has another shape than it must have. */
const namedLogs = ({ facts }: CarriedUcan): string[] | undefined => {
  const lists = (facts as object[]).filter((fact) => Object.hasOwn(fact, 'logs')).map((fact) => (fact as { logs: unknown }).logs)
  if (!lists.every((list) => Array.isArray(list))) return undefined
  const logs = (lists as unknown[][]).flat() as { did?: unknown; url?: unknown }[]
  const isLog = ({ did, url, ...more }: { did?: unknown; url?: unknown }) =>
    Object.keys(more).length === 0 &&
    typeof did === 'string' &&
    /^did:key:z6Mk/.test(did) &&
    typeof url === 'string' &&
    url !== '' &&
    url.length <= 512
  return logs.length <= 8 && logs.every((log) => typeof log === 'object' && log !== null && isLog(log))
    ? logs.map(({ did }) => did as string)
    : undefined
}

export const refusedBy = (thrown: unknown): Refused => {
  if (!(thrown instanceof Refusal)) throw thrown
  const { code, field, chain } = thrown
  return { code, ...(field !== undefined && { field }), ...(chain !== undefined && { chain }) }
}
