import {
  type Block,
  type Capability,
  type DID,
  issueReceipt,
  issueUcan,
  type LocalSigner,
  type Proof,
  type Ucan,
  ucansOf,
} from '@symbiosis/protocol'
import { HOUR, messageOf, NOW } from '../fixtures.ts'
import type { Edge, ExchangeVector, ExpectedReceipt, Refused, Step, VectorFile } from './format.ts'
import { toBase64, toDagJson } from './json.ts'
import { host, PRESUMED } from './presumed.ts'

interface Given {
  can?: string
  subject?: string
  nb?: object
  capabilities?: readonly object[]
  expiration?: number | null
  notBefore?: number
  facts?: Ucan['facts']
  proofs?: readonly Proof[]
  nonce?: string
}

export interface CallSpec extends Given {
  from: LocalSigner
  audience?: DID
  /** UCANs that come along without being named. */
  attach?: readonly Proof[]
  /** What comes along in the place of the UCANs that the proofs are made of. */
  blocks?: readonly Block[]
}

interface Good {
  readonly owner?: readonly Proof[]
  readonly leases?: readonly (readonly Proof[])[]
  /** The whole answer; what `jar/look` finds in an empty jar unless told. */
  readonly ok?: object
  /** Of an answer that says more. */
  readonly partly?: object
}

export type Expected = string | Refused | Good
type Circumstances = Partial<Pick<ExchangeVector, 'now' | 'bounds' | 'options'>>

/** Makes UCANs and calls whose nonces are counted, so that each is the same whenever it is made. */
class Making {
  readonly #area: string
  #made = 0

  constructor(area: string) {
    this.#area = area
  }

  /** A delegation over a space, from its owner or from whom it was delegated to. */
  given = (from: LocalSigner, to: LocalSigner, subject: string, over: Given = {}): Promise<Proof> =>
    this.#issue(from, to.did, { can: 'jar/*', subject, expiration: NOW + HOUR, ...over })

  /** A lease of the host's. */
  lease = (to: LocalSigner, over: Given = {}): Promise<Proof> => this.sublease(host, to, over)

  sublease = (from: LocalSigner, to: LocalSigner, over: Given = {}): Promise<Proof> =>
    this.#issue(from, to.did, { can: 'lease/jar/*', subject: host.did, expiration: NOW + HOUR, ...over })

  invocation = async ({ from, audience = host.did, ...over }: CallSpec): Promise<Ucan> =>
    (await this.#issue(from, audience, { can: 'jar/look', subject: from.did, expiration: NOW + 60, nb: {}, ...over })).ucan

  async #issue(from: LocalSigner, audience: DID, given: Given): Promise<Proof> {
    const { can, subject, nb, capabilities, expiration = null, notBefore, facts, proofs = [], nonce } = given
    const ucan = await issueUcan(from, {
      audience,
      capabilities: (capabilities ?? [{ can, with: subject, ...(nb && { nb }) }]) as Capability[],
      expiration,
      ...(notBefore !== undefined && { notBefore }),
      ...(facts && { facts }),
      nonce: nonce ?? `${this.#area} ${++this.#made}`,
      proofs: proofs.map(({ ucan: { cid } }) => cid),
    })
    return { ucan, proofs: ucansOf(proofs) }
  }
}

/** A file of exchanges in the making. */
export class Exchanges extends Making {
  readonly #about: string
  readonly #vectors: ExchangeVector[] = []

  constructor(area: string, about: string) {
    super(area)
    this.#about = about
  }

  /** A message with one call. */
  async call(name: string, description: string, spec: CallSpec, expected: Expected, under: Circumstances = {}): Promise<void> {
    this.steps(name, description, [await this.step(spec, expected)], under)
  }

  /** A message of any bytes, refused as a whole. */
  refused(name: string, description: string, message: Uint8Array, code: string | Refused, under: Circumstances = {}): void {
    const expect = typeof code === 'string' ? { code } : code
    this.steps(name, description, [{ message: toBase64(message), expect }], under)
  }

  steps(name: string, description: string, steps: readonly Step[], under: Circumstances = {}): void {
    const { now = NOW, ...more } = under
    this.#vectors.push({ name, description, now, ...more, steps })
  }

  async step(spec: CallSpec, expected: Expected, now?: number): Promise<Step> {
    const invocation = await this.invocation(spec)
    return this.stepOf([invocation], spec, [expected], now)
  }

  /** A message with these calls, and what comes along as their specification says. */
  stepOf(invocations: readonly Ucan[], along: Omit<CallSpec, 'from'>, expected: readonly Expected[], now?: number): Step {
    const { proofs = [], attach = [], blocks = ucansOf([...proofs, ...attach]) } = along
    const message = toBase64(messageOf(invocations, [...blocks, ...invocations]))
    const receipts = invocations.map((invocation, index) => receiptOf(invocation, expected[index] as Expected))
    return { ...(now !== undefined && { now }), message, expect: { receipts } }
  }

  file = (): VectorFile => ({ kind: 'exchange', about: this.#about, presumed: PRESUMED, vectors: this.#vectors })
}

/** Codes for which there is no receipt: what they refuse is the message. */
const receiptOf = (invocation: Ucan, expected: Expected): ExpectedReceipt => {
  const ran = String(invocation.cid)
  if (typeof expected === 'string') return { ran, code: expected }
  if ('code' in expected) return { ran, ...expected }
  const { owner = [], leases = [], ok, partly } = expected
  const allowed = {
    space: invocation.capabilities[0]?.with as string,
    owner: owner.map(({ ucan }) => String(ucan.cid)),
    leases: leases.map(edgesOf),
  }
  if (partly) return { ran, ok: toDagJson(partly) as never, allowed }
  const whole = ok ?? { things: [] }
  const receipt = String(issueReceipt(host, invocation.cid, { ok: whole }).cid)
  return { ran, ok: toDagJson(whole) as never, receipt, allowed }
}

const edgesOf = (leases: readonly Proof[]): Edge[] =>
  leases.map(({ ucan }, index) => ({
    by: ucan.issuer,
    to: ucan.audience,
    limits: Object.assign({}, ...leases.slice(0, index + 1).map((lease) => lease.ucan.capabilities[0]?.nb)),
  }))
