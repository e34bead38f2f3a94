import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Ability,
  admit,
  authorize,
  type Bounds,
  cidOf,
  type DID,
  decode,
  decodeCar,
  decodeReceipts,
  decodeUcan,
  endVerified,
  Failure,
  type Guard,
  httpChannel,
  isSigned,
  type Refusal,
  type Revocation,
  readReceipt,
  STREAM_TYPE,
  signingPayload,
  streamFrom,
  type Ucan,
  UcanMemory,
  verifySignature,
} from '@symbiosis/protocol'
import { CID } from 'multiformats/cid'
import { allow, ask, deny } from '../../host/index.ts'
import { World } from '../fixtures.ts'
import type { Reader } from './comparing.ts'
import type {
  Allowed,
  CarBounds,
  CarVector,
  CborVector,
  Ed25519Vector,
  ExchangeVector,
  ExpectedReceipt,
  Presumed,
  ReceiptVector,
  Refused,
  StreamVector,
  UcanVector,
} from './format.ts'
import { fromBase64, toBase64, toDagJson } from './json.ts'
import { SERVICES, servicesOf } from './presumed.ts'

const refusedOr = <T>(read: () => T): T | Refused => {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof Failure) return refusalOf(thrown.toRefusal())
    throw thrown
  }
}

const refusalOf = ({ name, field, chain, link, by }: Refusal): Refused =>
  Object.fromEntries(
    Object.entries({ code: name, field, chain, link, by }).filter(([, value]) => value !== undefined),
  ) as unknown as Refused

/**
 * The implementation of this repository, by its public exports; exchanges are held with a host, and what it answers has to be what `authorize` says.
 * Each vector that changes something has a host of its own.
 */
export class Ours implements Reader, AsyncDisposable {
  readonly untold = []
  readonly #folders = mkdtempSync(join(tmpdir(), 'symbiosis-vectors-'))
  #opened = 0
  #shared: Promise<World> | undefined

  async cbor({ bytes }: CborVector) {
    return refusedOr(() => ({ value: toDagJson(decode(fromBase64(bytes))) }))
  }

  async car({ bytes }: CarVector, bounds: CarBounds) {
    return refusedOr(() => {
      const { roots, blocks } = decodeCar(fromBase64(bytes), bounds)
      return { roots: roots.map(String), blocks: blocks.map((block) => ({ cid: String(block.cid), bytes: toBase64(block.bytes) })) }
    })
  }

  async ucan({ bytes }: UcanVector) {
    return refusedOr(() => {
      const block = fromBase64(bytes)
      const ucan = decodeUcan(cidOf(block), block)
      const { cid, bytes: _, signature: __, ...claims } = ucan
      return {
        cid: String(cid),
        claims: toDagJson(claims),
        payload: new TextDecoder().decode(signingPayload(ucan)),
        signed: isSigned(ucan),
      }
    })
  }

  async ed25519({ publicKey, message, signature }: Ed25519Vector) {
    const [native, js] = (['native', 'js'] as const).map((backend) =>
      verifySignature(backend, fromBase64(publicKey), fromBase64(message), fromBase64(signature)),
    )
    return native === js ? { valid: native } : { native, js }
  }

  async receipt({ host, ran, bytes }: ReceiptVector) {
    return refusedOr(() => {
      const block = fromBase64(bytes)
      return { out: toDagJson(readReceipt({ cid: cidOf(block), bytes: block }, CID.parse(ran), host as DID).out) }
    })
  }

  /** However the bytes come, they say the same. */
  async stream(vector: StreamVector) {
    const { length } = fromBase64(vector.bytes)
    const [whole, ...parted] = await Promise.all([length, 1, 3].map((size) => readStream(vector, size)))
    return parted.every((read) => JSON.stringify(read) === JSON.stringify(whole)) ? whole : { whole, parted }
  }

  async exchange(vector: ExchangeVector, presumed: Presumed) {
    if (changesNothing(vector, presumed)) {
      this.#shared ??= this.#open({}, presumed)
      return answersOf(await this.#shared, vector, presumed)
    }
    const world = await this.#open(vector, presumed)
    try {
      return await answersOf(world, vector, presumed)
    } finally {
      await world.close()
    }
  }

  #open({ bounds, options }: Pick<ExchangeVector, 'bounds' | 'options'>, presumed: Presumed): Promise<World> {
    const dir = join(this.#folders, String(++this.#opened))
    mkdirSync(dir, { mode: 0o700 })
    const seed = Buffer.from(presumed.seed, 'base64').toString('base64url')
    writeFileSync(join(dir, 'host.key'), JSON.stringify({ version: 1, did: presumed.host, seed }), { mode: 0o600 })
    const { consent, ...limits } = { ...presumed.options, ...options }
    return World.open({
      dir,
      services: servicesOf(),
      bounds: { ...presumed.bounds, ...bounds } as Partial<Bounds>,
      consent: CONSENTS[consent],
      maxLife: presumed.maxLife,
      followNamed: 'none',
      ...limits,
    })
  }

  async [Symbol.asyncDispose]() {
    await (await this.#shared)?.close()
    rmSync(this.#folders, { recursive: true, force: true })
  }
}

/** By the channel, as a caller does. */
const readStream = async ({ host, ran, bytes }: StreamVector, size: number): Promise<unknown> => {
  const whole = fromBase64(bytes)
  const chunks = Array.from({ length: Math.ceil(whole.length / size) }, (_, at) => whole.slice(at * size, (at + 1) * size))
  async function* parts() {
    yield* chunks
  }
  const response = new Response(streamFrom(parts()), { headers: { 'content-type': STREAM_TYPE } })
  const content: number[] = []
  const read = (message: Uint8Array) => ({ message: toBase64(message), content: toBase64(Uint8Array.from(content)) })
  let message: Uint8Array | undefined
  try {
    const answer = await httpChannel('http://host', async () => response).open(new Uint8Array())
    message = answer.message
    for await (const chunk of endVerified(answer.body as ReadableStream<Uint8Array>, CID.parse(ran), host as DID)) content.push(...chunk)
    return read(message)
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown
    const refusal = thrown.toRefusal()
    // Only a host signs that, here.
    return message && refusal.name === 'Revoked' ? { ...read(message), refusal: toDagJson(refusal) } : refusalOf(refusal)
  }
}

const changesNothing = (vector: ExchangeVector, presumed: Presumed): boolean => {
  const { steps, bounds, options, now } = vector
  const [first] = steps
  if (!first || steps.length > 1 || bounds || options) return false
  const { calls } = decide(fromBase64(first.message), guardOf(vector, presumed, first.now ?? now, []), new UcanMemory())
  return calls.every(({ refused, effect }) => refused || effect === 'read')
}

const answersOf = async (world: World, vector: ExchangeVector, presumed: Presumed): Promise<unknown[]> => {
  const memory = new UcanMemory()
  const revocations: Revocation[] = []
  const answers: unknown[] = []
  for (const { message, now = vector.now } of vector.steps) {
    world.now = now
    const bytes = fromBase64(message)
    const decided = decide(bytes, guardOf(vector, presumed, now, revocations), memory)
    const answer = await answerOf(world, bytes, decided)
    answers.push(answer)
    // Of what the host acknowledged, `authorize` is told.
    for (const [index, { allowed, revokes }] of decided.calls.entries()) {
      if (!allowed || !revokes || answer.receipts?.[index]?.code !== undefined) continue
      revocations.push({ ucan: revokes, by: allowed.space as DID, at: now, expiration: null, cause: '' })
    }
  }
  return answers
}

const CONSENTS = { allow, ask, deny }

const ABILITIES = new Map(
  SERVICES.flatMap((service) =>
    Object.entries(service.abilities).map(([name, ability]) => {
      const can = `${service.id}/${name}`.toLowerCase()
      return [can, { can, name, service, ability: ability as Ability }] as const
    }),
  ),
)

const guardOf = (vector: ExchangeVector, presumed: Presumed, now: number, revocations: readonly Revocation[]): Guard => ({
  host: presumed.host as DID,
  now,
  maxLife: presumed.maxLife,
  bounds: { ...presumed.bounds, ...vector.bounds } as unknown as Bounds,
  ability: (can) => ABILITIES.get(can),
  revocations: (cid) => revocations.filter(({ ucan }) => ucan === String(cid)),
})

interface Decided {
  readonly refused?: Refused
  readonly calls: { ucan: Ucan; refused?: Refused; effect?: string; allowed?: Allowed; revokes?: string }[]
}

type Answered = Partial<Refused> & { readonly receipts?: readonly ExpectedReceipt[] }

const decide = (bytes: Uint8Array, guard: Guard, memory: UcanMemory): Decided => {
  try {
    const message = admit(bytes, guard.bounds, memory)
    const calls = message.invocations.map((ucan) => {
      const { ok, error } = authorize(ucan, message, guard)
      if (!ok) return { ucan, refused: refusalOf(error) }
      const allowed = { space: ok.space, owner: ok.owner.map(({ cid }) => String(cid)), leases: ok.leases }
      return { ucan, effect: ok.bound.ability.effect, allowed, ...(ok.bound.can === 'ucan/revoke' && { revokes: String(ok.input.ucan) }) }
    })
    return { calls }
  } catch (thrown) {
    if (thrown instanceof Failure) return { refused: refusalOf(thrown.toRefusal()), calls: [] }
    throw thrown
  }
}

const answerOf = async (world: World, bytes: Uint8Array, decided: Decided): Promise<Answered> => {
  let answer: Uint8Array
  try {
    answer = await world.channel.request(bytes)
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown
    const refused = refusalOf(thrown.toRefusal())
    return same(refused, decided.refused) ? refused : { code: 'the host and admit do not agree' }
  }
  if (decided.refused) return { code: 'the host answered what admit refuses' }
  const receipts = decodeReceipts(answer)
  const answers = decided.calls.map((call): ExpectedReceipt => {
    const ran = String(call.ucan.cid)
    const block = receipts.get(ran)
    if (!block) return { ran, code: 'there is no receipt' }
    const { ok, error } = readReceipt<Record<string, never>>(block, call.ucan.cid, world.did).out
    if (call.refused && !same(call.refused, error && refusalOf(error))) return { ran, code: 'the host and authorize do not agree' }
    if (error) return { ran, ...refusalOf(error) }
    return { ran, ok: toDagJson(ok) as never, receipt: String(block.cid), allowed: call.allowed as Allowed }
  })
  return { receipts: answers }
}

const same = (a: Refused | undefined, b: Refused | undefined): boolean => JSON.stringify(a) === JSON.stringify(b)
