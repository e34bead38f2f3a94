import { sodium } from '@symbiosis/host/sodium'
import {
  admit,
  authorize,
  BOUNDS,
  type Ed25519,
  encodeReceipts,
  type Guard,
  generateSeed,
  issueReceipt,
  type LocalSigner,
  signerFromSeed,
  UcanMemory,
  unwrap,
  useEd25519,
} from '@symbiosis/protocol'
import { anchor } from './anchor.ts'
import { type Candidate, cost, interleave, median, type Plan, share } from './rounds.ts'
import { atLeast, figure, type Row } from './rows.ts'
import { type Caller, call, callerOf, leasedBy, leaseFrom, messagesOf, mustAnswer, now, openHost, shelf } from './world.ts'

const LENGTHS = [0, 1, 3, 10]
/** What has no goal is measured at both ends. */
const ENDS = [0, 10]

type Answering = (message: Uint8Array) => Promise<Uint8Array> | Uint8Array

/**
 * One leased read without the network: bytes of a message in, bytes of a message out. Proofs are warm, as they are for whoever calls
 * twice; the invocation is new each time.
 */
export const serverPart = async (plan: Plan): Promise<Row[]> => {
  const [ours, faster] = [await hostWith(), await hostWith(sodium())]
  const bare = pipeline(signerFromSeed(generateSeed()))
  const kinds: {
    name: (length: number) => string
    lengths: readonly number[]
    callers: Map<number, Caller>
    answer: Answering
    ed25519?: Ed25519
  }[] = [
    { name: whole, lengths: LENGTHS, callers: await callersOf(ours.did, ours.lease), answer: ours.answer },
    {
      name: withSodium,
      lengths: LENGTHS,
      callers: await callersOf(faster.did, faster.lease),
      answer: faster.answer,
      ed25519: faster.ed25519 as Ed25519,
    },
    { name: protocolAlone, lengths: ENDS, callers: await callersOf(bare.did, bare.lease), answer: bare.answer },
  ]
  const candidates = kinds.flatMap(({ name, lengths, callers, answer, ed25519 }) =>
    lengths.map((length): Candidate => {
      const caller = callers.get(length) as Caller
      return {
        name: name(length),
        ...(ed25519 && { ed25519 }),
        prepare: (count) => messagesOf(caller, count),
        run: (message) => answer(message as Uint8Array),
      }
    }),
  )
  for (const candidate of candidates) await mustAnswer(candidate)
  const costs = await interleave([anchor() as Candidate, ...candidates], plan)
  await ours.close()
  await faster.close()

  const of = (name: string) => ({ name, value: 100 * share(costs, 'anchor', name), unit: '% of the anchor' })
  const [shortest, longest] = [costs.get(whole(0)), costs.get(whole(10))] as [number[], number[]]
  const evenness = 100 * median(shortest.map((value, round) => value / (longest[round] as number)))
  return [
    figure({ name: 'anchor: one verification and one signature by node:crypto', value: cost(costs, 'anchor'), unit: 'µs CPU' }),
    ...LENGTHS.map((length) => atLeast(72, of(whole(length)))),
    atLeast(93, { name: 'server part: owner chain 10 against owner chain 0', value: evenness, unit: '%' }),
    ...LENGTHS.map((length) => atLeast(115, of(withSodium(length)))),
    ...ENDS.map((length) => figure(of(protocolAlone(length)))),
    ...LENGTHS.map((length) => figure({ name: whole(length), value: cost(costs, whole(length)), unit: 'µs CPU' })),
  ]
}

const whole = (length: number) => `server part: owner chain ${length}`
const withSodium = (length: number) => `server part with sodium-native: owner chain ${length}`
const protocolAlone = (length: number) => `protocol pipeline: owner chain ${length}`

const callersOf = async (host: Caller['host'], lease: Parameters<typeof callerOf>[2]): Promise<Map<number, Caller>> => {
  const callers = new Map<number, Caller>()
  for (const length of LENGTHS) callers.set(length, await callerOf(host, length, lease))
  return callers
}

/** A whole host, whose key signs by `ed25519`; it verifies by what is in use at the time. */
const hostWith = async (ed25519?: Ed25519) => {
  useEd25519(ed25519)
  const { host, close } = await openHost()
  useEd25519()
  const answer: Answering = async (message) => (await host.door(call(message))).message
  return { did: host.did, lease: leasedBy(host), answer, close, ed25519 }
}

/** What the host does for a message, less the host: no gate, no dispatcher, no store, no metrics, no log. */
const pipeline = (signer: LocalSigner) => {
  const memory = new UcanMemory()
  const bound = { can: 'shelf/get', name: 'get', service: shelf, ability: shelf.abilities.get }
  const guard = (): Guard => ({
    host: signer.did,
    now: now(),
    maxLife: 600,
    bounds: BOUNDS,
    ability: (can) => (can === bound.can ? bound : undefined),
    revocations: () => [],
  })
  const answer: Answering = (bytes) => {
    const message = admit(bytes, BOUNDS, memory)
    const receipts = message.invocations.map((invocation) => {
      const { key } = unwrap(authorize(invocation, message, guard())).input as { key: string }
      return { ran: invocation.cid, block: issueReceipt(signer, invocation.cid, { ok: { key, size: key.length } }) }
    })
    return encodeReceipts(receipts)
  }
  return { did: signer.did, lease: leaseFrom(signer), answer }
}
