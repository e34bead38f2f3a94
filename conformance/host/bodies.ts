import { encodeInvocations, encodeVarint, Failure, type Proof, STREAM_TYPE, type Ucan, ucansOf, unwrap } from '@symbiosis/protocol'
import type { Sample } from '../guests.ts'
import { samplesOf } from './amounts.ts'
import { codeOf, Idle, must, mustEqual, type Rule, Unseen } from './breach.ts'
import { type Lessee, lessee, open, run } from './lessee.ts'
import type { Answer, Peer } from './peer.ts'
import { soon } from './watching.ts'

const area = 'streams'

/** Milliseconds that an upload is under way before something happens to it, and within which it ends when its right was taken back. */
const UNDER_WAY = 100
const CUT_WITHIN = 1000

/** A sample that streams one way, and somebody who has done all that comes before it. */
interface Streaming {
  readonly sample: Sample
  readonly by: Lessee
}

/** A sample of each ability that streams a way, and that works; Idle where the host has nothing that does. */
const streaming = async (peer: Peer, way: 'in' | 'out'): Promise<readonly Sample[] | Idle> => {
  const found = new Map<string, Sample>()
  for (const sample of await samplesOf(peer)) {
    const told = await peer.ability(sample.ability)
    const works = told?.stream === way && !sample.error && (way === 'out' || sample.body)
    if (works && !found.has(sample.ability)) found.set(sample.ability, sample)
  }
  if (found.size > 0) return [...found.values()]
  const cans = await peer.cans(({ stream, authority }) => stream === way && authority !== 'operator')
  if (cans.length === 0) return new Idle(`It has nothing that streams ${way}`)
  throw new Unseen(`No stream ${way} can be seen: pass a sample of ${cans.join(' or ')}`)
}

/** Somebody new who has done all that comes before the sample. */
const prepared = async (peer: Peer, sample: Sample): Promise<Streaming> => {
  const by = await lessee(peer)
  for (const before of await samplesOf(peer)) {
    if (before.ability === sample.ability) return { sample, by }
    await run(peer, by, before)
  }
  return { sample, by }
}

const about = (way: 'in' | 'out', name: string, look: (peer: Peer, streaming: Streaming) => Promise<unknown>): Rule => ({
  area,
  name,
  async check(peer) {
    const found = await streaming(peer, way)
    if (found instanceof Idle) return found
    for (const sample of found) await look(peer, await prepared(peer, sample))
  },
})

const joined = (...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
const section = (bytes: Uint8Array): Uint8Array => joined(encodeVarint(bytes.length), bytes)
const END = Uint8Array.of(0)

/** Sends the body of an upload as it is, and reads its answer. */
const upload = (peer: Peer, invocation: Ucan, body: Uint8Array<ArrayBuffer>): Promise<Answer> =>
  peer.patiently(async (signal) => {
    const response = await fetch(peer.url, { method: 'POST', headers: { 'content-type': STREAM_TYPE }, body, signal })
    if (!response.ok) {
      const { error } = (await response.json()) as { error: { name: string; message: string; retryAfter?: number } }
      throw Failure.fromRefusal(error)
    }
    return peer.read(new Uint8Array(await response.arrayBuffer()), [invocation])[0] as Answer
  })

/** What stands in the body before its frames, and what has to stand there. */
const begun = async (peer: Peer, { sample, by }: Streaming, over: { signer?: Lessee['signer']; proofs?: readonly Proof[] } = {}) => {
  const { signer = by.signer, proofs = by.proofs } = over
  const invocation = await peer.invocation({ signer, subject: by.signer.did, can: sample.ability, nb: sample.nb ?? {}, proofs })
  const message = encodeInvocations([invocation], ucansOf(proofs))
  return { invocation, message, head: section(message), bytes: sample.body as Uint8Array }
}

/** Gives the parts, and then neither more nor an end. */
const unending = (...parts: readonly Uint8Array[]): ReadableStream<Uint8Array> => {
  let at = 0
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const part = parts[at++]
      // Without a part the stream is left as it is: nobody asks again.
      if (part) controller.enqueue(part)
    },
  })
}

/** What of streams can only be seen by calls that work. */
export const bodies: readonly Rule[] = [
  about('in', 'refuses a call without the bytes that it takes', async (peer, { sample, by }) => {
    const { ability: can, nb = {} } = sample
    const code = await codeOf(peer.call({ signer: by.signer, can, nb, proofs: by.proofs }))
    must(code === 'Unsupported', `${can} answers ${code}, where Unsupported was due`)
  }),
  about('in', 'takes bytes beside a call in frames of any length', async (peer, { sample }) => {
    const bytes = sample.body as Uint8Array
    const small = Array.from({ length: Math.min(40, bytes.length) }, (_, at) => section(bytes.subarray(at, at + 1)))
    const rest = bytes.subarray(small.length)
    const all: [string, readonly Uint8Array[]][] = [
      ['one frame', [section(bytes)]],
      ['frames of a byte', [...small, ...(rest.length > 0 ? [section(rest)] : [])]],
    ]
    for (const [what, frames] of all) {
      const { invocation, head } = await begun(peer, await prepared(peer, sample))
      const { error } = await upload(peer, invocation, joined(head, ...(bytes.length > 0 ? frames : []), END, END))
      must(!error, `In ${what}: ${error?.name}: ${error?.message}`)
    }
  }),
  about('in', 'takes no upload for whole that lacks its end', async (peer, found) => {
    const bytes = found.sample.body as Uint8Array
    const cases: [string, readonly Uint8Array[], string][] = [
      ['Without an end', [section(bytes)], 'Malformed'],
      ['With half an end', [section(bytes), END], 'Malformed'],
      ['Cut in a frame', [section(bytes).subarray(0, -1)], 'Malformed'],
      ['With a byte behind the end', [section(bytes), END, END, END], 'Malformed'],
      ['With a frame beyond all bounds', [encodeVarint(2 ** 40), bytes], 'TooLarge'],
    ]
    for (const [what, parts, code] of cases) {
      const { invocation, head } = await begun(peer, found)
      const told = await codeOf(upload(peer, invocation, joined(head, ...parts)))
      must(told === code, `${what}: ${told}, where ${code} was due`)
    }
  }),
  about('in', 'lets an upload be sent again that broke', async (peer, found) => {
    const { bytes, message } = await begun(peer, found)
    const leaving = new AbortController()
    const body = unending(bytes.subarray(0, Math.ceil(bytes.length / 2)))
    const broken = peer.channel.open(message, { body, signal: leaving.signal }).catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, UNDER_WAY))
    leaving.abort()
    await broken
    const { out } = await run(peer, found.by, found.sample)
    must(!out.error, `Sent again, it is answered ${out.error?.name}: ${out.error?.message}`)
  }),
  about('in', 'ends an upload whose right was taken back within a second', async (peer, found) => {
    const { by, sample } = found
    const device = await peer.given(by.signer, peer.device, { can: sample.ability })
    const { invocation, message, bytes } = await begun(peer, found, { signer: peer.device, proofs: [device, ...by.proofs] })
    const answering = peer.channel.open(message, { body: unending(bytes.subarray(0, Math.ceil(bytes.length / 2))) })
    await Promise.race([answering.catch(() => {}), new Promise((resolve) => setTimeout(resolve, UNDER_WAY))])
    unwrap(await peer.call({ signer: by.signer, can: 'ucan/revoke', nb: { ucan: device.ucan.cid }, proofs: by.proofs, attach: [device] }))
    const { message: answer } = await soon(answering, CUT_WITHIN, `It goes on for more than ${CUT_WITHIN} milliseconds`)
    const [out] = peer.read(answer, [invocation])
    must(out?.error?.name === 'Revoked', `It answers ${out?.error?.name ?? 'ok'}`)
    must(out?.error?.link === String(device.ucan.cid), 'It does not say which link')
  }),
  about('out', 'says of a stream where it ends, and gives all of it again', async (peer, { sample, by }) => {
    const [first, again] = [await run(peer, by, sample), await run(peer, by, sample)]
    must(!first.out.error && !again.out.error, `${sample.ability} answers ${(first.out.error ?? again.out.error)?.name}`)
    must(first.bytes && again.bytes, `${sample.ability} is answered without a stream`)
    if (!sample.varies?.length) mustEqual(again.bytes, first.bytes, `The second stream of ${sample.ability} is another one`)
  }),
  about('out', 'streams to nobody who has no lease', async (peer, { sample }) => {
    const { ability: can, nb = {} } = sample
    // What is open to all asks for none.
    if ((await peer.ability(can))?.authority !== 'leased') return
    const invocation = await peer.invocation({ signer: peer.stranger, can, nb })
    const { answer, body } = await peer.patiently((signal) => open(peer, invocation, [], { signal }))
    await body?.cancel()
    must(answer.error?.name === 'NoLease' && !body, `${can} answers ${answer.error?.name ?? 'ok'}, where NoLease was due`)
  }),
]
